"""Least privilege: what the role's statements are, and what they let the built function do in a registry."""

import itertools
import json
from typing import Any

import botocore.session
import pytest
from registry import Deploy, changes, take_role
from served import Emulator
from template import Stack, source

CONFIRMED = {"Mode": "apply", "ConfirmApply": "yes"}
HERE = "arn:aws:ecr:us-east-1:123456789012:repository/*"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:janitor:3"
ALWAYS = {"Discover", "PullThroughRules", "Read", "OnlyThisRegistry"}


def registry_statements(**given: str) -> dict[str, Any]:
    """What of the role is about ECR, by Sid."""
    given = {"BackupKeep": "0d"} | given
    return {sid: one for sid, one in Stack(**given).statements().items() if "ecr:" in str(one["Action"])}


def pattern(name: str) -> str:
    return f"arn:*:ecr:*:*:repository/{name}"


def test_what_is_always_there() -> None:
    statements = registry_statements(Repositories="team/*,web")
    assert statements.keys() == ALWAYS
    assert statements["Discover"] == {
        "Sid": "Discover", "Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": HERE
    }  # fmt: skip
    assert statements["PullThroughRules"]["Action"] == "ecr:DescribePullThroughCacheRules"
    assert statements["PullThroughRules"]["Resource"] == "*"
    assert statements["Read"]["Action"] == ["ecr:DescribeImages", "ecr:BatchGetImage"]
    assert statements["Read"]["Resource"] == [pattern("team/*"), pattern("web")]
    only = statements["OnlyThisRegistry"]
    assert (only["Effect"], only["NotResource"]) == ("Deny", HERE)


def test_what_is_allowed_on_a_pattern_is_denied_elsewhere() -> None:
    statements = registry_statements(**CONFIRMED, Attached="tag", RequireTagKey="a", Repositories="x", BackupKeep="7d")
    on_patterns = {
        action
        for statement in statements.values()
        if statement["Effect"] == "Allow" and statement["Resource"] == [pattern("x")]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert on_patterns == set(statements["OnlyThisRegistry"]["Action"])


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"Mode": "plan", "Orphaned": "delete", "Attached": "tag"}, set()),
        (CONFIRMED, {"Delete"}),
        (CONFIRMED | {"Orphaned": "keep"}, set()),
        (CONFIRMED | {"Orphaned": "tag"}, {"Tag"}),
        (CONFIRMED | {"Orphaned": "keep", "Superseded": "delete"}, {"Delete"}),
        (CONFIRMED | {"Orphaned": "keep", "Preset": "recommended"}, {"Delete"}),
        (CONFIRMED | {"Orphaned": "keep", "Preset": "recommended", "Superseded": "keep"}, set()),
        (CONFIRMED | {"Orphaned": "keep", "Preset": "orphans"}, set()),
        (CONFIRMED | {"Orphaned": "keep", "Superseded": "tag"}, {"Tag"}),
        (CONFIRMED | {"Orphaned": "delete", "Attached": "tag"}, {"Delete", "Tag"}),
        (CONFIRMED | {"Orphaned": "keep", "ConfigDeletes": "true", "ConfigLayerArn": LAYER}, {"Delete"}),
        (CONFIRMED | {"Orphaned": "keep", "ConfigTags": "true", "ConfigLayerArn": LAYER}, {"Tag"}),
    ],
)
def test_writes_are_there_only_if_the_policy_writes(given: dict[str, str], expected: set[str]) -> None:
    reads = ALWAYS | {"ReplicationRules"}
    assert registry_statements(**given).keys() - reads == expected
    # Excluded repositories are denied where there is something to deny.
    with_exclude = registry_statements(**given, Exclude="prod/*,web")
    assert with_exclude.keys() - reads == expected | ({"KeepExcluded"} if expected else set())
    if expected:
        keep = with_exclude["KeepExcluded"]
        assert (keep["Effect"], keep["Action"]) == ("Deny", ["ecr:BatchDeleteImage", "ecr:PutImage"])
        assert keep["Resource"] == [pattern("prod/*"), pattern("web")]


@pytest.mark.parametrize(
    "given, is_read",
    [
        ({}, False),
        ({"Superseded": "delete"}, True),
        ({"Superseded": "tag"}, False),
        ({"Preset": "recommended"}, True),
        ({"Preset": "recommended", "Superseded": "keep"}, False),
        ({"ConfigDeletes": "true", "ConfigLayerArn": LAYER}, True),
        ({"ConfigTags": "true", "ConfigLayerArn": LAYER}, False),
    ],
)
def test_replication_rules_are_read_where_something_superseded_may_be_deleted(given: dict[str, str], is_read: bool) -> None:
    rules = registry_statements(**given).get("ReplicationRules")
    assert rules == ({"Sid": "ReplicationRules", "Effect": "Allow", "Action": "ecr:DescribeRegistry", "Resource": "*"} if is_read else None)


def test_a_role_without_patterns_is_about_all_repositories() -> None:
    statements = registry_statements(**CONFIRMED, Attached="tag")
    assert all(statements[sid]["Resource"] == [pattern("*")] for sid in ("Read", "Delete", "Tag"))


def test_writes_are_about_the_patterns_and_the_tag() -> None:
    given = CONFIRMED | {"Repositories": "team/*,web", "Attached": "tag"}
    plain = registry_statements(**given)
    assert plain["Delete"] == {
        "Sid": "Delete", "Effect": "Allow", "Action": "ecr:BatchDeleteImage",
        "Resource": [pattern("team/*"), pattern("web")],
    }  # fmt: skip
    assert plain["Tag"] == plain["Delete"] | {"Sid": "Tag", "Action": "ecr:PutImage"}
    tagged = registry_statements(**given, RequireTagKey="team:owner", RequireTagValue="a=b")
    condition = {"StringEquals": {"aws:ResourceTag/team:owner": "a=b"}}
    assert tagged["Delete"] == plain["Delete"] | {"Condition": condition}
    assert tagged["Tag"] == plain["Tag"] | {"Condition": condition}
    assert "ecr:ListTagsForResource" in tagged["Read"]["Action"]


def test_nothing_is_wild_that_need_not_be() -> None:
    """No action with a wildcard, no AWS managed policy, and * only where there is no resource."""
    stack = Stack(**CONFIRMED, Preset="recommended", Attached="tag", Tracing="on", ImageActions="on", RequireTagKey="a")
    for sid, statement in itertools.chain(stack.statements().items(), stack.statements("ScheduleRole").items()):
        assert "*" not in str(statement["Action"]), sid
        assert statement.get("Resource") != "*" or sid in ("PullThroughRules", "ReplicationRules", "Trace"), sid
    assert stack.statements()["Log"]["Resource"] == "get:LogGroup.Arn"


def test_pull_times_are_left_alone_on_demand() -> None:
    kind = "AWS::ECR::PullTimeUpdateExclusion"
    assert Stack().of_type(kind) == {"PullTimes": {"PrincipalArn": "get:FunctionRole.Arn"}}
    assert not Stack(PullTimeExclusion="no").of_type(kind)


@pytest.mark.parametrize(
    "given, is_needed",
    [
        (CONFIRMED, True),
        (CONFIRMED | {"BackupKeep": "7d"}, True),
        (CONFIRMED | {"BackupKeep": "0d"}, False),
        (CONFIRMED | {"Orphaned": "tag"}, False),
        ({}, False),
        ({"BackupLocation": "none"}, False),
        ({"MemoryStatements": "newest"}, True),
        ({"MemoryStatements": "none"}, False),
        (CONFIRMED | {"BackupKeep": "0d", "MemoryStatements": "newest"}, True),
    ],
)
def test_layers_are_downloaded_only_for_backups_and_statements(given: dict[str, str], is_needed: bool) -> None:
    read = Stack(**given).statements()["Read"]
    assert ("ecr:GetDownloadUrlForLayer" in read["Action"]) == is_needed


# ---- In S3 --------------------------------------------------------------------------------------------------------


OWN = "arn:aws:s3:::ref:StateBucket"
OBJECTS = ["s3:GetObject", "s3:PutObject"]


def state_statements(**given: str) -> dict[str, Any]:
    """What of the role is about S3, by Sid."""
    return {sid: one for sid, one in Stack(**given).statements().items() if "s3:" in str(one["Action"])}


def test_the_own_bucket_is_all_there_is_of_s3() -> None:
    statements = state_statements(**CONFIRMED)
    deny = statements.pop("OnlyOwnBucket")
    assert statements == {
        "Memory": {"Sid": "Memory", "Effect": "Allow", "Action": OBJECTS, "Resource": f"{OWN}/memory/*"},
        "MemoryMissing": {
            "Sid": "MemoryMissing", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": OWN,
            "Condition": {"StringLikeIfExists": {"s3:prefix": "*memory/*"}},
        },
        "Backups": {"Sid": "Backups", "Effect": "Allow", "Action": OBJECTS, "Resource": f"{OWN}/backup/*"},
        "BackupsMissing": {
            "Sid": "BackupsMissing", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": OWN,
            "Condition": {"StringLikeIfExists": {"s3:prefix": "*backup/*"}},
        },
    }  # fmt: skip
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"StringNotEquals": {"aws:ResourceAccount": "123456789012"}})


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {"Memory", "MemoryMissing", "OnlyOwnBucket"}),
        ({"MemoryLocation": "none"}, {"OnlyOwnBucket"}),
        (CONFIRMED | {"MemoryLocation": "none", "BackupKeep": "0d"}, set()),
        (CONFIRMED | {"MemoryLocation": "none"}, {"Backups", "BackupsMissing", "OnlyOwnBucket"}),
        (CONFIRMED | {"BackupKeep": "0d"}, {"Memory", "MemoryMissing", "OnlyOwnBucket"}),
        (CONFIRMED | {"Orphaned": "keep"}, {"Memory", "MemoryMissing", "OnlyOwnBucket"}),
    ],
)
def test_of_s3_there_is_only_what_is_used(given: dict[str, str], expected: set[str]) -> None:
    assert state_statements(**given).keys() == expected


def test_a_bucket_elsewhere_is_allowed_and_no_other() -> None:
    elsewhere = {"MemoryLocation": "s3://one/a/b", "BackupLocation": "s3://two"}
    statements = state_statements(**CONFIRMED, **elsewhere)
    assert {sid: one["Resource"] for sid, one in statements.items()} == {
        "Memory": "arn:aws:s3:::one/a/b/memory/*",
        "MemoryMissing": "arn:aws:s3:::one",
        "Backups": "arn:aws:s3:::two/backup/*",
        "BackupsMissing": "arn:aws:s3:::two",
    }
    assert not Stack(**elsewhere).of_type("AWS::S3::Bucket")


def test_the_longest_lists_fit_what_iam_takes() -> None:
    """10,240 characters for all inline policies of a role together, 6,144 for a managed one, white space not counted."""
    longest = ",".join("a" * 15 + "/" for _ in range(60))[:1024].rstrip(",")
    most = ",".join(["a"] * 60)
    place = "s3://" + "b" * 63 + "/" + "c" * 180
    for patterns in (longest, most):
        given = {
            "Repositories": patterns,
            "Exclude": patterns,
            "RequireTagKey": "k" * 128,
            "RequireTagValue": "v" * 256,
            "Attached": "tag",
            "MemoryLocation": place,
            "BackupLocation": place,
            "InUseSources": "lambda,ecs,inspector",
            "InUseList": "s3://" + "b" * 63 + "/" + "c" * 400,
            "ImageActions": "on",
            "Tracing": "on",
            "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/" + "0" * 36,
            "OnSuccessArn": "arn:aws:sns:us-east-1:123456789012:" + "r" * 100,
        }
        stack = Stack(**CONFIRMED, Preset="recommended", **given)
        documents = [policy["PolicyDocument"] for policy in stack["FunctionRole"]["Policies"]]
        assert sum(len(json.dumps(one, separators=(",", ":"))) for one in documents) < 10_240
        managed = [json.loads(one["PolicyDocument"]) for one in stack.of_type("AWS::IAM::ManagedPolicy").values()]
        assert len(managed) == 2 and all(len(json.dumps(one, separators=(",", ":"))) < 6_144 for one in managed)


@pytest.mark.parametrize("given, days", [({}, 30), ({"BackupKeep": "7d"}, 7), ({"BackupKeep": "0d"}, 30)])
def test_the_bucket_forgets_backups_and_old_versions_and_outlives_the_stack(given: dict[str, str], days: int) -> None:
    rules = Stack(**given)["StateBucket"]["LifecycleConfiguration"]["Rules"]
    [(prefix, expires)] = [(rule["Prefix"], rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule]
    assert (prefix, int(expires)) == ("backup/", days)
    assert [rule["NoncurrentVersionExpiration"] for rule in rules if "Prefix" not in rule] == [{"NoncurrentDays": 7}]
    declared = source()["Resources"]["StateBucket"]
    assert (declared["DeletionPolicy"], declared["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_bucket_takes_the_key_of_the_stack() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0"
    [rule] = Stack(KmsKeyArn=key)["StateBucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    [statement] = Stack()["StateBucketPolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")


def test_people_are_told_how_to_share_what_the_function_keeps() -> None:
    outputs = Stack().outputs
    for variable, name in (("JANITOR_MEMORY_LOCATION", "SharedMemory"), ("JANITOR_BACKUP_LOCATION", "SharedBackups")):
        assert outputs[name] == f"export {variable}=s3://ref:StateBucket"
    elsewhere = Stack(MemoryLocation="s3://other", BackupKeep="0d").outputs
    assert not {"SharedMemory", "SharedBackups"} & elsewhere.keys()


# ---- In a registry: the built function, and the emulator's IAM ----------------------------------------------------


READS = {
    "DescribeRepositories",
    "DescribePullThroughCacheRules",
    "DescribeImages",
    "BatchGetImage",
    "ListImageReferrers",  # there is no such action: whoever may BatchGetImage may do this
}


def test_a_plan_is_complete_and_every_other_call_is_denied(emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack()) as function:
        kind, report = function.invoke({})
    assert (kind, report["complete"], report["totals"]["planned"]) == ("response", True, 2)
    assert not changes(emulator)

    verdicts = {}
    for operation in botocore.session.get_session().get_service_model("ecr").operation_names:
        _, answer = emulator.raw(operation, {"repositoryName": "team-a/api"}, "FUNCTION")
        verdicts[operation] = str(answer.get("__type")).rsplit("#", 1)[-1]
    unknown = {operation for operation, code in verdicts.items() if code == "NotEmulatedException"}
    denied = {operation for operation, code in verdicts.items() if code == "AccessDeniedException"}
    assert denied == verdicts.keys() - READS - unknown
    assert {"BatchDeleteImage", "PutImage", "DeleteRepository", "InitiateLayerUpload"} <= denied
    assert not changes(emulator)


def test_even_an_apply_can_write_nothing_with_the_role_of_a_plan(emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack(**CONFIRMED)) as function:
        take_role(emulator, "FUNCTION", Stack())
        _, report = function.invoke({})
    assert (report["complete"], report["totals"]["deleted"], report["totals"]["failed"]) == (False, 0, 2)
    assert not changes(emulator)


def test_one_team_cannot_touch_the_other(emulator: Emulator, deploy: Deploy) -> None:
    """Even if its function were configured for all: the role alone keeps it out."""
    with deploy(Stack(**CONFIRMED)) as function:
        take_role(emulator, "FUNCTION", Stack(**CONFIRMED, Repositories="team-a/*"))
        _, report = function.invoke({})
    assert changes(emulator) == [("team-a/api", "deleted")]
    [other] = [one for one in report["repositories"] if one["name"] == "team-b/api"]
    assert (other["status"], other["reason"]) == ("failed", "access-denied")


def test_what_is_excluded_cannot_be_written_to(emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack(**CONFIRMED)) as function:
        take_role(emulator, "FUNCTION", Stack(**CONFIRMED, Exclude="team-b/*"))
        _, report = function.invoke({})
    assert changes(emulator) == [("team-a/api", "deleted")]
    assert report["totals"]["failed"] == 1


def test_only_what_bears_the_tag_can_be_written_to(emulator: Emulator, deploy: Deploy) -> None:
    tag = {"RequireTagKey": "janitor", "RequireTagValue": "enabled"}
    with deploy(Stack(**CONFIRMED)) as function:
        take_role(emulator, "FUNCTION", Stack(**CONFIRMED, **tag))
        _, report = function.invoke({})
    assert changes(emulator) == [("team-a/api", "deleted")]
    assert report["totals"]["failed"] == 1
    # And as it would be deployed, the other is not even tried.
    with deploy(Stack(**CONFIRMED, **tag)) as function:
        _, report = function.invoke({})
    assert report["complete"]
    assert [one["reason"] for one in report["repositories"]] == [None, "not-opted-in"]


def test_who_tags_cannot_delete(emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack(**CONFIRMED)) as function:
        take_role(emulator, "FUNCTION", Stack(**CONFIRMED, Orphaned="tag"))
        function.invoke({})
    assert not changes(emulator)
    with deploy(Stack(**CONFIRMED, Orphaned="tag")) as function:
        _, report = function.invoke({})
        assert (report["complete"], report["totals"]["tagged"]) == (True, 2)
        written = changes(emulator)
        # These tags are pushes: what runs after them writes nothing, and so there is an end to it.
        _, again = function.invoke({})
    assert (again["complete"], again["totals"]["tagged"]) == (True, 0)
    assert changes(emulator) == written


def test_another_registry_is_out_of_reach(emulator: Emulator) -> None:
    take_role(emulator, "FUNCTION", Stack(**CONFIRMED, Attached="tag"))
    for operation in ("DescribeImages", "BatchGetImage", "BatchDeleteImage", "PutImage"):
        request = {"repositoryName": "team-a/api", "registryId": "210987654321"}
        _, answer = emulator.raw(operation, request, "FUNCTION")
        assert answer["__type"].endswith("AccessDeniedException"), operation
        assert "explicit deny" in answer["message"], operation

"""What starts the function, and where events go that it did not handle."""

import json
from typing import Any

import pytest
from template import Stack, source


def queue(stack: Stack, arn: str) -> Any:
    return stack[arn.removeprefix("get:").removesuffix(".Arn")]


def test_the_function() -> None:
    function = Stack()["Function"]
    assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")
    assert function["Architectures"] == ["arm64"]
    assert "ReservedConcurrentExecutions" not in function, "a new account's first deployment would be rolled back"
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "ref:LogGroup"}
    assert function["Role"] == "get:FunctionRole.Arn"
    assert "Layers" not in function and "KmsKeyArn" not in function
    assert function["TracingConfig"] == {"Mode": "PassThrough"}
    assert Stack(Architecture="x86_64")["Function"]["Architectures"] == ["x86_64"]
    assert str(Stack(ReservedConcurrency="1")["Function"]["ReservedConcurrentExecutions"]) == "1"


def test_the_log_group_keeps_what_was_decided() -> None:
    stack = Stack(LogRetentionDays="30")
    assert stack["LogGroup"] == {"RetentionInDays": "30"}, "with a name, a stack of that name could not be created again"
    assert stack["Function"]["LoggingConfig"]["LogGroup"] == "ref:LogGroup"


def test_the_record_and_the_backups_outlive_the_stack_and_a_failed_creation_leaves_nothing() -> None:
    for name in ("LogGroup", "StateBucket"):
        written = source()["Resources"][name]
        assert (written["DeletionPolicy"], written["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_schedule() -> None:
    stack = Stack(Schedule="cron(30 2 ? * MON-FRI *)", ScheduleTimezone="Europe/Berlin", ScheduleFlexibleMinutes="5")
    [schedule] = stack.of_type("AWS::Scheduler::Schedule").values()
    assert schedule["Name"] == "ecr-janitor", "SAM's own name would be the same in every stack"
    assert schedule["ScheduleExpression"] == "cron(30 2 ? * MON-FRI *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "5"}
    assert schedule["State"] == "ENABLED"
    target = schedule["Target"]
    assert (target["Arn"], target["RoleArn"]) == ("get:Function.Arn", "get:ScheduleRole.Arn")
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert target["DeadLetterConfig"] == {"Arn": "get:UndeliveredQueue.Arn"}
    assert json.loads(target["Input"])["detail-type"] == "Scheduled Event"

    [schedule] = Stack(ScheduleEnabled="false", ScheduleFlexibleMinutes="0").of_type("AWS::Scheduler::Schedule").values()
    assert schedule["State"] == "DISABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_the_schedule_may_start_this_function_and_nothing_else() -> None:
    statements = Stack().statements("ScheduleRole")
    assert {sid: (one["Action"], one["Resource"]) for sid, one in statements.items()} == {
        "Start": ("lambda:InvokeFunction", "get:Function.Arn"),
        "Undelivered": ("sqs:SendMessage", "get:UndeliveredQueue.Arn"),
    }
    [trust] = Stack()["ScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_a_failed_invocation_is_kept_and_not_repeated() -> None:
    invocation = Stack()["Invocation"]
    assert invocation["MaximumRetryAttempts"] == 0
    assert invocation["DestinationConfig"] == {"OnFailure": {"Destination": "get:FailedQueue.Arn"}}


@pytest.mark.parametrize(
    "arn, action",
    [
        ("arn:aws:sns:us-east-1:123456789012:reports", "sns:Publish"),
        ("arn:aws:sqs:us-east-1:123456789012:reports", "sqs:SendMessage"),
        ("arn:aws:lambda:us-east-1:123456789012:function:hear", "lambda:InvokeFunction"),
        ("arn:aws:events:us-east-1:123456789012:event-bus/default", "events:PutEvents"),
    ],
)
def test_reports_may_go_where_they_should(arn: str, action: str) -> None:
    stack = Stack(OnSuccessArn=arn)
    assert stack["Invocation"]["DestinationConfig"]["OnSuccess"] == {"Destination": arn}
    report = stack.statements()["Report"]
    assert action in report["Action"] and report["Resource"] == arn


def test_pushes_are_heard_only_on_demand() -> None:
    names = {name for name in Stack(ImageActions="on").resources if name not in Stack().resources}
    assert names == {
        "ImageActionsRule",
        "ImageActionsQueue",
        "ImageActionsFailedQueue",
        "ImageActionsQueuePolicy",
        "UndeliveredQueuePolicy",
        "ImageActionsSource",
        "ImageActionsAlarm",
    }


def test_a_burst_of_pushes_is_one_run_that_begins_after_them() -> None:
    stack = Stack(ImageActions="on")
    rule = stack["ImageActionsRule"]
    pattern = rule["EventPattern"]
    assert pattern["detail-type"] == ["ECR Image Action", "ECR Replication Action"]
    [target] = rule["Targets"]
    assert target["InputTransformer"]["InputPathsMap"] == {"repository": "$.detail.repository-name"}
    assert "SqsParameters" not in target, "in one group, a repository that fails would hold up all others"
    pushes = queue(stack, target["Arn"])
    assert "FifoQueue" not in pushes and pushes["DelaySeconds"] == 300
    assert pushes["RedrivePolicy"]["maxReceiveCount"] >= 5, "a throttled invocation counts as one"
    assert "FifoQueue" not in queue(stack, pushes["RedrivePolicy"]["deadLetterTargetArn"])
    source = stack["ImageActionsSource"]
    assert source["MaximumBatchingWindowInSeconds"] == 300 and source["BatchSize"] >= 1000
    assert source["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert pushes["VisibilityTimeout"] >= 6 * 900 + source["MaximumBatchingWindowInSeconds"]
    assert source["EventSourceArn"] == target["Arn"] and source["FunctionName"] == "ref:Function"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stack.statements()["ImageActions"]["Resource"] == target["Arn"]


# Fields of ECR's events, of which a media type came in 2025.
PUSH = {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "team/api", "image-tag": "v1"}
REPLICATION = {"action-type": "REPLICATE", "result": "SUCCESS", "repository-name": "team/api", "source-region": "eu-west-1"}
INDEX = {"manifest-media-type": "application/vnd.oci.image.index.v1+json"}
CHILD = {"manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "image-tag": ""}


@pytest.mark.parametrize(
    "kind, detail, is_heard",
    [
        ("ECR Image Action", PUSH | INDEX, True),
        ("ECR Image Action", PUSH | {"manifest-media-type": "application/vnd.docker.distribution.manifest.list.v2+json"}, True),
        ("ECR Image Action", PUSH, True),
        ("ECR Image Action", PUSH | CHILD, False),
        ("ECR Image Action", PUSH | INDEX | {"action-type": "DELETE"}, False),
        ("ECR Image Action", PUSH | INDEX | {"result": "FAILURE"}, False),
        ("ECR Replication Action", REPLICATION, True),
        ("ECR Replication Action", REPLICATION | {"result": "FAILURE"}, False),
        ("ECR Image Scan", PUSH | INDEX, False),
    ],
)
def test_an_index_that_arrives_is_heard_and_its_children_are_not(kind: str, detail: dict[str, str], is_heard: bool) -> None:
    pattern = Stack(ImageActions="on")["ImageActionsRule"]["EventPattern"]
    assert matches(pattern, {"source": "aws.ecr", "detail-type": kind, "detail": detail}) == is_heard


def matches(pattern: Any, event: Any) -> bool:
    """As EventBridge reads a pattern: each key has one of its values; {"exists": false} where it is absent."""
    if isinstance(pattern, dict):
        return all(matches(wanted, event.get(key)) for key, wanted in pattern.items())
    return any(event is None if one == {"exists": False} else event == one for one in pattern)


def test_only_the_rule_may_send_to_its_queues() -> None:
    stack = Stack(ImageActions="on")
    [target] = stack["ImageActionsRule"]["Targets"]
    reached = set()
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        [statement] = policy["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "get:ImageActionsRule.Arn"}}
        assert [f"ref:{statement['Resource'].removeprefix('get:').removesuffix('.Arn')}"] == policy["Queues"]
        reached.add(statement["Resource"])
    assert reached == {target["Arn"], target["DeadLetterConfig"]["Arn"]}


def test_one_key_encrypts_all() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
    stack = Stack(KmsKeyArn=key, ImageActions="on")
    assert stack["LogGroup"]["KmsKeyId"] == stack["Function"]["KmsKeyArn"] == key
    assert all(found["KmsMasterKeyId"] == key for found in stack.of_type("AWS::SQS::Queue").values())
    assert stack.statements()["Key"]["Resource"] == stack.statements("ScheduleRole")["Key"]["Resource"] == key
    assert "Key" not in Stack().statements()


def test_a_boundary_bounds_every_role() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    roles = Stack(PermissionsBoundaryArn=boundary).of_type("AWS::IAM::Role").values()
    assert len(roles) == 2 and all(role["PermissionsBoundary"] == boundary for role in roles)
    assert all("PermissionsBoundary" not in role for role in Stack().of_type("AWS::IAM::Role").values())

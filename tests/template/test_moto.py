"""The translated template deploys, on moto's CloudFormation.

Mind what moto SILENTLY leaves out: the types in LEFT_OUT, and Rules. Some of these are put to moto's own API here; that
the others are right is for cfn-lint's schemas and the other tests to say. And moto takes no policy document that is
JSON text, as CloudFormation does: those of the managed policies are given to it as objects.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from template import Stack, translated

GIVEN = {
    "Mode": "apply",
    "ConfirmApply": "yes",
    "Repositories": "team/*",
    "ImageActions": "on",
    "Architecture": "x86_64",
    "RequireTagKey": "ecr-janitor",
    "RequireTagValue": "enabled",
}
LEFT_OUT = {
    "AWS::CloudWatch::Alarm",
    "AWS::ECR::PullTimeUpdateExclusion",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Logs::QueryDefinition",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}


def template(**given: str) -> Any:
    made = translated(**given)
    for name, policy in Stack(**given).of_type("AWS::IAM::ManagedPolicy").items():
        made["Resources"][name]["Properties"]["PolicyDocument"] = json.loads(policy["PolicyDocument"])
    return made


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture(scope="module")
def resources() -> Iterator[dict[str, str]]:
    """Physical names by logical ones."""
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        s3 = client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="function.zip", Body=code.getvalue())
        cloudformation = client("cloudformation")
        cloudformation.create_stack(
            StackName="ecr-janitor",
            TemplateBody=json.dumps(template(**GIVEN)),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        [stack] = cloudformation.describe_stacks(StackName="ecr-janitor")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName="ecr-janitor")
        yield {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["LogicalResourceId"]  # what was left out is listed without a name
        }


@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize("preset", ["", "orphans", "recommended"])
def test_every_preset_deploys(preset: str, mode: str) -> None:
    given = {"Preset": preset, "Mode": mode, "ConfirmApply": "yes"}
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client("s3").create_bucket(Bucket="code")
        client("s3").put_object(Bucket="code", Key="function.zip", Body=b"PK\x05\x06" + b"\0" * 18)
        cloudformation = client("cloudformation")
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
        body = json.dumps(template(**given))
        cloudformation.create_stack(StackName="ecr-janitor", TemplateBody=body, Parameters=parameters, Capabilities=["CAPABILITY_IAM"])
        [stack] = cloudformation.describe_stacks(StackName="ecr-janitor")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        variables = client("lambda").get_function(FunctionName="ecr-janitor")["Configuration"]["Environment"]["Variables"]
        assert (variables["JANITOR_MODE"], variables.get("JANITOR_PRESET", "")) == (mode, preset)
        names = [policy["PolicyName"] for policy in client("iam").list_policies(Scope="Local")["Policies"]]
        assert bool(names) == (mode == "apply"), "a stack that plans has no policy that lets it write"


def test_all_is_there_that_moto_knows(resources: dict[str, str]) -> None:
    declared = translated(**GIVEN)["Resources"]
    expected = {
        name
        for name, resource in declared.items()
        if resource["Type"] not in LEFT_OUT and resource.get("Condition") != "TagsImages"
    }
    assert resources.keys() == expected


def test_the_function_is_as_configured(resources: dict[str, str]) -> None:
    aws_lambda = client("lambda")
    function = aws_lambda.get_function(FunctionName=resources["Function"])
    configuration = function["Configuration"]
    assert configuration["FunctionName"] == "ecr-janitor"
    assert configuration["Architectures"] == ["x86_64"]
    assert (configuration["Timeout"], configuration["MemorySize"]) == (900, 256)
    variables = configuration["Environment"]["Variables"]
    assert (variables["JANITOR_MODE"], variables["JANITOR_REPOSITORIES"]) == ("apply", "team/*")
    assert variables["JANITOR_REQUIRE_TAG"] == "ecr-janitor=enabled"
    [source] = aws_lambda.list_event_source_mappings(FunctionName="ecr-janitor")["EventSourceMappings"]
    assert source["EventSourceArn"].split(":")[-1] == resources["ImageActionsQueue"].split("/")[-1]


def test_the_role_holds_its_policies(resources: dict[str, str]) -> None:
    iam = client("iam")
    role = resources["FunctionRole"]
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["function", "registry", "state"]
    [attached] = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    [statement] = version["PolicyVersion"]["Document"]["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("Delete", "ecr:BatchDeleteImage")
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/ecr-janitor": "enabled"}}


def test_pushes_reach_the_queue_as_one_message(resources: dict[str, str]) -> None:
    sqs, events = client("sqs"), client("events")
    url = resources["ImageActionsQueue"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "FifoQueue" not in attributes
    assert int(attributes["DelaySeconds"]) == 300
    assert "deadLetterTargetArn" in json.loads(attributes["RedrivePolicy"])
    [rule] = events.list_rules()["Rules"]
    assert json.loads(rule["EventPattern"])["detail-type"] == ["ECR Image Action", "ECR Replication Action"]


def test_the_log_group_is_kept(resources: dict[str, str]) -> None:
    [group] = client("logs").describe_log_groups(logGroupNamePrefix=resources["LogGroup"])["logGroups"]
    assert group["retentionInDays"] == 365


def test_the_bucket_is_private_and_encrypted(resources: dict[str, str]) -> None:
    s3, bucket = client("s3"), {"Bucket": resources["StateBucket"]}
    [rule] = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    # What moto's CloudFormation drops is put to its API.
    declared = Stack(**GIVEN)["StateBucket"]
    assert set(declared["PublicAccessBlockConfiguration"].values()) == {True}
    s3.put_public_access_block(
        **bucket, PublicAccessBlockConfiguration=declared["PublicAccessBlockConfiguration"]
    )
    s3.put_bucket_versioning(**bucket, VersioningConfiguration=declared["VersioningConfiguration"])
    s3.put_bucket_ownership_controls(**bucket, OwnershipControls=declared["OwnershipControls"])
    expire, forget = declared["LifecycleConfiguration"]["Rules"]
    s3.put_bucket_lifecycle_configuration(
        **bucket,
        LifecycleConfiguration={"Rules": [
            {"ID": expire["Id"], "Status": "Enabled", "Filter": {"Prefix": expire["Prefix"]},
             "Expiration": {"Days": int(expire["ExpirationInDays"])}},
            {"ID": forget["Id"], "Status": "Enabled", "Filter": {"Prefix": ""},
             "NoncurrentVersionExpiration": forget["NoncurrentVersionExpiration"]},
        ]},
    )  # fmt: skip
    policy = json.dumps(Stack(**GIVEN)["StateBucketPolicy"]["PolicyDocument"])
    s3.put_bucket_policy(**bucket, Policy=policy.replace("get:StateBucket.Arn", "arn:aws:s3:::" + bucket["Bucket"]))


def test_what_moto_leaves_out_fits_the_api(resources: dict[str, str]) -> None:
    stack = Stack(**GIVEN)
    cloudwatch = client("cloudwatch")
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        cloudwatch.put_metric_alarm(**alarm | {"EvaluationPeriods": int(alarm["EvaluationPeriods"])})
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 11
    [schedule] = stack.of_type("AWS::Scheduler::Schedule").values()
    schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"] = 15
    # What would be ARNs, as far as the API looks at them.
    for holder, name in ((schedule["Target"], "Arn"), (schedule["Target"]["DeadLetterConfig"], "Arn")):
        holder[name] = "arn:aws:sqs:us-east-1:123456789012:stands-for-another"
    schedule["Target"]["RoleArn"] = "arn:aws:iam::123456789012:role/stands-for-another"
    client("scheduler").create_schedule(**schedule)
    assert client("scheduler").get_schedule(Name="ecr-janitor")["State"] == "ENABLED"

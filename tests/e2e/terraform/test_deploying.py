"""A deployment from apply to destroy, on an emulator."""

import json
import os
import shutil
import time
from dataclasses import replace

import boto3
import pytest

from orderlake.cli import main
from orderlake.clients import forget_clients
from orderlake.config import aws_settings, lambda_settings
from orderlake.deployment import Deployment
from orderlake.lake import Lake
from orderlake.secret import VARIABLE
from tests.e2e.ministack import DIFFERS, ENDPOINT, REGION

KEY_OF_DATA = "a key of personal data"

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_a_deployment_is_made_works_and_leaves_nothing_behind(terraform, cloud):
    made = terraform(force_destroy=True, encryption="KMS")
    made.secrets["pii_key"] = KEY_OF_DATA
    said: list[str] = []
    began = time.monotonic()
    made.apply()
    assert time.monotonic() - began < 300

    settings = aws_settings(made.outputs(), "terraform")
    assert (settings.name, settings.region, settings.database) == ("shop", REGION, "shop")
    in_function = client("lambda").get_function(FunctionName="shop-ingest")["Configuration"]["Environment"]["Variables"]
    assert in_function["ORDERLAKE_PII_KEY"] == KEY_OF_DATA
    known = lambda_settings(in_function | {"AWS_REGION": REGION})
    assert known == replace(settings, state_machine="")

    made._tell = said.append
    made.plan()
    assert KEY_OF_DATA not in "".join(said)
    assert changes(made.show()) <= {(kind, field) for kind, differing in DIFFERS.items() for field in differing}

    report = executed(settings.state_machine, {"prefix": settings.raw})
    assert report["status"] == "FAILED"
    assert report["error"] == "BackfillIncomplete"

    s3 = client("s3")
    for body in (b"1", b"2"):
        s3.put_object(Bucket=made.outputs()["lake_bucket"], Key="lake/orders/x", Body=body)
    client("glue").create_table(DatabaseName=settings.database, TableInput={"Name": "orders"})
    made.secrets.clear()  # what is taken away needs no key
    made.destroy()
    assert made.outputs() == {}
    assert made.resources() == []
    assert left() == []


@pytest.mark.slow
def test_the_command_hands_the_project_s_key_over_and_keeps_to_it(cloud, package, tmp_path, monkeypatch, capsys):
    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(VARIABLE, raising=False)
    forget_clients()
    root = tmp_path / "keyed"
    Lake.init(root, ["orders"]).close()
    key_file = root / ".orderlake" / "pii.key"
    monkeypatch.setattr(Deployment, "_build", lambda self: placed(package, self._zip))

    def orderlake(*words):
        code = main(["deploy", *words, "--project", str(root)])
        said = "".join(capsys.readouterr())
        assert key not in said
        return code, said

    key = "none yet"
    assert orderlake("plan", "--set", "architecture=x86_64", "--set", "force_destroy=true")[0] == 0
    key = key_file.read_text().strip()
    words = ["--yes", "--no-smoke", "--verbose", "--set", "architecture=x86_64", "--set", "force_destroy=true"]
    assert orderlake("apply", *words)[0] == 0
    there = client("lambda").get_function_configuration(FunctionName="keyed-workflow")["Environment"]["Variables"]
    assert there[VARIABLE] == key
    assert orderlake("status", "--json")[0] == 0
    monkeypatch.setenv(VARIABLE, "quite another key")
    code, said = orderlake("plan")
    assert (code, "with another key" in said) == (78, True)
    monkeypatch.delenv(VARIABLE)
    key_file.unlink()
    assert orderlake("plan")[0] == 0
    assert key_file.read_text().strip() == key
    holders = {file.name for file in root.rglob("*") if file.is_file() and key.encode() in file.read_bytes()}
    assert holders <= {"pii.key", "terraform.tfstate", "terraform.tfstate.backup"}
    key_file.unlink()
    assert orderlake("destroy", "--yes", "--verbose")[0] == 0
    assert not key_file.exists()
    forget_clients()


def placed(package, file):
    """The package where the command looks for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(package, file)


def client(service):
    return boto3.client(service, region_name=REGION, endpoint_url=os.environ[ENDPOINT])


def changes(plan):
    """Kind and field of whatever a plan would change."""
    found = set()
    for each in plan["resource_changes"]:
        change = each["change"]
        if change["actions"] != ["no-op"]:
            before, after = change["before"] or {}, change["after"] or {}
            found |= {(each["type"], field) for field in before | after if before.get(field) != after.get(field)}
    return found


def executed(machine, given):
    """Run the workflow to its end."""
    states = client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    until = time.monotonic() + 60
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < until
    return found


def left():
    """The names of everything that there is."""
    found = [
        *(each["Name"] for each in client("s3").list_buckets()["Buckets"]),
        *client("sqs").list_queues().get("QueueUrls", ()),
        *client("dynamodb").list_tables()["TableNames"],
        *(each["FunctionName"] for each in client("lambda").list_functions()["Functions"]),
        *(each["name"] for each in client("stepfunctions").list_state_machines()["stateMachines"]),
        *(each["Name"] for each in client("glue").get_databases()["DatabaseList"] if each["Name"] != "default"),
        *(each["Name"] for each in client("athena").list_work_groups()["WorkGroups"] if each["Name"] != "primary"),
        *(each["RoleName"] for each in client("iam").list_roles()["Roles"]),
        *(each["Name"] for each in client("scheduler").list_schedules()["Schedules"]),
        *(each["TopicArn"] for each in client("sns").list_topics()["Topics"]),
        *(each["AlarmName"] for each in client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]),
    ]
    return [name for name in found if "shop" in name]

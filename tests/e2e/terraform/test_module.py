"""The module: its form, its own tests, its documentation, and what ties it to the code."""

import json
import os
import shutil
import subprocess
from dataclasses import fields
from importlib import import_module

import boto3
import pytest

from orderlake.config import AwsSettings
from tests.e2e.ministack import ACCOUNT, ENDPOINT, REGION
from tests.e2e.terraform.plans import MODULE, ROOT, resources, statements

CHECKOV = ROOT / ".venv-tools" / "bin" / "checkov"

pytestmark = pytest.mark.e2e


def test_the_module_is_formatted(cloud):
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", MODULE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_the_modules_own_tests_pass(terraform):
    made = terraform()
    (made.module / "backend.tf").unlink()
    shutil.copytree(MODULE / "tests", made.module / "tests")
    environment = os.environ | {"TF_CLI_CONFIG_FILE": str(made.folder / "terraform.rc"), "CHECKPOINT_DISABLE": "1"}

    def said(*words):
        command = ["terraform", f"-chdir={made.module}", *words, "-no-color"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said("init", "-input=false")
    assert "is valid" in said("validate")
    assert "0 failed" in said("test")


def test_what_was_deployed_under_an_older_address_is_moved_and_not_made_anew(terraform, tmp_path):
    wheel = tmp_path / "orderlake.whl"
    wheel.touch()
    made = terraform(crawler=True, spark_wheel=str(wheel), account_id=ACCOUNT)
    before = {"crawler": "shop-foreign", "spark": "shop-spark"}
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    encryption = {
        "cloudwatch_encryption": [{"cloudwatch_encryption_mode": "DISABLED", "kms_key_arn": None}],
        "job_bookmarks_encryption": [{"job_bookmarks_encryption_mode": "DISABLED", "kms_key_arn": None}],
        "s3_encryption": [{"s3_encryption_mode": "SSE-S3", "kms_key_arn": None}],
    }
    resource = {"mode": "managed", "type": "aws_glue_security_configuration", "provider": provider}
    state = {
        "version": 4,
        "serial": 1,
        "lineage": "shop",
        "resources": [resource | {"name": part, "instances": [
            {"index_key": 0, "schema_version": 0, "attributes": {
                "id": name, "name": name, "encryption_configuration": [encryption],
            }},
        ]} for part, name in before.items()],
    }  # fmt: skip
    (made.folder / "terraform.tfstate").write_text(json.dumps(state))
    glue = boto3.client("glue", region_name=REGION, endpoint_url=os.environ[ENDPOINT])
    for name in before.values():
        glue.create_security_configuration(
            Name=name,
            EncryptionConfiguration={
                "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
                "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "DISABLED"},
                "S3Encryption": [{"S3EncryptionMode": "SSE-S3"}],
            },
        )
    made.plan()
    found = {
        each["address"]: (each.get("previous_address"), each["change"]["actions"])
        for each in made.show()["resource_changes"]
        if each["type"] == "aws_glue_security_configuration"
    }
    assert found == {
        f'aws_glue_security_configuration.glue["{part}"]': (f"aws_glue_security_configuration.{part}[0]", ["no-op"])
        for part in before
    }


def test_outputs_have_the_names_of_the_settings(plain):
    outputs = plain["configuration"]["root_module"]["outputs"]
    assert {field.name for field in fields(AwsSettings)} <= set(outputs)
    assert all(output["description"] for output in outputs.values())


def test_every_variable_says_what_it_is_for(plain):
    variables = plain["configuration"]["root_module"]["variables"]
    assert [name for name, each in variables.items() if not each.get("description")] == []


def test_every_function_has_a_handler(plain):
    functions = resources(plain, "aws_lambda_function")
    assert set(functions) == {"ingest", "scan", "workflow"}
    for part, function in functions.items():
        module, _, name = function["handler"].rpartition(".")
        assert callable(getattr(import_module(module), name)), part


def test_alarms_and_charts_watch_metrics_that_the_functions_publish(plain):
    code = "\n".join(file.read_text() for file in (ROOT / "src" / "orderlake" / "aws").glob("*.py"))
    watched = {
        each["metric_name"]
        for each in resources(plain, "aws_cloudwatch_metric_alarm").values()
        if each["namespace"] == "orderlake"
    }
    charts = json.loads(resources(plain, "aws_cloudwatch_dashboard")["lake"]["dashboard_body"])["widgets"]
    shown = {metric[1] for chart in charts for metric in chart["properties"]["metrics"] if metric[0] == "orderlake"}
    assert watched == {"FailedChecks", "FilesRejected"}
    assert [name for name in watched | shown if f'"{name}"' not in code] == []


def test_the_documentation_names_every_variable_output_and_statement(with_kms):
    text = (ROOT / "docs" / "aws.md").read_text()
    module = with_kms["configuration"]["root_module"]
    said = {each["Sid"] for found in statements(with_kms).values() for each in found}
    assert [name for name in {*module["variables"], *module["outputs"], *said} if f"`{name}`" not in text] == []


def test_the_security_scan_finds_nothing_that_is_not_explained(plain, with_kms, tmp_path):
    if not CHECKOV.exists():
        pytest.skip("wants checkov: make .venv-tools/.locked")
    config = MODULE / ".checkov.yaml"
    always, _, only_s3 = config.read_text().partition("# Only with encryption = SSE-S3")
    explained = [
        {line.split()[1] for line in part.splitlines() if line.startswith("  - CKV")} for part in (always, only_s3)
    ]
    assert findings(with_kms, tmp_path) == explained[0]
    assert findings(plain, tmp_path) == explained[0] | explained[1]


def findings(plan, folder):
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    words = ["--framework", "terraform_plan", "--skip-download", "--compact", "--quiet", "--soft-fail", "-o", "json"]
    environment = {name: value for name, value in os.environ.items() if name != ENDPOINT}
    done = subprocess.run(
        [CHECKOV, "-f", file, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["summary"]["passed"] > 100
    assert found["summary"]["parsing_errors"] == 0
    return {each["check_id"] for each in found["results"]["failed_checks"]}

"""The Terraform module: its rules, what its plan says (policies, workflow, findings of a scan), and a deployment."""

import inspect
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlglot

from orderlake import Lake, errors
from orderlake.config import AwsSettings, aws_settings, lambda_settings
from orderlake.deploy.terraform import Terraform, error_of, module_folder, provider_mirror
from tests.e2e.ministack import ACCOUNT, DIFFERS, ENDPOINT, REGION, ministack
from tests.e2e.state_machine import faults, tasks

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "infra" / "terraform"
CHECKOV = ROOT / ".venv-tools" / "bin" / "checkov"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1b2c3d4e"
EVERYTHING = {"crawler": True, "tracing": True, "monthly_budget_usd": 20, "alarm_email": "ops@shop.example"}
UNBOUND = {"SendTraces", "DeliverLogs", "ReadItsSecurityConfiguration"}
"""Statements of actions for which AWS knows no resource."""
RAW, LAKE, OPS = (f"arn:aws:s3:::shop-{kind}-{ACCOUNT}-{REGION}" for kind in ("raw", "lake", "ops"))

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        shutil.which("terraform") is None or provider_mirror() is None,
        reason="wants terraform and the AWS provider in a folder: `terraform providers mirror DIR`, TF_PLUGIN_DIR=DIR",
    ),
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("ministack")) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package whose functions answer as those of orderlake do, so that the wiring around them can be seen to work."""
    file = tmp_path_factory.mktemp("package") / "package.zip"
    code = (
        "def handler(event, context):\n"
        "    task = event.get('task')\n"
        "    if task == 'plan':\n"
        "        return {'groups': ['00001', '00002', '00003'], 'objects': 3}\n"
        "    if task == 'load' and event['group'] == '00002':\n"
        "        raise ValueError('a bad group')\n"
        "    if task == 'report':\n"
        "        return {'ok': not any('error' in each for each in event['state']['loads'])}\n"
        "    return {'task': task, 'group': event.get('group')}\n"
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orderlake/__init__.py", "")
        archive.writestr("orderlake/aws/__init__.py", "")
        for part in ("ingest", "scan", "workflow"):
            archive.writestr(f"orderlake/aws/{part}.py", code)
    return file


@pytest.fixture(scope="module")
def terraform(cloud, package, tmp_path_factory):
    def prepared(**variables):
        settings = {"name": "shop", "region": REGION, "package": str(package), "architecture": "x86_64"}
        made = Terraform(tmp_path_factory.mktemp("terraform"), settings | variables)
        made.init()
        return made

    return prepared


@pytest.fixture(scope="module")
def plain(terraform):
    """The plan with everything on that can be, encrypted by S3."""
    return planned(terraform(**EVERYTHING))


@pytest.fixture(scope="module")
def with_kms(terraform):
    """The same, encrypted with a key."""
    return planned(terraform(**EVERYTHING, encryption="KMS", kms_key_arn=KEY))


def planned(made):
    assert made.plan()
    return made.show()


def resources(plan, kind):
    found = plan["planned_values"]["root_module"]["resources"]
    return {each.get("index", each["name"]): each["values"] for each in found if each["type"] == kind}


def statements(plan):
    """Every statement of every role's policies, by role."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in resources_list(plan, "aws_iam_role_policy"):
        found.setdefault(policy["role"], []).extend(json.loads(policy["policy"])["Statement"])
    return found


def resources_list(plan, kind):
    return [each["values"] for each in plan["planned_values"]["root_module"]["resources"] if each["type"] == kind]


def allows(plan, role, action, resource):
    """Whether a role may do this there (conditions aside)."""
    return any(
        action in each["Action"] and any(fnmatchcase(resource, pattern) for pattern in each["Resource"])
        for each in statements(plan)[role]
    )


def definition(plan):
    return json.loads(resources(plan, "aws_sfn_state_machine")["backfill"]["definition"])


# --- the module -------------------------------------------------------------------------------------------------------


def test_the_module_is_formatted():
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


# --- who may do what --------------------------------------------------------------------------------------------------


def test_no_policy_has_a_star_for_an_action_or_for_a_resource(with_kms):
    roles = statements(with_kms)
    assert set(roles) == {
        "shop-ingest",
        "shop-scan",
        "shop-workflow",
        "shop-scheduler",
        "shop-backfill",
        "shop-foreign",
    }
    for role, found in roles.items():
        for each in found:
            assert not any("*" in action for action in each["Action"]), (role, each)
            assert each["Effect"] == "Allow"
            if each["Sid"] in UNBOUND:
                assert each["Resource"] == ["*"]
                continue
            for resource in each["Resource"]:
                _, partition, service, region, account, name = resource.split(":", 5)
                assert "*" not in partition + service + region + account, (role, each)
                assert not name.startswith("*"), (role, each)
                assert service == "s3" or account == ACCOUNT, (role, each)


def test_nobody_may_write_or_delete_new_files(plain):
    for role, found in statements(plain).items():
        for each in found:
            raw = [resource for resource in each["Resource"] if resource.startswith(RAW)]
            if raw:
                readers = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"}
                assert set(each["Action"]) <= readers, (role, each)


@pytest.mark.parametrize(
    ("role", "action", "resource", "allowed"),
    [
        ("shop-ingest", "s3:GetObjectVersion", f"{RAW}/raw/orders.json", True),
        ("shop-ingest", "s3:GetObject", f"{RAW}/other/orders.json", False),
        ("shop-ingest", "s3:PutObject", f"{LAKE}/lake/orders/data/1.parquet", True),
        ("shop-ingest", "s3:PutObject", f"{LAKE}/elsewhere", False),
        ("shop-ingest", "s3:PutObject", f"{OPS}/pipelines/orders.yaml", False),
        ("shop-ingest", "s3:GetObject", f"{OPS}/pipelines/orders.yaml", True),
        ("shop-ingest", "s3:GetObject", f"{OPS}/package/1.zip", False),
        ("shop-ingest", "sqs:DeleteMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", True),
        ("shop-ingest", "sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-dead-letters", False),
        ("shop-ingest", "dynamodb:UpdateItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", True),
        ("shop-ingest", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop/orders", True),
        ("shop-ingest", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop_two/orders", False),
        ("shop-ingest", "glue:StartCrawler", f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/shop-foreign", True),
        ("shop-scan", "s3:ListBucketVersions", RAW, True),
        ("shop-scan", "s3:GetObject", f"{RAW}/raw/orders.json", False),
        ("shop-scan", "s3:PutObject", f"{LAKE}/lake/orders/data/1.parquet", False),
        ("shop-scan", "dynamodb:BatchGetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", True),
        ("shop-scan", "dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", False),
        ("shop-scan", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", True),
        ("shop-workflow", "s3:PutObject", f"{OPS}/backfill/run/groups/00001.json", True),
        ("shop-workflow", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", False),
        ("shop-workflow", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alarms", True),
        ("shop-scheduler", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-scan", True),
        ("shop-scheduler", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-ingest", False),
        ("shop-backfill", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-workflow", True),
        ("shop-foreign", "s3:GetObject", f"{RAW}/raw/foreign/a.csv", True),
        ("shop-foreign", "s3:GetObject", f"{RAW}/raw/orders.json", False),
        ("shop-foreign", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop/orders", False),
    ],
)
def test_each_role_may_do_its_own_work_and_no_other(plain, role, action, resource, allowed):
    assert allows(plain, role, action, resource) is allowed


def test_with_kms_each_role_may_use_the_one_key(plain, with_kms):
    assert not any(
        "kms" in action for found in statements(plain).values() for each in found for action in each["Action"]
    )
    for role, found in statements(with_kms).items():
        keys = [resource for each in found if "kms:Decrypt" in each["Action"] for resource in each["Resource"]]
        assert keys == ([] if role == "shop-backfill" else [KEY])


def test_buckets_and_queues_refuse_what_is_not_encrypted_on_its_way(plain):
    policies = [*resources(plain, "aws_s3_bucket_policy").values(), *resources(plain, "aws_sqs_queue").values()]
    assert len(policies) == 5
    for each in policies:
        found = {one["Sid"]: one for one in json.loads(each["policy"])["Statement"]}
        assert found["TlsOnly"]["Effect"] == "Deny"
        assert found["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_raw_bucket_of_this_account_may_announce_files(plain):
    found = json.loads(resources(plain, "aws_sqs_queue")["ingest"]["policy"])["Statement"]
    (allowed,) = (each for each in found if each["Effect"] == "Allow")
    assert allowed["Condition"]["ArnEquals"] == {"aws:SourceArn": RAW}
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


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


# --- the workflow -----------------------------------------------------------------------------------------------------

RAISED = {name for name, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.LakeError)}
AGAIN = {
    name
    for name in RAISED
    if issubclass(getattr(errors, name), (errors.TransientError, errors.CommitStateUnknownError))
}


def test_the_workflow_is_well_formed(plain):
    assert faults(definition(plain), RAISED) == []


def test_whatever_may_pass_by_itself_is_tried_again_in_every_task(plain):
    found = list(tasks(definition(plain)))
    assert len(found) == 6
    for task in found:
        names = [name for rule in task["Retry"] for name in rule["ErrorEquals"]]
        assert set(names) & RAISED == AGAIN
        assert {"Lambda.TooManyRequestsException", "Lambda.ServiceException", "States.Timeout"} <= set(names)


def test_the_workflow_asks_for_tasks_that_there_are(plain):
    asked = {
        (state.get("ItemSelector") or state.get("Parameters") or {}).get("task")
        for state in definition(plain)["States"].values()
    } - {None}
    assert asked == set(import_module("orderlake.aws.workflow").TASKS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda states: states["Plan"].update(Next="Nowhere"), "Plan: goes to Nowhere, which is no state"),
        (lambda states: states["Plan"].pop("Next"), "Plan: either Next or End"),
        (lambda states: states.update(Island={"Type": "Succeed"}), "Island cannot be reached"),
        (lambda states: states["Outcome"].update(Default="Plan", Choices=[]), "Plan leads to no end"),
        (lambda states: states["Plan"].pop("Resource"), "Plan: Resource is missing"),
        (lambda states: states["Plan"].update(Retries=[]), "Plan: a Task has no Retries"),
        (lambda states: states["Done"].update(Type="Success"), "Done: there is no type Success"),
        (
            lambda states: states["Plan"]["Retry"][1]["ErrorEquals"].append("TransientEror"),
            "Plan: Retry of TransientEror, which nothing raises",
        ),
        (
            lambda states: states["Check"]["Catch"][0]["ErrorEquals"].append("DataError"),
            "Check: Catch of States.ALL must stand alone and last",
        ),
        (
            lambda states: states["Load"]["ItemProcessor"].update(StartAt="Lod"),
            "Load: StartAt names Lod, which is no state",
        ),
        (
            lambda states: states["Load"]["ItemProcessor"]["States"]["LoadGroup"]["Catch"][0].update(Next="Report"),
            "Load: LoadGroup: goes to Report, which is no state",
        ),
    ],
)
def test_the_checker_finds_what_is_wrong_with_a_workflow(plain, change, complaint):
    broken = definition(plain)
    change(broken["States"])
    assert complaint in faults(broken, RAISED)


# --- terraform from Python --------------------------------------------------------------------------------------------


def test_without_terraform_one_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.ConfigError, match="install Terraform"):
        Terraform(tmp_path, {}).init()


def test_what_terraform_refuses_is_told_in_its_own_words(terraform):
    lines: list[str] = []
    made = terraform(name="Shop!")
    made._tell = lines.append
    with pytest.raises(
        errors.ConfigError, match=r"terraform plan: Error: Invalid value for variable[^$]+lower-case letters"
    ):
        made.plan()
    assert any("lower-case letters" in line for line in lines)


def test_when_aws_is_away_it_is_worth_another_try(terraform, monkeypatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    with pytest.raises(errors.TransientError, match="connection refused"):
        terraform().plan()


def test_interrupted_terraform_still_writes_down_what_it_made(tmp_path, monkeypatch):
    slow = tmp_path / "terraform"
    slow.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, signal, sys\n"
        "def stop(*_):\n"
        f"    pathlib.Path({str(tmp_path / 'written')!r}).write_text('all of it')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "print('creating', flush=True)\n"
        "signal.pause()\n"
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Terraform(tmp_path / "state", {}, interrupt).init()
    assert (tmp_path / "written").read_text() == "all of it"


def test_a_state_may_be_kept_elsewhere(terraform):
    made = terraform()
    elsewhere = made.folder / "elsewhere.tfstate"
    (made.folder / "backend.tf").write_text(f'terraform {{\n  backend "local" {{\n    path = "{elsewhere}"\n  }}\n}}\n')
    fresh = Terraform(made.folder, {"name": "shop", "region": REGION})
    fresh.init()
    assert str(elsewhere) in (made.folder / "data" / "terraform.tfstate").read_text()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (["Error: creating S3 Bucket: BucketAlreadyExists"], errors.ConfigError),
        (["Acquiring", "Error: Error acquiring the state lock", "", "another one has it"], errors.TransientError),
        (["╷", "│ Error: ThrottlingException: Rate exceeded", "╵"], errors.TransientError),
        ([], errors.ConfigError),
    ],
)
def test_an_error_is_chosen_by_what_can_be_done_about_it(said, kind):
    error = error_of("apply", said)
    assert type(error) is kind
    assert "│" not in str(error)


@pytest.mark.parametrize(
    "file", ["5.9.9/{here}/terraform-provider-aws_v5.9.9", "terraform-provider-aws_5.9.9_{here}.zip"]
)
def test_a_provider_is_found_in_a_folder_of_this_machine(tmp_path, file):
    mirror = provider_mirror()
    assert mirror is not None
    here = json.loads(subprocess.run(["terraform", "version", "-json"], capture_output=True, check=True).stdout)[
        "platform"
    ]
    assert provider_mirror({}, [str(tmp_path)]) is None
    kept = tmp_path / "plugins" / "registry.example" / "hashicorp" / "aws" / file.format(here=here)
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert provider_mirror({}, [str(tmp_path)]) == tmp_path / "plugins"
    assert provider_mirror({"TF_PLUGIN_DIR": str(tmp_path / "plugins")}, []) == tmp_path / "plugins"
    assert provider_mirror({"TF_PLUGIN_DIR": str(tmp_path / "empty")}, [str(tmp_path)]) is None


def test_the_module_comes_with_the_wheel(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "infra"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--ignore-installed", "--prefix", tmp_path / "there", wheel], check=True)
    (packages,) = (tmp_path / "there").glob("lib/python*/site-packages")
    ask = "from orderlake.deploy.terraform import module_folder; print(module_folder())"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(packages)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = Path(done.stdout.strip())
    assert found.is_relative_to(tmp_path / "there")
    files = {str(file.relative_to(MODULE)) for pattern in ("*.tf", "queries/*.sql") for file in MODULE.glob(pattern)}
    assert {str(file.relative_to(found)) for file in found.rglob("*") if file.is_file()} == files
    assert module_folder() == MODULE


# --- the queries that come with it ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake.init(tmp_path_factory.mktemp("lake"), ["orders"])
    file = lake.project.raw / "orders.json"
    file.write_text(json.dumps(ORDERS))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    lake.run()
    return lake


ORDERS = [
    {
        "order_id": 1,
        "order_date": "2024-01-01",
        "total_amount": 200.50,
        "products": [
            {"product_id": "P1", "category": "Books", "price": 25, "quantity": 2},
            {"product_id": "P2", "category": "Toys", "price": 45, "quantity": 1},
        ],
    },
    {"order_id": 2, "order_date": "2024-01-02", "total_amount": 10, "products": []},
    {"order_id": "none", "order_date": "2024-01-03", "total_amount": 10, "products": []},
]


def answer(lake, query):
    """What a named query says here, translated from Athena's SQL."""
    (sql,) = sqlglot.transpile((MODULE / "queries" / f"{query}.sql").read_text(), read="athena", write="duckdb")
    return [tuple(row) for row in lake.query(sql).rows]


def test_daily_revenue_counts_each_order_once(lake):
    assert answer(lake, "daily_revenue") == [
        (date(2024, 1, 2), 1, Decimal("10.00")),
        (date(2024, 1, 1), 1, Decimal("200.50")),
    ]


def test_category_sales_are_of_the_lines(lake):
    assert answer(lake, "category_sales") == [("Books", 2, Decimal("50.00")), ("Toys", 1, Decimal("45.00"))]


def test_freshness_tells_the_newest_order_and_file(lake):
    newest = datetime.fromtimestamp(1_700_000_000, UTC)
    assert answer(lake, "freshness") == [
        ("orders", 2, date(2024, 1, 2), newest),
        ("order_lines", 2, date(2024, 1, 1), newest),
    ]


def test_quarantine_is_told_by_reason(lake):
    ((pipeline, field, reason, records, _),) = answer(lake, "quarantine_by_reason")
    assert (pipeline, field, records) == ("orders", "order_id", 1)
    assert reason


# --- a deployment -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_deployment_is_made_works_and_leaves_nothing_behind(terraform, cloud):
    made = terraform(force_destroy=True, encryption="KMS")
    began = time.monotonic()
    made.apply()
    assert time.monotonic() - began < 300

    settings = aws_settings(made.outputs(), "terraform")
    assert (settings.name, settings.region, settings.database) == ("shop", REGION, "shop")
    in_function = client("lambda").get_function(FunctionName="shop-ingest")["Configuration"]["Environment"]["Variables"]
    known = lambda_settings(in_function | {"AWS_REGION": REGION})
    assert known == replace(settings, state_machine="")

    made.plan()
    assert changes(made.show()) <= {(kind, field) for kind, differing in DIFFERS.items() for field in differing}

    report = executed(settings.state_machine, {"prefix": settings.raw})
    assert report["status"] == "FAILED"
    assert report["error"] == "BackfillIncomplete"

    s3 = client("s3")
    for body in (b"1", b"2"):
        s3.put_object(Bucket=made.outputs()["lake_bucket"], Key="lake/orders/x", Body=body)
    client("glue").create_table(DatabaseName=settings.database, TableInput={"Name": "orders"})
    made.destroy()
    assert made.outputs() == {}
    assert made.resources() == []
    assert left() == []


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

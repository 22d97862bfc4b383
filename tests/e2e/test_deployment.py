"""The whole story: deployed by Terraform, fed by an ordinary client, run by the real runtime client, and gone again.

MiniStack stands in for AWS. It delivers S3's notifications to the queue; the functions run here, in Lambda's limits,
under the real runtime client, from the package that was built. What only a real account can show is in docs/aws.md.
"""

import io
import json
import sys
import threading
import time
import zipfile
from contextlib import redirect_stdout

import boto3
import pytest

from orderlake import Lake
from orderlake.cli import main
from orderlake.config import deployed
from orderlake.deploy.terraform import provider_mirror
from orderlake.samples import sample_paths
from tests.e2e.ministack import ministack
from tests.emulators.athena import Athena
from tests.emulators.fixtures import forget_clients
from tests.emulators.package import TARGET, WHEELS
from tests.emulators.poller import Poller
from tests.emulators.runtime import Limits, Runtime, settings_environment, unavailable

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(bool(unavailable()), reason=unavailable()),
    pytest.mark.skipif(provider_mirror() is None, reason="wants the AWS provider in a folder: TF_PLUGIN_DIR=DIR"),
]
INGEST = "orderlake.aws.ingest.handler"
SCAN = "orderlake.aws.scan.handler"
DAILY = "SELECT order_date, count(*) AS orders, sum(total_amount) AS revenue FROM orders GROUP BY order_date"
LATER = {"order_id": 99001, "order_date": "2024-03-01", "total_amount": "12.50", "products": []}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """An AWS of its own, and wheels from a folder."""
    with ministack(tmp_path / "cloud" if (tmp_path / "cloud").mkdir() is None else tmp_path) as environment:
        for name, value in {**environment, "ORDERLAKE_WHEELS": str(WHEELS)}.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        yield
        forget_clients()


@pytest.fixture
def shop(tmp_path):
    """A project with the bundled orders pipeline."""
    Lake.init(tmp_path / "shop", ["orders"]).close()
    return tmp_path / "shop"


def orderlake(shop, *words, code=0):
    """Run a command line; give what it printed as JSON, a value per line."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*words, "--project", str(shop), "--json"]) == code
    text = out.getvalue()
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def ask(shop, sql):
    return orderlake(shop, "query", sql, "--env", "aws")


class Deployed:
    """The deployment as its user meets it, and its functions as Lambda would run them."""

    def __init__(self, shop, folder):
        self.settings = deployed(shop)
        self.s3, self.sqs, self.glue = (boto3.client(name) for name in ("s3", "sqs", "glue"))
        self._folder = folder
        functions = boto3.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        task = folder / "task"
        with zipfile.ZipFile(shop / ".orderlake" / "deploy" / "functions.zip") as archive:
            archive.extractall(task)
        self._task = task

    def function(self, handler, **limits):
        environment = settings_environment(self.settings)
        return Runtime(self._task, handler, environment, self._folder / handler, Limits(**limits))

    def put(self, name, content):
        bucket, _, prefix = self.settings.raw.removeprefix("s3://").partition("/")
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=body)

    def backfill(self, prefix, seconds=120):
        """Run the workflow for a prefix; give its report."""
        steps = boto3.client("stepfunctions")
        started = steps.start_execution(
            stateMachineArn=self.settings.state_machine, input=json.dumps({"prefix": prefix})
        )["executionArn"]
        until = time.monotonic() + seconds
        while (found := steps.describe_execution(executionArn=started))["status"] == "RUNNING":
            assert time.monotonic() < until, "it does not come to an end"
            threading.Event().wait(0.2)
        assert found["status"] == "SUCCEEDED", found
        key = json.loads(found["output"])["report"]["key"]
        return json.loads(self.s3.get_object(Bucket=self.settings.pipelines.split("/")[2], Key=key)["Body"].read())

    def athena(self, shop):
        """An endpoint of Athena's protocol that has the lake's tables as they are now."""
        with Lake(shop, env="aws") as lake:
            tables = {table.name: table.columns for table in lake.tables()}
            rows = {name: lake.query(f"SELECT * FROM {name}").rows for name in tables}

        def prepare(connection):
            for name, columns in tables.items():
                connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
                if rows[name]:
                    marks = ", ".join("?" * len(columns))
                    connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [list(row) for row in rows[name]])

        return Athena(prepare, tables, workgroup=self.settings.workgroup, database=self.settings.database)

    def glue_tables(self):
        found = self.glue.get_tables(DatabaseName=self.settings.database)["TableList"]
        return {table["Name"]: table for table in found}


def test_a_deployment_loads_answers_survives_what_happens_and_leaves_nothing(  # noqa: PLR0915 - one long story
    cloud, shop, tmp_path, monkeypatch
):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    chosen = [f"architecture={TARGET.architecture}", f"python={version}"]
    words = ["--name", "shop", *(word for text in chosen for word in ("--set", text))]
    (shop / "marts").mkdir()
    (shop / "marts" / "daily.sql").write_text(DAILY)
    # MiniStack runs the function for this first file itself, without limits: a sample in a table of its own.
    done = orderlake(shop, "deploy", "apply", "--yes", *words)
    assert done["smoke"]["different_orders"] == "12"
    assert orderlake(shop, "deploy", "plan", *words) is not None

    aws = Deployed(shop, tmp_path / "functions")
    with aws.function(INGEST) as ingest:
        poller = Poller(aws.sqs, aws.settings.queue_url, ingest)

        # --- files are uploaded, tables appear, a query answers
        first, second = sample_paths("orders")
        aws.put("2024/orders_sample.json", first.read_bytes())
        aws.put("2024/orders_increment.json", second.read_bytes())
        poller.drain()
        assert {"orders", "order_lines", "orders_parquet_datalake", "smoke_orders"} <= set(aws.glue_tables())
        assert aws.glue_tables()["orders"]["Parameters"]["table_type"] == "ICEBERG"
        with Lake.init(tmp_path / "twin", ["orders"]) as twin:
            twin.run([first])
            twin.run([second])
            wanted = twin.query("SELECT count(*) AS n, sum(total_amount)::VARCHAR AS revenue FROM orders").as_dicts()
        assert ask(shop, "SELECT count(*) AS n, sum(total_amount)::VARCHAR AS revenue FROM orders") == wanted

        # --- a re-delivery changes nothing
        heads = {name: table["Parameters"].get("metadata_location") for name, table in aws.glue_tables().items()}
        for name in ("orders_sample.json", "orders_increment.json"):
            aws.sqs.send_message(QueueUrl=aws.settings.queue_url, MessageBody=_announced(aws, f"2024/{name}"))
        poller.drain()
        assert {n: t["Parameters"].get("metadata_location") for n, t in aws.glue_tables().items()} == heads

        # --- one poison file among good ones blocks none, and ends with the dead letters
        aws.put("orders_poison.json", b"\x00\x01 this is no JSON")
        for number in range(9):
            aws.put(f"orders_good_{number}.json", [{**LATER, "order_id": 50_000 + number}])
        poller.drain()
        assert ask(shop, "SELECT count(*) AS n FROM orders WHERE order_id BETWEEN 50000 AND 50008") == [{"n": 9}]
        (letter,) = orderlake(shop, "deadletter", "list")
        assert "orders_poison.json" in json.dumps(letter)
        assert "is not JSON" in json.dumps(letter)

        # --- mended in place, the event is sent again: the newest version under the key is loaded
        aws.put("orders_poison.json", [LATER])
        poller.drain()
        orderlake(shop, "deadletter", "redrive", "--all")
        poller.drain()
        assert ask(shop, "SELECT count(*) AS n FROM orders WHERE order_id = 99001") == [{"n": 1}]

        # --- what no event announced is found by the scan
        aws.put("orders_lost.json", [{**LATER, "order_id": 99002}])
        _swallow(aws)
        with aws.function(SCAN) as scan:
            answer, _ = scan.invoke({"min_age_seconds": 0})
        assert answer["sent"] >= 1
        poller.drain()
        assert ask(shop, "SELECT count(*) AS n FROM orders WHERE order_id = 99002") == [{"n": 1}]
        assert ingest.resident_peak_mb() < 512

    # --- a prefix is backfilled by the workflow, which checks, builds marts, compacts and reports
    for number in range(3):
        aws.put(f"2019/orders_{number}.json", [{**LATER, "order_id": 70_000 + number, "order_date": "2019-05-05"}])
    _swallow(aws)
    account = aws.backfill(f"{aws.settings.raw}/2019/")
    assert (account["ok"], account["files"]["loaded"], account["records"]["loaded"]) == (True, 3, 3)
    wanted = [{"orders": 3, "revenue": "37.50"}]
    assert ask(shop, "SELECT orders, revenue::VARCHAR AS revenue FROM daily WHERE order_date = '2019-05-05'") == wanted
    assert "daily" in aws.glue_tables()

    # --- and Athena's clients get the answer that DuckDB gives, through the endpoint that stands in for Athena
    with aws.athena(shop) as athena:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", athena.url)
        forget_clients()
        sql = "SELECT category, sum(price * quantity) AS sales FROM order_lines GROUP BY category ORDER BY category"
        assert orderlake(shop, "query", sql, "--on", "athena") == ask(shop, sql) != []
    monkeypatch.delenv("AWS_ENDPOINT_URL_ATHENA")
    forget_clients()

    assert orderlake(shop, "verify", "--env", "aws")["ok"]

    # --- destroy leaves nothing, versions included
    assert orderlake(shop, "deploy", "destroy", "--yes", *words) == {"left": []}
    left = {
        "buckets": [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]],
        "queues": aws.sqs.list_queues().get("QueueUrls", []),
        "tables": boto3.client("dynamodb").list_tables()["TableNames"],
        "databases": [found["Name"] for found in aws.glue.get_databases()["DatabaseList"]],
        "functions": boto3.client("lambda").list_functions()["Functions"],
        "logs": boto3.client("logs").describe_log_groups()["logGroups"],
        "roles": [role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"] if "shop" in role["RoleName"]],
        "workflows": boto3.client("stepfunctions").list_state_machines()["stateMachines"],
        "topics": boto3.client("sns").list_topics()["Topics"],
    }
    assert left == {kind: [] for kind in left}
    assert not (shop / ".orderlake" / "aws.json").exists()


def _announced(aws, name):
    bucket, _, prefix = aws.settings.raw.removeprefix("s3://").partition("/")
    return json.dumps({"orderlake": {"objects": [{"bucket": bucket, "key": f"{prefix}/{name}"}]}})


def _swallow(aws):
    """Lose every event that waits, as any bus may."""
    while True:
        got = aws.sqs.receive_message(QueueUrl=aws.settings.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
            "Messages", []
        )
        if not got:
            return
        for message in got:
            aws.sqs.delete_message(QueueUrl=aws.settings.queue_url, ReceiptHandle=message["ReceiptHandle"])

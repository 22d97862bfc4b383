"""Calls to AWS, counted as they leave, and what they cost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from orderlake import clients
from orderlake.config import load_project
from orderlake.cost.actual import load_costs, load_usage, query_cost
from orderlake.cost.meter import Meter, Usage, cost_of, price_key
from orderlake.cost.workload import PerLoad
from orderlake.lake import Lake
from orderlake.model.report import LoadReport

REPORT = LoadReport(
    "s3://raw/a.json", "orders", "loaded", "i", "l", 1, "2024-01-05T10:00:00.000+00:00", read=2000, loaded=2000,
    tables={"orders": 2000, "order_lines": 4000, "wide": 4000}, bytes=1_000_000, seconds=4.0,
)  # fmt: skip


def test_each_call_is_counted_by_service_and_operation_until_it_is_taken(aws):
    settings = aws.deploy()
    meter, s3 = Meter(), clients.client("s3", settings.region)
    bucket = settings.raw.removeprefix("s3://").split("/")[0]
    meter.attach(s3)
    meter.attach(s3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a")["Body"].read()
    with suppress(ClientError):
        s3.head_object(Bucket=bucket, Key="nope")
    assert meter.take().requests == {"s3.PutObject": 1, "s3.GetObject": 1, "s3.HeadObject": 1}
    assert meter.take().requests == {}


def test_every_attempt_counts_for_aws_bills_what_it_answered(aws):
    settings = aws.deploy()
    meter, dynamodb = Meter(), clients.client("dynamodb", settings.region)
    meter.attach(dynamodb)
    aws.faults.throttle("GetItem", times=2)
    dynamodb.get_item(TableName=settings.table, Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
    assert meter.take().requests == {"dynamodb.GetItem": 3}


def test_dynamodb_is_billed_by_items_and_twice_in_a_transaction(aws):
    settings = aws.deploy()
    meter, dynamodb = Meter(), clients.client("dynamodb", settings.region)
    meter.attach(dynamodb)
    keys = [{"pk": {"S": "a"}, "sk": {"S": str(n)}} for n in range(3)]
    puts = [{"Put": {"TableName": settings.table, "Item": key}} for key in keys]
    dynamodb.transact_write_items(TransactItems=puts)
    dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": settings.table, "Key": key}} for key in keys])
    dynamodb.batch_get_item(RequestItems={settings.table: {"Keys": keys}})
    dynamodb.delete_item(TableName=settings.table, Key=keys[0])
    assert meter.take().units == {"dynamodb.write": 7, "dynamodb.read": 9}


def test_no_call_is_lost_between_threads(aws):
    settings = aws.deploy()
    meter, s3 = Meter(), clients.client("s3", settings.region)
    meter.attach(s3)
    bucket = settings.raw.removeprefix("s3://").split("/")[0]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=str(n), Body=b""), range(100)))
    assert meter.take().requests == {"s3.PutObject": 100}


def test_the_count_of_a_load_that_estimates_take_is_that_of_real_loads(aws, tmp_path):
    settings = aws.deploy()
    Lake.init(tmp_path, ["orders"]).close()
    project = replace(load_project(tmp_path), aws=settings)
    meter = Meter()
    meter.attach(*(clients.client(service, settings.region) for service in ("s3", "dynamodb", "glue")))
    bucket, prefix = settings.raw.removeprefix("s3://").split("/", 1)
    used = []
    for number in range(4):
        order = f'[{{"order_id": {number}, "order_date": "2024-01-05", "products": [{{"price": 1}}]}}]'
        clients.client("s3", settings.region).put_object(
            Bucket=bucket, Key=f"{prefix}/{number}_orders.json", Body=order
        )
        meter.take()
        with Lake.of(project) as lake:
            (report,) = lake.run([f"{settings.raw}/{number}_orders.json"])
        assert report.status == "loaded"
        used.append(meter.take().quantities())
    each = PerLoad()
    for found in used:
        assert each.puts - 5 <= found["s3.put"] <= each.puts
        assert found["s3.get"] <= each.gets
        assert each.dynamodb_writes - 4 <= found["dynamodb.write"] <= each.dynamodb_writes
        assert found["dynamodb.read"] <= each.dynamodb_reads
        assert found["glue.requests"] <= each.glue + 1  # the first makes the tables


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("s3.PutObject", "s3.put"),
        ("s3.ListObjectsV2", "s3.put"),
        ("s3.CopyObject", "s3.put"),
        ("s3.UploadPart", "s3.put"),
        ("s3.HeadObject", "s3.get"),
        ("s3.DeleteObjects", None),
        ("s3.AbortMultipartUpload", None),
        ("glue.UpdateTable", "glue.requests"),
        ("sqs.SendMessageBatch", "sqs.requests"),
        ("sts.GetCallerIdentity", None),
        ("dynamodb.Query", None),
    ],
)
def test_a_call_has_its_price(name, key):
    assert price_key(name) == key


def test_the_cost_of_usage_is_the_sum_at_full_price():
    usage = Usage(
        {"s3.PutObject": 1000, "s3.DeleteObject": 5}, {"dynamodb.write": 1_000_000}, 10.0, invocations=1_000_000
    )
    expected = Decimal("0.005") + Decimal("0.625") + Decimal("0.000133334") + Decimal("0.2")
    assert cost_of(usage) == expected
    assert cost_of(usage + usage) == 2 * expected


def test_a_load_costs_its_seconds_and_the_requests_of_a_load_like_it():
    usage = load_usage(REPORT)
    assert usage.gb_seconds == 2.0
    (found,) = load_costs([REPORT])
    assert found.dollars == cost_of(usage)
    assert found.per_thousand == found.dollars / 2
    assert load_costs([REPORT], memory_mb=1024)[0].dollars - found.dollars == Decimal("0.0000266668")


def test_a_load_of_no_orders_has_no_cost_for_a_thousand():
    assert load_costs([replace(REPORT, read=0)])[0].per_thousand is None


def test_more_tables_take_more_requests():
    assert PerLoad().of(3) == PerLoad()
    assert PerLoad().of(6).puts == 2 * PerLoad().puts


def test_a_query_is_billed_for_ten_megabytes_at_least():
    assert query_cost(1) == query_cost(10_000_000) == Decimal("0.00005")
    assert query_cost(10**12) == 5


def test_files_that_were_loaded_together_share_the_cost_of_one_load_by_their_records():
    alone = replace(REPORT, load_id="a", seconds=2.0, read=100)
    large, small = replace(alone, load_id="b", read=300), replace(alone, load_id="b", read=100)
    single, three, one = load_costs([alone, large, small])
    assert three.dollars == 3 * one.dollars
    assert single.dollars < three.dollars + one.dollars < single.dollars * Decimal("1.2")
    assert three.per_thousand == one.per_thousand


def test_files_without_records_share_a_load_evenly():
    empty = replace(REPORT, read=0)
    first, second = load_costs([empty, empty])
    assert first.dollars == second.dollars > 0

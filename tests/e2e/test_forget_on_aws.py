"""Whoever is forgotten is in no version of any object of a lake in buckets. moto stands in for AWS.

It makes no listing wait and keeps no copy; what an account keeps beside its buckets (logs, backups), it cannot show.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from orderlake import Lake
from orderlake.aws import ingest
from orderlake.aws.settings import container
from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.secret import VARIABLE
from tests.e2e.test_forget import EMAIL, ID, SECRETS, ndjson, order
from tests.stored import holders
from tests.unit.aws.fakes import FakeContext
from tests.unit.aws.test_functions import batch, shop

__all__ = ["shop"]

pytestmark = pytest.mark.e2e

WHO = {"customers": [str(ID)], "emails": [EMAIL]}
MONEY = "SELECT count(*), sum(total_amount) FROM orders"


@pytest.fixture
def peopled(shop, monkeypatch):
    """A lake with the person in old, new and deleted versions of objects, packed and not, and in the quarantine."""
    monkeypatch.setenv(VARIABLE, "a key of the tests, 0123456789")
    shop.answers = f"s3://{shop.ops}/athena-results/"
    shop.aws.client("athena").create_work_group(
        Name=shop.settings.workgroup,
        Configuration={"ResultConfiguration": {"OutputLocation": shop.answers}},
    )
    bad = [order(60, order_date="2025-02-30"), order(61, "bob", order_date="never")]
    for key, data in (
        ("orders_1.json", ndjson(order(1), order(2, "bob"))),
        ("orders_1.json", ndjson(order(1, total_amount=9.5), order(3, "bob"))),
        ("orders_1.json", ndjson(order(2, "bob"), order(3, "bob", total_amount=1.5))),
        ("orders_2.json.gz", gzip.compress(ndjson(*(order(number) for number in range(4, 30))))),
        ("orders_3.json", ndjson(*bad)),
        ("orders_4.json", ndjson(order(40, "bob"))),
        ("orders_5.json", ndjson(order(50))),
    ):
        load(shop, shop.put(f"raw/{key}", data))
    s3 = shop.aws.client("s3")
    s3.delete_object(Bucket=shop.raw, Key="raw/orders_5.json")
    s3.put_object(Bucket=shop.ops, Key="athena-results/q.csv", Body=EMAIL.encode())
    s3.delete_object(Bucket=shop.ops, Key="athena-results/q.csv")
    return shop


def load(shop, *records):
    assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": []}


def stored(shop, folder: Path) -> Path:
    """Every version of every object, and every item of the table, as files."""
    s3, number = shop.aws.client("s3"), 0
    for bucket in (shop.raw, shop.ops, shop.settings.lake.removeprefix("s3://").partition("/")[0]):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", ()):
                number += 1
                path = folder / bucket / each["Key"] / str(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                body = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
                path.write_bytes(body["Body"].read())
                path.with_name(f"{number}.metadata").write_text(json.dumps(body["Metadata"]))
    items = shop.aws.client("dynamodb").scan(TableName=shop.settings.table)["Items"]
    packed = [zlib.decompress(item["report"]["B"]) for item in items if item.get("report", {}).get("B")]
    (folder / "items").write_bytes(b"\n".join([repr(items).encode(), *packed]))
    return folder


def forget(dry_run=False, **who):
    with Lake.of(container().project) as lake:
        return lake.forget(**(who or WHO), dry_run=dry_run)


def check(shop, folder: Path) -> None:
    every = stored(shop, folder)
    for secret in SECRETS:
        found = [name for name in holders(every, secret) if "/pipelines/" not in name]
        assert found == [], secret
    with Lake.of(container().project) as lake:
        report = lake.verify()
        assert report.ok, report.found
        assert {each.status for each in lake.run()} == {"unchanged"}


def events(shop):
    """What S3 tells of every version that is there now."""
    s3 = shop.aws.client("s3")
    found = s3.list_object_versions(Bucket=shop.raw).get("Versions", ())
    return [shop.record(each["Key"], shop.raw, {"versionId": each["VersionId"]}) for each in found]


def test_whoever_is_forgotten_is_in_no_version_of_any_object(peopled, tmp_path):
    shop, s3 = peopled, peopled.aws.client("s3")
    others = "SELECT * FROM orders WHERE customer_id = 7 ORDER BY order_id"
    before = [shop.query(sql) for sql in (MONEY, others)]
    sizes = {each["Key"]: each["Size"] for each in s3.list_objects_v2(Bucket=shop.raw)["Contents"]}
    loads = len(Lake.of(container().project).loads())
    assert len(holders(stored(shop, tmp_path / "before"), EMAIL)) > 8
    done = forget()
    assert done.left == ()
    assert (done.counts.raw_files, done.counts.quarantine) == (5, 1)
    check(shop, tmp_path / "after")
    assert [shop.query(sql) for sql in (MONEY, others)] == before
    assert {each["Key"]: each["Size"] for each in s3.list_objects_v2(Bucket=shop.raw)["Contents"]} == sizes
    load(shop, *events(shop))
    assert [shop.query(sql) for sql in (MONEY, others)] == before
    assert len(Lake.of(container().project).loads()) == loads + 1
    assert json.loads((container().project.root / done.receipt).read_text())["raw_files"] == 5


def test_a_key_still_shows_its_newest_version_and_a_deleted_one_stays_deleted(peopled):
    shop, s3 = peopled, peopled.aws.client("s3")
    newest = s3.get_object(Bucket=shop.raw, Key="raw/orders_1.json")["Body"].read()
    forget()
    assert s3.get_object(Bucket=shop.raw, Key="raw/orders_1.json")["Body"].read() == newest
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=shop.raw)["Contents"]] == [
        f"raw/{name}" for name in ("orders_1.json", "orders_2.json.gz", "orders_3.json", "orders_4.json")
    ]


def test_a_newer_version_still_corrects_a_rewritten_one(peopled, tmp_path):
    shop = peopled
    forget()
    load(shop, shop.put("raw/orders_2.json.gz", gzip.compress(ndjson(order(4, "bob", total_amount=77)))))
    load(shop, *events(shop))
    assert shop.query("SELECT total_amount::DOUBLE, email FROM orders WHERE order_id = 4") == [(77, "bob@mail.example")]
    check(shop, tmp_path)


def test_no_object_brings_them_back(peopled, tmp_path):
    shop = peopled
    forget()
    load(shop, shop.put("raw/orders_again.json", ndjson(order(1, total_amount=3.5), order(90))))
    assert shop.query("SELECT count(*), count(email) FROM orders WHERE order_id IN (1, 90)") == [(2, 0)]
    forget()
    check(shop, tmp_path)


def test_the_second_person_is_forgotten_in_what_was_rewritten_for_the_first(peopled, tmp_path):
    shop = peopled
    forget()
    forget(emails=["bob@mail.example"])
    every = stored(shop, tmp_path)
    assert [name for name in holders(every, "bob@mail") if "/pipelines/" not in name] == []
    with Lake.of(container().project) as lake:
        assert lake.verify().ok
        assert {each.status for each in lake.run()} == {"unchanged"}


CALLS = [("PutObject", 1), ("PutObject", 8), ("PutObject", 20), ("HeadObject", 3), ("CopyObject", 1), ("CopyObject", 2)]
CALLS += [("DeleteObject", 1), ("DeleteObject", 4), ("DeleteObjects", 1), ("DeleteObjects", 2)]


@pytest.mark.parametrize(("operation", "number"), CALLS)
def test_an_erasure_that_breaks_off_is_finished_by_the_next(peopled, tmp_path, monkeypatch, operation, number):
    """At some call of S3 the connection is gone for good."""
    shop, calls = peopled, [0]
    s3 = shop.aws.client("s3")
    newest = s3.get_object(Bucket=shop.raw, Key="raw/orders_1.json")["Body"].read()

    def break_off(**_):
        calls[0] += 1
        if calls[0] >= number:
            raise KeyboardInterrupt

    s3.meta.events.register(f"before-call.s3.{operation}", break_off, unique_id="breaks-off")
    try:
        with pytest.raises((KeyboardInterrupt, StorageUnavailableError)):
            forget()
    finally:
        s3.meta.events.unregister(f"before-call.s3.{operation}", unique_id="breaks-off")
    load(shop, *events(shop))
    forget()
    check(shop, tmp_path)
    assert s3.get_object(Bucket=shop.raw, Key="raw/orders_1.json")["Body"].read() == newest
    assert "Contents" not in s3.list_objects_v2(Bucket=shop.raw, Prefix="raw/orders_5")


def test_a_dry_run_tells_the_same_and_does_nothing(peopled, tmp_path):
    shop = peopled
    planned = forget(dry_run=True)
    assert len(holders(stored(shop, tmp_path / "before"), EMAIL)) > 8
    done = forget()
    for count in ("raw_files", "raw_records", "tables", "quarantine"):
        assert getattr(planned.counts, count) == getattr(done.counts, count), count
    assert "answers of Athena" not in planned.counts.derived


def test_answers_of_athena_go(peopled, tmp_path):
    shop = peopled
    shop.aws.client("s3").put_object(Bucket=shop.ops, Key="athena-results/now.csv", Body=EMAIL.encode())
    assert "answers of Athena" in forget().counts.derived
    check(shop, tmp_path)


def test_marts_that_athena_has_built_go_and_glue_knows_them_no_more(peopled, tmp_path):
    shop, glue = peopled, peopled.aws.client("glue")
    place = f"{shop.settings.lake}/marts/orders_1"
    for name, location in (("fct_orders", place), ("foreign", f"s3://{shop.ops}/elsewhere")):
        glue.create_table(
            DatabaseName=shop.settings.database,
            TableInput={"Name": name, "StorageDescriptor": {"Location": location, "Columns": []}},
        )
    bucket = shop.settings.lake.removeprefix("s3://").partition("/")[0]
    shop.aws.client("s3").put_object(Bucket=bucket, Key="lake/marts/orders_1/a.parquet", Body=EMAIL.encode())
    forget()
    names = [table["Name"] for table in glue.get_tables(DatabaseName=shop.settings.database)["TableList"]]
    assert "fct_orders" not in names
    assert {"foreign", "orders", "order_lines"} <= set(names)
    check(shop, tmp_path)


def test_without_the_key_it_says_what_to_do(peopled, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigError, match=f"set {VARIABLE}"):
        forget()


def test_what_was_stored_while_the_bucket_kept_no_versions_goes_too(peopled, tmp_path):
    """They are kept again by now: moto gives no version of a bucket out that has suspended them."""
    shop, s3 = peopled, peopled.aws.client("s3")

    def keep(status):
        s3.put_bucket_versioning(Bucket=shop.raw, VersioningConfiguration={"Status": status})

    keep("Suspended")
    for data in (ndjson(order(70), order(71, "bob")), ndjson(order(72))):
        s3.put_object(Bucket=shop.raw, Key="raw/orders_7.json", Body=data)
        load(shop, shop.record("raw/orders_7.json", shop.raw))
    keep("Enabled")
    load(shop, shop.put("raw/orders_7.json", ndjson(order(73))))
    before = shop.query(MONEY)
    forget()
    check(shop, tmp_path)
    assert shop.query(MONEY) == before
    assert shop.query("SELECT count(email) FROM orders WHERE order_id >= 70") == [(1,)]


def test_an_object_that_is_uploaded_meanwhile_is_loaded_once_and_stays_the_newest(peopled, monkeypatch):
    shop, s3 = peopled, peopled.aws.client("s3")
    newer = ndjson(order(2, "bob", total_amount=44))
    uploaded: list[Any] = []

    def meanwhile(**_):
        if not uploaded:
            uploaded.append("now")
            uploaded.append(shop.put("raw/orders_1.json", newer))

    s3.meta.events.register("before-call.s3.CopyObject", meanwhile, unique_id="meanwhile")
    try:
        forget()
    finally:
        s3.meta.events.unregister("before-call.s3.CopyObject", unique_id="meanwhile")
    load(shop, uploaded[1], *events(shop))
    assert s3.get_object(Bucket=shop.raw, Key="raw/orders_1.json")["Body"].read() == newer
    assert shop.query("SELECT total_amount::DOUBLE FROM orders WHERE order_id = 2") == [(44,)]
    with Lake.of(container().project) as lake:
        assert lake.verify().ok
        assert sum(report.source.endswith("orders_1.json") for report in lake.loads()) == 4

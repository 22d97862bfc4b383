"""One pipeline file, two homes: a lake in buckets has the tables that a lake in folders has.

An emulator stands in for AWS (tests/emulators): what is shown is our side of the conversation.
"""

import gzip
import json
import os
from contextlib import suppress
from dataclasses import replace

import pytest

from orderlake import Lake, loading
from orderlake.config import load_project
from orderlake.errors import CommitStateUnknownError, ConfigError, TransientError
from orderlake.events import objects
from orderlake.mending import Which
from orderlake.samples import sample_paths
from orderlake.storage.s3_streams import MultipartWriter
from tests.unit.kernel.test_windows import small_windows

pytestmark = pytest.mark.e2e


class Shop:
    """A deployment's lake and its twin in folders; what is put is put in both."""

    def __init__(self, aws, folder, *pipelines):
        self.aws, self.settings = aws, aws.deploy()
        self.s3 = aws.client("s3")
        self.bucket, self.prefix = self.settings.raw.removeprefix("s3://").split("/", 1)
        self.folder = folder / "shop"
        with Lake.init(self.folder, pipelines):
            self.project = replace(load_project(self.folder), aws=self.settings)

    def lake(self):
        return Lake.of(self.project)

    def twin(self):
        return Lake(self.folder)

    def put(self, name, records, *, twin=False):
        """Put records, or bytes; in the twin's raw/ too, as old as in S3, which knows no more than seconds."""
        data = records if isinstance(records, bytes) else json.dumps(records).encode()
        key = f"{self.prefix}/{name}"
        version = self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)["VersionId"]
        if twin:
            path = self.folder / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            sources = objects.S3Sources(self.settings.region, self.settings.raw, self.settings.lake)
            found = sources.resolve(self.bucket, key, version)
            assert found is not None
            os.utime(path, ns=(found.version, found.version))
        return version

    def objects(self, prefix=""):
        """Keys in the lake, hidden ones too."""
        bucket, root = self.settings.lake.removeprefix("s3://").split("/", 1)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{root}/{prefix}")
        return [found["Key"].removeprefix(f"{root}/") for page in pages for found in page.get("Contents", ())]

    def unfinished(self):
        bucket = self.settings.lake.removeprefix("s3://").split("/", 1)[0]
        return self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path, "orders")


def contents(lake):
    """Every table's rows, and what was set aside, without what names a home or a run."""
    tables = {}
    for table in lake.tables():
        if table.name != "quarantine":
            named = "* EXCLUDE (load_id, checked_at, source)" if table.name == "check_results" else "COLUMNS('^[^_]')"
            rows = lake.query(f"SELECT {named} FROM {table.name}").rows
            tables[table.name] = sorted(map(repr, rows))
    told = ("position", "line", "field", "reason", "record")
    tables["quarantine"] = sorted(repr([row[name] for name in told]) for row in lake.quarantine())
    return tables


def told(reports):
    """What was done with each file, by its name."""
    return sorted(
        (r.source.rsplit("/", 1)[-1], r.status, r.read, r.loaded, r.superseded, r.duplicate, sorted(r.tables.items()))
        for r in reports
    )


def order(number, lines=1, day=1, total="9.50"):
    products = [{"product_id": f"p{line}", "name": "n", "price": 1.5, "quantity": line + 1} for line in range(lines)]
    customer = {"customer_id": 7, "name": "Zoë ]},{", "email": "e@example.com", "address": "a"}
    return {
        "order_id": number,
        "order_date": f"2024-01-{day:02}",
        "total_amount": total,
        "customer": customer,
        "products": products,
    }


def test_the_samples_load_and_are_answered(shop):
    shop.put("orders_sample.json", sample_paths("orders")[0].read_bytes())
    with shop.lake() as lake:
        (report,) = lake.run()
        assert (report.status, report.read, report.loaded) == ("loaded", 12, 12)
        assert lake.query("SELECT count(*), sum(total_amount) FROM orders").rows
        assert [r.status for r in lake.run()] == ["unchanged"]
        assert lake.verify().ok


@pytest.mark.parametrize("pipeline", ["orders", "olist", "shopify"])
def test_the_samples_give_the_tables_that_they_give_in_folders(aws, tmp_path, pipeline):
    shop = Shop(aws, tmp_path, pipeline)
    with shop.lake() as lake, shop.twin() as twin:
        for path in sample_paths(pipeline):
            shop.put(path.name, path.read_bytes(), twin=True)
            reports = [each.run() for each in (lake, twin)]
            assert told(reports[0]) == told(reports[1])
        assert contents(lake) == contents(twin)
        assert any(contents(lake).values())
        assert lake.verify().ok


def test_corrections_deliveries_once_more_and_bad_records_end_as_in_folders(shop):
    history = [
        ("a_orders.json", [order(1, 3), order(2, 2), {"order_id": "bad"}]),
        ("b_orders.json", [order(1, 1, total="1.00"), order(3, 0)]),
        ("a_orders.json", [order(1, 3), order(2, 2), {"order_id": "bad"}]),
        ("c_orders.ndjson", b'{"order_id": 4, "order_date": "2024-02-30"}\n' + json.dumps(order(5, 2)).encode()),
        ("b_orders.json", [order(3, 4, day=9)]),
        ("d_orders.json.gz", gzip.compress(json.dumps({"orders": [order(6)]}).encode())),
        ("e_orders.json", b"this is no JSON"),
    ]
    with shop.lake() as lake, shop.twin() as twin:
        for name, records in history:
            shop.put(name, records, twin=True)
            assert sorted(r.status for r in lake.run() if r.status != "unchanged") == sorted(
                r.status for r in twin.run() if r.status != "unchanged"
            )
        assert contents(lake) == contents(twin)
        assert lake.verify().ok
    with shop.lake() as again:  # whatever is kept in memory is gone
        assert contents(again)["orders"]
        assert {r.status for r in again.run()} == {"unchanged", "rejected"}


def test_a_then_b_then_a_again_within_a_second_is_a(shop):
    for products in (1, 2, 1):
        shop.put("orders.json", [order(1, products)])
    with shop.lake() as lake:
        assert [r.status for r in lake.run()] == ["loaded"] * 3
        assert lake.query("SELECT count(*) FROM order_lines").rows == ((1,),)
        assert lake.verify().ok


def test_the_last_of_many_versions_within_a_second_wins_whatever_the_order_of_loading(shop):
    for number in range(8):
        shop.put("orders.json", [order(1, 1, total=f"{number}.00")])
    with shop.lake() as lake:
        found = lake.sources.find(())
        for source in (found[5], found[7], found[2], *found):
            lake.load([source])
        assert lake.query("SELECT total_amount::VARCHAR FROM orders").rows == (("7.00",),)
        assert lake.verify().ok


@pytest.mark.parametrize("copied", [16 << 20, 10], ids=["copied", "streamed"])
def test_an_object_that_is_deleted_before_it_is_read_is_rejected_and_the_others_load(shop, monkeypatch, copied):
    monkeypatch.setattr(objects, "_COPIED", copied)
    shop.put("a_orders.json", [order(1)])
    gone = shop.put("b_orders.json", [order(2)])
    shop.put("c_orders.json", [order(3)])
    with shop.lake() as lake:
        found = lake.sources.find(())
        shop.s3.delete_object(Bucket=shop.bucket, Key=f"{shop.prefix}/b_orders.json", VersionId=gone)
        reports = {report.source.rsplit("/", 1)[-1]: report for report in lake.load(found)}
        assert [reports[f"{name}_orders.json"].status for name in "abc"] == ["loaded", "rejected", "loaded"]
        assert "removed before it was read" in str(reports["b_orders.json"].reason)
        assert lake.query("SELECT count(*) FROM orders").rows == ((2,),)
        assert lake.verify().ok


def test_an_object_with_a_delete_marker_still_loads_by_its_version(shop):
    shop.put("a_orders.json", [order(1)])
    with shop.lake() as lake:
        found = lake.sources.find(())
        shop.s3.delete_object(Bucket=shop.bucket, Key=f"{shop.prefix}/a_orders.json")
        assert [report.status for report in lake.load(found)] == ["loaded"]


def test_plain_parquet_files_shrink_and_go_as_their_records_are_corrected(shop):
    with shop.lake() as lake, shop.twin() as twin:
        for name, records in (
            ("a_orders.json", [order(number, 2) for number in range(1, 5)]),
            ("b_orders.json", [order(1, 3), order(2, 1)]),
            ("c_orders.json", [order(number, 1) for number in range(1, 5)]),
        ):
            shop.put(name, records, twin=True)
            lake.run()
            twin.run()
            wide = "SELECT order_id, product_id, count(*) FROM orders_parquet_datalake GROUP BY ALL ORDER BY ALL"
            assert lake.query(wide).rows == twin.query(wide).rows
            assert len(shop.objects("orders_parquet_datalake/")) == len(
                list((shop.folder / "lake/orders_parquet_datalake").glob("*.parquet"))
            )
        assert shop.objects(".pending/") == []
        assert lake.verify().ok


def test_two_workers_that_remember_shrink_one_file_after_the_other(shop):
    shop.put("a_orders.json", [order(number, 1) for number in range(1, 5)])
    with shop.lake() as one, shop.lake() as two:
        one.run()
        wide = "SELECT DISTINCT order_id, total_amount FROM orders_parquet_datalake ORDER BY ALL"
        assert one.query(wide).rows == two.query(wide).rows
        for number, worker in ((1, one), (2, two), (3, one), (4, two)):
            shop.put(f"b{number}_orders.json", [order(number, 1, total=f"{number}.00")])
            worker.run()
        expected = tuple((number, float(number)) for number in range(1, 5))
        assert one.query(wide).rows == two.query(wide).rows == expected
        assert one.verify().ok


def test_verify_finds_what_is_lost_and_what_is_damaged(shop):
    shop.put("orders.json", [order(number, 2) for number in range(5)])
    bucket, root = shop.settings.lake.removeprefix("s3://").split("/", 1)
    with shop.lake() as lake:
        lake.run()
        assert lake.verify().ok
        (data,) = [key for key in shop.objects("order_lines/") if key.endswith(".parquet")]
        kept = shop.s3.get_object(Bucket=bucket, Key=f"{root}/{data}")["Body"].read()
        for damage, told in ((kept[:-9], "bytes, not"), (b"x" * len(kept), "is damaged"), (None, "is gone")):
            if damage is None:
                shop.s3.delete_object(Bucket=bucket, Key=f"{root}/{data}")
            else:
                shop.s3.put_object(Bucket=bucket, Key=f"{root}/{data}", Body=damage)
            report = lake.verify()
            assert not report.ok
            assert any(told in finding and data in finding for finding in report.findings)
        shop.s3.put_object(Bucket=bucket, Key=f"{root}/{data}", Body=kept)
        assert lake.verify().ok


def test_glue_shows_every_table(shop):
    shop.put("orders.json", [order(1, 2)])
    with shop.lake() as lake:
        lake.run()
        declared = {spec.name: spec for stream in lake.pipelines[0].streams for spec in stream.tables}
    glue = shop.aws.client("glue")
    shown = {table["Name"]: table for table in glue.get_tables(DatabaseName=shop.settings.database)["TableList"]}
    assert set(declared) <= set(shown)
    for name, spec in declared.items():
        table = shown[name]
        assert table["TableType"] == "EXTERNAL_TABLE"
        columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        assert [column.name for column in spec.columns] == columns[: len(spec.columns)]
        if spec.format == "iceberg":
            bucket, key = table["Parameters"]["metadata_location"].removeprefix("s3://").split("/", 1)
            assert table["Parameters"]["table_type"].upper() == "ICEBERG"
            assert shop.s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        else:
            assert table["StorageDescriptor"]["Location"].rstrip("/") == f"{shop.settings.lake}/{name}"
            assert "parquet" in table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].lower()


@pytest.mark.parametrize("packed", ["plain", "gzip"])
@pytest.mark.parametrize("layout", ["lines", "array"])
def test_a_large_object_goes_through_windows_and_the_lake_and_leaves_nothing_behind(shop, monkeypatch, layout, packed):
    monkeypatch.setattr(objects, "_COPIED", 10)
    monkeypatch.setattr(loading, "_STAGED_HERE", 10)
    small_windows(monkeypatch, 20_000)
    records = [order(number, number % 4, day=1 + number % 28) for number in range(1_500)]
    records[700]["order_date"] = "2024-02-30"
    text = "\n".join(map(json.dumps, records)) if layout == "lines" else json.dumps(records)
    data = text.encode() if packed == "plain" else gzip.compress(text.encode())
    name = f"orders.{'ndjson' if layout == 'lines' else 'json'}{'' if packed == 'plain' else '.gz'}"
    seen = []
    close = MultipartWriter.close

    def closed(writer):
        seen.append(writer._where["Key"])
        close(writer)

    monkeypatch.setattr(MultipartWriter, "close", closed)
    shop.put(name, data, twin=True)
    with shop.lake() as lake, shop.twin() as twin:
        (report,) = lake.run()
        assert (report.read, report.loaded, report.quarantined) == (1_500, 1_499, 1)
        twin.run()
        assert contents(lake) == contents(twin)
        assert lake.query("SELECT max(_source_row) FROM orders").rows == ((1_500,),)
        assert lake.verify().ok
        assert {r.status for r in lake.run()} == {"unchanged"}
    assert sum("/.work/" in key for key in seen) > 10
    assert shop.objects(".work/") == shop.objects(".pending/") == shop.unfinished() == []


@pytest.mark.parametrize("skip", [0, 1, 3, 6])
@pytest.mark.parametrize("operation", ["PutObject", "GetObject", "HeadObject", "CopyObject"])
def test_a_storage_that_is_away_for_a_while_rejects_nothing_and_loses_nothing(shop, monkeypatch, operation, skip):
    monkeypatch.setattr(loading, "_STAGED_HERE", 10)
    shop.put("a_orders.json", [order(1, 2), order(2, 1)], twin=True)
    with shop.lake() as lake, shop.twin() as twin:
        lake.run()
        shop.put("b_orders.json", [order(1, 1), order(3, 2)], twin=True)
        shop.aws.faults.throttle(operation, times=60, skip=skip)
        with suppress(TransientError, CommitStateUnknownError):
            assert all(report.status != "rejected" for report in lake.run())
        shop.aws.faults.clear()
        assert all(report.status in {"loaded", "unchanged"} for report in lake.run())
        assert lake.verify().ok
        twin.run()
        assert contents(lake) == contents(twin)


def test_what_was_set_aside_is_shown_written_out_and_dropped_and_mended_elsewhere(shop, tmp_path):
    shop.put("a_orders.json", [order(1, 0), order(2, 0) | {"order_date": "never"}, {"order_id": "x"}])
    with shop.lake() as lake:
        lake.run()
        first, second = [each["id"] for each in lake.quarantine()]
        assert lake.export_quarantine(tmp_path / "mend.ndjson") == 2
        lines = [json.loads(line) for line in (tmp_path / "mend.ndjson").read_text("utf-8").splitlines()]
        assert [(line["id"], line["position"]) for line in lines] == [(first, 2), (second, 3)]
        with pytest.raises(ConfigError, match="put the file, corrected, in the place of the old one"):
            lake.fix_file(tmp_path / "mend.ndjson")
        with pytest.raises(ConfigError, match="cannot mend a record by itself"):
            lake.replay_all()
        for _ in range(2):
            lake.drop(Which(ids=(second,)), "no order at all")
        assert lake.quarantined(second)[0]["drop_reason"] == "no order at all"
        assert lake.quarantine_counts() == {"open": 1, "fixed": 0, "replaced": 0, "dropped": 1}
        assert lake.verify().ok
    shop.put("a_orders.json", [order(1, 0), order(2, 0)])
    with shop.lake() as lake:
        lake.run()
        assert [each["status"] for each in lake.quarantine()] == ["replaced", "dropped"]
        assert lake.verify().ok


def test_tables_are_looked_after_and_what_glue_does_by_itself_is_left_to_it(shop):
    for number in range(4):
        shop.put(f"orders_{number}.json", [order(number, 2)], twin=True)
        for lake in (shop.lake(), shop.twin()):
            with lake as opened:
                opened.run()
    glue = shop.aws.client("glue")
    kept = glue.get_table(DatabaseName=shop.settings.database, Name="orders")["Table"]
    wanted = {key: kept[key] for key in ("Name", "TableType", "StorageDescriptor")}
    parameters = {**kept["Parameters"], "optimizers": "compaction"}  # as CreateTableOptimizer, in the emulator
    glue.update_table(DatabaseName=shop.settings.database, TableInput={**wanted, "Parameters": parameters})
    with shop.lake() as lake, shop.twin() as twin:
        files = {table.name: table.files for table in lake.tables()}
        dry = {each.table: each for each in lake.maintain(dry_run=True).tables}
        report = {each.table: each for each in lake.maintain().tables}
        assert (report["orders"].files_after, report["order_lines"].files_after) == (files["orders"], 1) == (4, 1)
        assert dry["orders"].files_after == 4
        assert report["orders"].note == "left to the catalog's own optimizers: compaction"
        assert report["_index_orders"].files_after == 1
        twin.maintain()
        assert contents(lake) == contents(twin)
        assert lake.verify().ok

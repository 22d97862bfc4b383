"""Damage done for real to a real lake: `verify` names the table and the file, and a lake that is whole is ok."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orderlake import Lake
from orderlake.mending.which import Which
from orderlake.querying import query_tables
from orderlake.samples import sample_paths
from orderlake.storage.local import LocalStore
from orderlake.tables import hive
from orderlake.verify import Finding, Scope, VerifyReport, verify

PIPELINES = ("orders", "olist", "shopify")
BAD = '[{"order_id": 9001, "order_date": "2024-02-30"}, {"order_id": 9002, "order_date": "2024-02-03"}]'
TWICE = "SELECT * FROM '{file}' UNION ALL (SELECT * FROM '{file}' LIMIT 1)"
ONE_LESS = "SELECT * FROM '{file}' LIMIT (SELECT count(*) - 1 FROM '{file}')"


class Kept:
    """A folder that is put back as it is now: what has changed is copied, what was added is removed."""

    def __init__(self, root: Path) -> None:
        self.root, self._copy = root, root.with_name("kept")
        shutil.copytree(root, self._copy)
        self._as_it_was = self._copied()

    def _copied(self) -> dict[Path, tuple[int, int, int]]:
        """What tells whether anybody has written a file since, by its path."""
        found = {path.relative_to(self.root): path.stat() for path in self.root.rglob("*") if path.is_file()}
        return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}

    def restore(self) -> None:
        now = self._copied()
        for path in now.keys() - self._as_it_was:
            (self.root / path).unlink()
        for path, was in self._as_it_was.items():
            if now.get(path) != was:
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).unlink(missing_ok=True)
                shutil.copy2(self._copy / path, self.root / path)
        self._as_it_was = self._copied()


class Shop:
    """A project with all pipelines and a record that was set aside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        bad = root.with_name("orders_bad.json")
        bad.write_text(BAD)
        with Lake.init(root, list(PIPELINES)) as lake:
            for part in (sample_paths("orders")[:1], sample_paths("orders")[1:], [bad]):
                lake.run(part)
            lake.run([*sample_paths("olist"), *sample_paths("shopify")])
            tables = {table.name: map(Path, table.files) for table in query_tables(lake._backends)}
        # The files of a table, the one that may well have the most rows first.
        self.tables = {name: sorted(files, key=lambda file: -file.stat().st_size) for name, files in tables.items()}

    def verify(self, *, quick: bool = False, orphan_hours: float | None = None) -> VerifyReport:
        with Lake(self.root) as lake:
            return lake.verify(quick=quick, orphan_hours=orphan_hours)

    def head(self, table: str) -> Path:
        with sqlite3.connect(self.root / ".orderlake" / "catalog.db") as database:
            ((location,),) = database.execute(
                "SELECT metadata_location FROM iceberg_tables WHERE table_name = ?", (table,)
            )
        return Path(location.removeprefix("file://"))

    def metadata(self, table: str, kind: str) -> Path:
        """A file of a table's metadata that its current snapshot leads to."""
        head = self.head(table)
        document = json.loads(head.read_bytes())
        if kind == "earlier metadata":
            return Path(document["metadata-log"][-1]["metadata-file"].removeprefix("file://"))
        listed = Path(document["snapshots"][-1]["manifest-list"].removeprefix("file://"))
        if kind == "manifest":
            attempt = listed.stem.split("-")[-1]
            return next(head.parent.glob(f"{attempt}-*-m0.avro"))
        return {"metadata": head, "manifest list": listed}[kind]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("verify") / "shop")
    return shop, Kept(shop.root)


@pytest.fixture
def shop(made):
    shop, kept = made
    yield shop
    kept.restore()


def rewrite(file: Path, select: str) -> None:
    """Put what a SELECT gives in the place of a Parquet file."""
    duckdb.execute(f"COPY ({select.format(file=file)}) TO '{file}.new' (FORMAT parquet)")
    Path(f"{file}.new").replace(file)


def flip(file: Path) -> None:
    """Change a bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def found(report: VerifyReport, kind: str, table: str) -> list[Finding]:
    return [each for each in report.found if (each.kind, each.table) == (kind, table)]


def file_of(shop: Shop, table: str, kind: str) -> Path:
    if kind == "data":
        return shop.tables[table][0] if table in shop.tables else next((shop.root / "lake" / table / "data").rglob("*"))
    return shop.metadata(table, kind)


TABLES = ("orders", "order_lines", "_index_orders", "quarantine", "olist_geolocation_dataset", "shopify_refunds")
KINDS = ("data", "metadata", "manifest list", "manifest")
FILES = [
    *[(table, kind) for table in TABLES for kind in KINDS],
    ("orders_parquet_datalake", "data"),
    ("orders", "earlier metadata"),
]


def test_a_lake_left_alone_is_ok_and_says_what_is_proven(shop):
    report = shop.verify()
    assert report.found == ()
    assert report.sources == 14
    assert report.proven["sealed"] == report.files > 30
    assert report.proven["unsealed"] == 0
    assert (report.proven["unique"], report.proven["agreeing"], report.proven["twins"]) == (14, 8, 1)


@pytest.mark.parametrize(("table", "kind"), FILES)
def test_a_changed_bit_is_named(shop, table, kind):
    file = file_of(shop, table, kind)
    flip(file)
    report = shop.verify()
    told = [each for each in report.found if each.file == str(file)]
    assert told, report.findings
    assert told[0].kind in ("changed", "damaged")
    assert told[0].table == table
    assert str(file) in told[0].message
    assert "restore" in told[0].remedy


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(("table", "kind"), FILES)
def test_a_deleted_file_is_named(shop, table, kind, quick):
    file = file_of(shop, table, kind)
    file.unlink()
    assert [str(file)] == [each.file for each in found(shop.verify(quick=quick), "gone", table)]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(("table", "kind"), [each for each in FILES if each != ("orders_parquet_datalake", "data")])
def test_a_truncated_file_is_named(shop, table, kind, quick):
    file = file_of(shop, table, kind)
    file.write_bytes(file.read_bytes()[:-20])
    told = [each for each in shop.verify(quick=quick).found if each.file == str(file)]
    assert [(each.kind, each.table) for each in told] == [("damaged" if kind == "data" else "changed", table)]


def test_a_truncated_plain_file_is_named(shop):
    (file, *_) = shop.tables["orders_parquet_datalake"]
    file.write_bytes(file.read_bytes()[:-20])
    (told,) = found(shop.verify(), "damaged", "orders_parquet_datalake")
    assert told.file == str(file)


def loaded_tables() -> list[str]:
    named = ["orders", "order_lines", "orders_parquet_datalake", "quarantine", "check_results"]
    olist = (
        "orders",
        "order_items",
        "order_payments",
        "order_reviews",
        "customers",
        "products",
        "sellers",
        "geolocation",
    )
    shopify = (
        "orders line_items discounts discount_applications shipping_lines refunds refund_lines refund_transactions"
    )
    named += ["product_category_name_translation", *(f"olist_{each}_dataset" for each in olist)]
    return [*named, *(f"shopify_{each}" for each in shopify.split())]


def test_the_tables_that_are_damaged_here_are_all_that_have_rows(shop):
    assert sorted(loaded_tables()) == sorted(name for name, files in shop.tables.items() if files)


@pytest.mark.parametrize("table", loaded_tables())
def test_a_doubled_row_is_named(shop, table):
    (file, *_) = shop.tables[table]
    rewrite(file, TWICE)
    report = shop.verify()
    assert [each.file for each in found(report, "changed", table)] == [str(file)]
    assert found(report, "doubled", table), report.findings


@pytest.mark.parametrize("table", loaded_tables())
def test_a_missing_row_is_named(shop, table):
    (file, *_) = shop.tables[table]
    rewrite(file, ONE_LESS)
    report = shop.verify()
    assert [each.file for each in found(report, "changed", table)] == [str(file)]
    assert found(report, "missing", table), report.findings


def test_a_doubled_order_is_named_by_its_number_its_file_and_its_source(shop):
    (file, *_) = shop.tables["orders"]
    rewrite(file, TWICE)
    told = found(shop.verify(), "doubled", "orders")[0]
    (key,) = duckdb.execute(f"SELECT order_id FROM '{file}' GROUP BY 1 HAVING count(*) = 2").fetchone() or ("",)
    assert f"for example {key} " in told.message
    assert (told.file, Path(told.source).name) == (str(file), "orders_sample.json")


def test_a_missing_order_is_named_by_its_number_and_its_source(shop):
    (file, *_) = shop.tables["orders"]
    (key,) = duckdb.execute(f"SELECT order_id FROM '{file}' OFFSET 3").fetchone() or ("",)
    rewrite(file, ONE_LESS)
    told = found(shop.verify(), "missing", "orders")[0]
    assert f"1 records of the index have no row there, for example {key} (of " in told.message
    assert Path(told.source).name == "orders_sample.json"


def test_a_doubled_line_without_a_position_is_named_by_its_record(shop):
    (file, *_) = shop.tables["shopify_refunds"]
    (record,) = duckdb.execute(f"SELECT _source_row FROM '{file}' LIMIT 1").fetchone() or ("",)
    rewrite(file, TWICE)
    (told,) = found(shop.verify(), "doubled", "shopify_refunds")
    assert f"record {record} has a row there twice" in told.message


def test_a_row_of_an_order_that_no_file_has_is_named(shop):
    rewrite(shop.tables["orders"][0], "SELECT * REPLACE (order_id + 77000 AS order_id) FROM '{file}' LIMIT 4")
    (told,) = found(shop.verify(), "unknown", "orders")
    assert "4 records have rows there that the index does not know, for example 78" in told.message


def test_lines_of_another_version_than_their_header_are_named(shop):
    rewrite(shop.tables["order_lines"][0], "SELECT * REPLACE (_version + 1 AS _version) FROM '{file}'")
    (told,) = found(shop.verify(), "disagrees", "order_lines")
    assert "of another version than in orders" in told.message


def test_lines_without_a_header_are_named(shop):
    rewrite(shop.tables["orders"][0], ONE_LESS)
    (told,) = found(shop.verify(), "disagrees", "order_lines")
    assert "that orders does not have" in told.message


def test_a_plain_row_with_another_value_than_its_twin_is_named(shop):
    (file, *_) = shop.tables["orders_parquet_datalake"]
    rewrite(file, "SELECT * REPLACE (CASE WHEN quantity = 2 THEN 3 ELSE quantity END AS quantity) FROM '{file}'")
    (told,) = found(shop.verify(), "disagrees", "orders_parquet_datalake")
    assert "has other values than order_lines" in told.message
    assert str(file) in told.message


def test_a_plain_file_with_records_of_another_source_is_named(shop):
    two, one, *_ = shop.tables["orders_parquet_datalake"]
    rewrite(one, f"SELECT * FROM '{two}'")
    (told, *_) = found(shop.verify(), "unknown", "orders_parquet_datalake")
    assert told.file == str(one)
    assert "stand for another source" in told.message


@pytest.mark.parametrize("quick", [False, True])
def test_a_foreign_file_in_the_folder_of_a_plain_table_is_named(shop, quick):
    (file, *_) = shop.tables["orders_parquet_datalake"]
    copy = file.with_name("orders_ETL_20200101_000000_copy.parquet")
    shutil.copyfile(file, copy)
    (told,) = found(shop.verify(quick=quick), "foreign", "orders_parquet_datalake")
    assert told.file == str(copy)


def change_ledger(shop: Shop, source: str, **values: object) -> None:
    with sqlite3.connect(shop.root / ".orderlake" / "ledger.db") as database:
        ((number, text),) = database.execute("SELECT number, report FROM loads WHERE source LIKE ?", (f"%/{source}",))
        report = json.dumps({**json.loads(text), **values})
        database.execute("UPDATE loads SET report = ? WHERE number = ?", (report, number))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"loaded": 11}, "12 records were read, but 11 are accounted for"),
        ({"loaded": 11, "read": 11}, "of its records should stand in orders, the index has"),
        ({"quarantined": 1, "loaded": 11}, "orders_sample.json has 0 records there"),
        ({"checks": [{"name": "x"}]}, "check_results: "),
    ],
)
def test_a_history_that_does_not_add_up_is_told(shop, values, told):
    change_ledger(shop, "orders_sample.json", **values)
    assert any(told in each and "orders_sample.json" in each for each in shop.verify().findings)


def test_a_drop_of_a_record_that_was_never_set_aside_is_told(shop):
    with Lake(shop.root) as lake:
        (record,) = lake.quarantine()
        lake.drop(Which(ids=(record["id"],)), "a test order")
        assert lake.verify().ok
    (file,) = (shop.root / "lake" / "quarantine_drops" / "data").glob("*.parquet")
    rewrite(file, "SELECT * REPLACE (position + 5 AS position) FROM '{file}'")
    (told,) = found(shop.verify(), "unknown", "quarantine_drops")
    assert "record 6 of " in told.message


def test_in_a_hurry_the_rows_of_headers_are_counted_against_the_history(shop):
    assert shop.verify(quick=True).found == ()
    change_ledger(shop, "orders_sample.json", loaded=11, read=11)
    (told,) = found(shop.verify(quick=True), "unaccounted", "orders")
    assert "rows, by the history" in told.message


def test_in_a_hurry_no_data_file_is_opened(shop):
    for files in shop.tables.values():
        for file in files:
            file.write_bytes(b"x" * file.stat().st_size)
    assert shop.verify(quick=True).ok
    assert not shop.verify().ok


def test_an_orphan_is_told_when_it_is_old_and_no_file_that_is_needed_is_one(shop):
    lake = shop.root / "lake"
    old = [lake / "orders" / "data" / "dead.parquet", lake / ".work" / "a" / "b.parquet", lake / ".part-1"]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        os.utime(path, (0, 0))
    (lake / "orders" / "data" / "writing.parquet").write_bytes(b"soon")
    report = shop.verify()
    assert report.ok
    assert sorted(each.file for each in report.orphans) == sorted(map(str, old))
    assert all("4 bytes, of 1970-01-01" in each.message and "delete it" in each.remedy for each in report.orphans)
    assert report.proven["young"] == 1
    assert len(shop.verify(orphan_hours=0).orphans) == 4


def test_what_a_table_needs_is_no_orphan_while_its_metadata_cannot_be_read(shop):
    shop.metadata("orders", "manifest list").write_bytes(b"x")
    assert shop.verify(orphan_hours=0).orphans == ()


def test_marts_are_no_orphans(shop):
    (shop.root / "marts").mkdir(exist_ok=True)
    (shop.root / "marts" / "daily.sql").write_text("SELECT order_date, count(*) AS n FROM orders GROUP BY ALL")
    with Lake(shop.root) as lake:
        lake.marts()
    assert shop.verify(orphan_hours=0).found == ()
    (shop.root / "marts" / "daily.sql").unlink()
    assert len(shop.verify(orphan_hours=0).orphans) == 1


def test_what_was_repaired_while_it_was_looked_at_is_no_finding(shop):
    (file, *_) = shop.tables["orders_parquet_datalake"]
    data = file.read_bytes()
    file.unlink()

    with Lake(shop.root) as lake:

        def now() -> int:  # asked once a recount, at its end
            if not file.exists():
                file.write_bytes(data)
                with Lake(shop.root) as other:
                    other.run([again])
            return 0

        again = shop.root.with_name("orders_again.json")
        again.write_text('[{"order_id": 31, "order_date": "2024-02-03"}]')
        engine = lake._backends.engine(shop.root / ".orderlake" / "work" / "test")
        assert verify(lake._backends, engine, Scope(now_ns=now)).findings == ()
        engine.close()


def order(number: int, lines: int = 1, total: str = "9.50", day: int = 1) -> dict[str, object]:
    products = [{"product_id": f"p{line}", "name": "n", "price": 1.5, "quantity": line + 1} for line in range(lines)]
    customer = {"customer_id": 7, "name": "N", "email": "e@example.com", "address": "a"}
    return {
        "order_id": number,
        "order_date": f"2024-01-{day:02}",
        "total_amount": total,
        "customer": customer,
        "products": products,
    }


def put(root: Path, name: str, content: object, time: int) -> Path:
    file = root / "raw" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))
    os.utime(file, (time, time))
    return file


@pytest.fixture(scope="module")
def kept_busy(tmp_path_factory):
    root = tmp_path_factory.mktemp("busy") / "shop"
    with Lake.init(root, ["orders"]) as lake:
        for number in range(12):
            put(root, f"orders_{number}.json", [order(number, 2), order(100, number)], 1_700_000_000 + number)
            lake.run()
        put(root, "orders_late.json", [order(3, 5, "1.00"), {"order_id": "bad"}], 1_700_000_500)
        lake.run()
    return Kept(root)


@pytest.fixture
def busy(kept_busy):
    """A lake with corrections, many small loads that were folded, and a quarantine."""
    with Lake(kept_busy.root) as lake:
        yield lake
    kept_busy.restore()


def test_after_corrections_and_folding_all_agrees_and_all_is_sealed(busy):
    report = busy.verify()
    assert report.found == ()
    assert report.proven["sealed"] == report.files


def test_a_compacted_lake_is_sealed(busy):
    busy.maintain()
    report = busy.verify()
    assert report.found == ()
    assert report.proven["sealed"] == report.files


def test_after_a_rollback_and_its_undoing_all_agrees(busy):
    (late,) = [load for load in busy.loads() if load.source.endswith("late.json")]
    busy.rollback(late.load_id)
    assert busy.verify().found == ()
    busy.restore(late.load_id)
    assert busy.verify().found == ()


def test_a_mended_record_is_accounted_for(busy):
    (record,) = busy.quarantine()
    busy.fix(record["source"], record["position"], json.dumps(order(55, 2)))
    assert busy.verify().found == ()


def test_a_file_that_only_earlier_snapshots_need_is_missed(busy):
    needed = {file for table in query_tables(busy._backends) for file in table.files}
    before = [path for path in (busy.project.lake / "orders" / "data").rglob("*.parquet") if str(path) not in needed]
    before[0].unlink()
    (told,) = busy.verify().found
    assert (told.kind, told.file) == ("gone", str(before[0]))
    assert "earlier snapshots" in told.message


@pytest.mark.parametrize("step", [5, 6, 7, 8, 9, 10])
def test_what_a_killed_load_left_is_no_finding(busy, step):
    put(busy.project.root, "orders_next.json", [order(3, 1, "2.00"), order(500, 2)], 1_700_000_900)
    script = (
        "import os, sys\n"
        "from orderlake import Lake\n"
        "from orderlake.loading import Loader\n"
        "lake = Lake(sys.argv[1])\n"
        "die = lambda step: os._exit(9) if step == int(sys.argv[2]) else None\n"
        "Loader(lake._backends, on_step=die).run(lake.sources.find(()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(busy.project.root), str(step)], check=False)
    assert done.returncode == 9
    assert busy.verify().found == ()
    busy.run()
    assert busy.verify().found == ()


def test_files_from_before_there_were_seals_are_counted_and_a_load_or_a_compaction_seals_them(tmp_path, monkeypatch):
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        with monkeypatch.context() as before:
            before.setattr(LocalStore, "seal", lambda *_: None)
            before.setattr(hive, "seals_of", lambda *_: {})
            for number in range(3):
                put(lake.project.root, f"orders_{number}.json", [order(number, 2)], 1_700_000_000 + number)
                lake.run()
        report = lake.verify()
        assert report.found == ()
        assert (report.proven["sealed"], report.proven["unsealed"]) == (0, report.files)
        lake.maintain()
        report = lake.verify()
        assert report.found == ()
        assert report.proven["unsealed"] == 3  # the plain files
        (file, *_) = (lake.project.lake / "orders_parquet_datalake").glob("*.parquet")
        rewrite(file, "SELECT * REPLACE (quantity + 1 AS quantity) FROM '{file}'")
        assert [each.kind for each in lake.verify().found] == ["disagrees"]
        rewrite(file, ONE_LESS)
        (told, *_) = found(lake.verify(), "changed", "orders_parquet_datalake")
        assert (told.file, told.message[-18:]) == (str(file), " has 1 rows, not 2")


def test_a_catalog_that_names_a_table_of_nobody_is_no_matter(shop):
    (shop.root / "pipelines" / "shopify.yaml").unlink()
    assert shop.verify(orphan_hours=0).found == ()

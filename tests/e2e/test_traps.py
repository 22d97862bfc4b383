"""The traps that break order pipelines, by their numbers; each test fails without our handling of it."""

import hashlib
import itertools
import json
import os
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orderlake import Lake
from orderlake.errors import CatalogUnavailableError
from orderlake.samples import sample_paths
from orderlake.tables.layout import index_layout, table_layout
from tests.fault.worker import ended, spawn
from tests.reference import NOON, SECOND, Written, expected, found, new_lake, order, put, visible_parquet, written

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        yield opened


def counts(lake):
    return {table: len(rows) for table, rows in found(lake).items()}


def live_files(lake, table):
    opened = lake._backends.house.open([layout for layout in layouts(lake) if layout.name == table])[table]
    return opened.live


def snapshots(lake, table):
    opened = lake._backends.house.open([layout for layout in layouts(lake) if layout.name == table])[table]
    return opened.metadata.snapshots


def layouts(lake):
    (stream,) = lake.pipelines[0].streams
    return [index_layout(stream), *(table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg")]


# trap 12: file names by the second overwrite each other
def test_fifty_files_of_one_second_are_all_there(lake):
    made = [written(lake, lake.project.raw / f"orders_{n}.json", [order(n, "A")], NOON + n) for n in range(50)]
    half = [lake.project.root / file.uri for file in made[:25]]
    for path in half[:5]:
        lake.run([path])
    lake.run()
    assert found(lake) == expected(made)
    assert len(visible_parquet(lake)) == 50
    assert len({name[:26] for name in visible_parquet(lake)}) == 1, (
        "one second, so only what follows it tells them apart"
    )


# trap 12: two loaders in one second, as well
def test_files_of_one_time_and_one_name_in_two_folders_are_both_there(lake):
    made = [
        written(lake, lake.project.raw / part / "orders.json", [order(n, "A")], NOON) for n, part in enumerate("ab")
    ]
    lake.run()
    assert found(lake) == expected(made)


# trap 13, trap 36: a second run counts every row twice; an upsert that appends
@pytest.mark.parametrize("again", ["the same lake", "another process's lake", "the files touched", "the files copied"])
def test_loading_again_changes_no_count(lake, tmp_path, again):
    for path in sample_paths("orders"):
        (lake.project.raw / path.name).write_bytes(path.read_bytes())
        os.utime(lake.project.raw / path.name, ns=(NOON, NOON + (path.name == "orders_increment.json")))
    lake.run()
    before = found(lake)
    assert {len(rows) for rows in before.values()} != {0}
    if again == "the files touched":
        for path in lake.project.raw.iterdir():
            os.utime(path, ns=(NOON, path.stat().st_mtime_ns + SECOND))
    if again == "the files copied":
        for path in list(lake.project.raw.iterdir()):
            put(
                path.with_name(f"orders_copy_of_{path.name}"),
                json.loads(path.read_text("utf-8")),
                path.stat().st_mtime_ns + SECOND,
            )
    with Lake(tmp_path) as other:
        (other if again == "another process's lake" else lake).run()
    assert found(lake) == before


# trap 14: the order's total stands on each of its lines
def test_daily_revenue_over_orders_is_that_of_the_order(lake):
    first = order(1001, "P001", "P002", total="200.50")
    put(lake.project.raw / "orders.json", [first], NOON)
    lake.run()
    revenue = "SELECT order_date, sum(total_amount) FROM orders GROUP BY order_date"
    assert lake.query(revenue).rows == ((date(2024, 1, 5), Decimal("200.50")),)
    assert "total_amount" not in lake.query("SELECT * FROM order_lines").columns


# trap 15: header and lines do not agree
def test_an_order_whose_total_is_not_that_of_its_lines_is_kept(lake):
    (lake.project.raw / "orders_sample.json").write_bytes(sample_paths("orders")[0].read_bytes())
    (report,) = lake.run()
    assert (report.quarantined, report.superseded, report.duplicate) == (0, 0, 0)
    ((total, lines),) = lake.query(
        "SELECT any_value(o.total_amount), sum(l.price * l.quantity) FROM orders o JOIN order_lines l USING (order_id) "
        "WHERE order_id = 1001"
    ).rows
    assert (total, lines) == (Decimal("200.50"), Decimal("95.00"))


# trap 16: an order without products vanishes when flattened
@pytest.mark.parametrize("products", ['"products": []', '"products": null', '"note": "absent"'])
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
def test_an_order_without_products_exists(lake, products, alone):
    bare = '{"order_id": 7, "order_date": "2024-01-05", "total_amount": 1, ' + products + "}"
    others = [] if alone else [json.dumps(order(number, "A")) for number in (1, 9)]
    (lake.project.raw / "orders.json").write_text("[" + ",".join([bare, *others]) + "]", "utf-8")
    (report,) = lake.run()
    assert (report.loaded, report.quarantined) == (1 + len(others), 0)
    assert (7,) in lake.query("SELECT order_id FROM orders").rows
    assert lake.query("SELECT count(*) FROM order_lines WHERE order_id = 7").rows == ((0,),)
    assert counts(lake) == {
        "orders": 1 + len(others),
        "order_lines": len(others),
        "orders_parquet_datalake": len(others),
    }


# trap 17: a correction that removes a line leaves the old line behind
def test_of_three_lines_corrected_to_two_two_remain(lake):
    written(lake, lake.project.raw / "orders_1.json", [order(1, "A", "B", "C"), order(2, "X")], NOON)
    lake.run()
    written(lake, lake.project.raw / "orders_2.json", [order(1, "A", "C")], NOON + SECOND)
    (_, report) = lake.run()
    for table in ("order_lines", "orders_parquet_datalake"):
        rows = lake.query(f"SELECT product_id FROM {table} WHERE order_id = 1 ORDER BY ALL").rows
        assert rows == (("A",), ("C",))
    assert sum(report.replaced.values()) == 1


# trap 17: in the same file, and down to nothing
def test_lines_corrected_away_in_the_file_itself_are_gone(lake):
    seen = []
    for tick, products in enumerate([("A", "B"), ("B",), (), ("D", "E", "F")]):
        seen.append(written(lake, lake.project.raw / "orders.json", [order(1, *products)], NOON + tick * SECOND))
        lake.run()
        assert found(lake) == expected(seen)


# trap 18: an older version arrives late and wins
@pytest.mark.parametrize("arrival", list(itertools.permutations(range(3))), ids=str)
def test_every_order_of_arrival_gives_the_newest_version(lake, arrival):
    made = [
        written(
            lake,
            lake.project.raw / f"orders_{v}.json",
            [order(1, *"ABC"[: v + 1], day=f"2024-0{3 - v}-05")],
            NOON + v * SECOND,
        )
        for v in range(3)
    ]
    for version in arrival:
        lake.run([lake.project.root / made[version].uri])
    assert found(lake) == expected(made)
    assert counts(lake) == {"orders": 1, "order_lines": 3, "orders_parquet_datalake": 3}


# trap 20: numbers beyond 2^53
@pytest.mark.parametrize("number", [820982911946154508, 2**53 + 1, 2**63 - 1, -1, 0])
def test_a_large_id_survives_and_is_found_again(lake, number):
    made = [
        written(lake, lake.project.raw / f"orders_{n}.json", [order(number, p)], NOON + n) for n, p in enumerate("AB")
    ]
    for file in made:
        lake.run([lake.project.root / file.uri])
    assert found(lake) == expected(made)


# trap 28: a watermark on time skips equal or late files
def test_of_two_files_of_equal_time_the_one_that_comes_late_is_loaded(lake):
    made = [written(lake, lake.project.raw / "orders_1.json", [order(1, "A")], NOON)]
    lake.run()
    made.append(written(lake, lake.project.raw / "orders_2.json", [order(2, "B")], NOON))
    lake.run()
    made.append(written(lake, lake.project.raw / "orders_3.json", [order(3, "C")], NOON - 1000 * SECOND))
    lake.run()
    assert found(lake) == expected(made)


# trap 29: a watermark on names drops files
def test_b_before_a(lake):
    made: list[Written] = []
    for name in ("b", "a", "c", "B", "aa"):
        made.append(written(lake, lake.project.raw / f"orders_{name}.json", [order(len(made), "A")], NOON + len(made)))
        lake.run()
    assert found(lake) == expected(made)


# trap 30: which version of an overwritten file was read?
def test_the_version_that_was_read_is_the_one_that_is_recorded(lake):
    path = lake.project.raw / "orders.json"
    put(path, [order(1, "A")], NOON)

    def overwrite(step, left=[1]):  # noqa: B006 - once
        if step == 4 and left.pop(0) if left else False:
            put(path, [order(1, "B", "C")], NOON + SECOND)

    (report,) = lake.run(on_step=overwrite)
    assert (report.version, report.bytes) == (path.stat().st_mtime_ns, path.stat().st_size)
    assert lake.query("SELECT DISTINCT _version FROM order_lines").rows == ((NOON + SECOND,),)
    assert [row[2] for row in found(lake)["order_lines"]] == ["B", "C"]
    assert [load.identity for load in lake.loads()] == [report.identity]


# trap 31: history that is forgotten
def test_nothing_is_forgotten_however_much_is_loaded_since(lake):
    first = written(lake, lake.project.raw / "orders_first.json", [order(1, "A")], NOON)
    lake.run()
    before = lake.loads()[0]
    for number in range(20):  # more than the index keeps snapshots
        path = lake.project.root / f"orders_{number}.json"
        written(lake, path, [order(100 + number, "A")], NOON + number * SECOND)
        lake.run([path])
    assert len(snapshots(lake, "_index_orders")) < 20
    assert lake.loads()[0] == before
    assert len(lake.loads()) == 21
    (report,) = lake.run([lake.project.root / first.uri])
    assert (report.status, report.load_id) == ("unchanged", before.load_id)


# trap 31: a thousand names and more
def test_a_ledger_of_many_loads_still_knows_the_first(lake):
    put(lake.project.raw / "orders.json", [order(1, "A")], NOON)
    (first,) = lake.run()
    ledger = lake._backends.ledger
    ledger.mark([replace(first, identity=hashlib.sha256(str(n).encode()).hexdigest()[:24]) for n in range(5000)])
    assert [report.status for report in lake.run()] == ["unchanged"]


# trap 32: concurrent commits fail, or leave orphans
@pytest.mark.slow
def test_twenty_writers_lose_nothing(lake, tmp_path):
    made = [
        written(lake, lake.project.raw / f"orders_{n}.json", [order(n, "A"), order(100 + n % 3, f"P{n}")], NOON + n)
        for n in range(20)
    ]
    writers = [spawn(tmp_path, [[str(lake.project.root / file.uri)]]) for file in made]
    told = [ended(writer) for writer in writers]
    assert Counter(status for status, _ in told) == {0: 20}
    assert {report["status"] for _, said in told for report in said["reports"]} == {"loaded"}
    assert found(lake) == expected(made)
    assert not list((lake.project.lake / ".pending" / "orders_parquet_datalake").rglob("*.parquet"))


# trap 33: the reply is lost, the commit was not
def test_a_commit_whose_reply_was_lost_is_not_done_again(lake, monkeypatch):
    catalog = lake._backends.catalog
    lost: list[Any] = []
    real = catalog.commit

    def commit(updates):
        real(updates)
        if not lost:
            lost.append(updates)
            raise CatalogUnavailableError("the reply was lost")

    monkeypatch.setattr(catalog, "commit", commit)
    made = written(lake, lake.project.raw / "orders.json", [order(1, "A", "B")], NOON)
    (report,) = lake.run()
    assert lost
    assert (report.status, report.loaded) == ("loaded", 1)
    assert found(lake) == expected([made])


# trap 34: small files
@pytest.mark.slow
def test_a_hundred_small_loads_leave_few_files_per_partition(lake):
    made = []
    for number in range(100):
        path = lake.project.root / f"orders_{number:03d}.json"
        made.append(
            written(lake, path, [order(number, "A"), order(1000 + number, "B", day="2024-02-05")], NOON + number)
        )
        lake.run([path])
    assert found(lake) == expected(made)
    for table in ("orders", "order_lines"):
        per_partition = Counter(str(file.partition) for file in live_files(lake, table))
        assert len(per_partition) == 2
        assert max(per_partition.values()) <= 21
    assert len(live_files(lake, "_index_orders")) <= 21
    metadata = [
        file for file in (lake.project.lake / "orders" / "metadata").iterdir() if file.name.endswith("metadata.json")
    ]
    assert len(metadata) <= 105


# trap 34: files per commit
@pytest.mark.slow
def test_a_thousand_files_in_one_run_are_few_commits(lake):
    for number in range(1000):
        put(lake.project.raw / f"orders_{number:04d}.json", [order(number, "A")], NOON + number)
    reports = lake.run()
    assert Counter(report.status for report in reports) == {"loaded": 1000}
    assert counts(lake) == {"orders": 1000, "order_lines": 1000, "orders_parquet_datalake": 1000}
    assert len(snapshots(lake, "orders")) <= 8
    assert len(live_files(lake, "orders")) <= 8
    assert {report.status for report in lake.run()} == {"unchanged"}

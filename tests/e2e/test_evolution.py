"""A loaded lake whose pipeline changes: what can be exact is done, what cannot is refused before anything loads."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from pyiceberg.table import StaticTable

from orderlake import Lake
from orderlake.cli.main import main
from orderlake.errors import ConfigError
from orderlake.exporting import Export
from orderlake.tables.layout import layouts_of
from tests.reference import NOON, SECOND, by_text, put

pytestmark = pytest.mark.e2e

ORDERS = (
    "order_id: bigint required",
    "day: date required",
    "quantity: int",
    "total: decimal(10,2)",
    "note: string",
    "code: string",
)
PLAIN = ("order_id: bigint required", "quantity: int", "note: string")
LINEAGE = ("_source_file", "_source_row", "_version", "_load_id")


def pipeline(
    orders: Sequence[str] = ORDERS,
    plain: Sequence[str] = PLAIN,
    *,
    partition: str | None = "month(day)",
    key: str = "order_id",
    more: str = "",
) -> str:
    lines = [
        "pipeline: orders",
        "sources:",
        "  orders:",
        '    match: ["*order*.json"]',
        "    format: json",
        f"    key: {key}",
        *([f"    {more}"] if more else []),
        "    tables:",
        "      orders:",
        *([f"        partition_by: {partition}"] if partition else []),
        "        columns:",
        *(f"          {column}" for column in orders),
        "      flat:",
        "        format: parquet",
        "        columns:",
        *(f"          {column}" for column in plain),
    ]
    return "\n".join(lines) + "\n"


def order(number, **more):
    return {
        "order_id": number,
        "day": f"2024-0{number % 3 + 1}-05",
        "quantity": number,
        "total": "1.50",
        "note": f"n{number}",
        "code": str(number),
        "points": number * 100,
        **more,
    }


class Shop:
    """A lake whose pipeline is edited between loads."""

    def __init__(self, folder: Path, text: str) -> None:
        Lake.init(folder, ["orders"]).close()
        self.folder, self.ticks = folder, 0
        self.declare(text)

    def declare(self, text: str) -> None:
        (self.folder / "pipelines" / "orders.yaml").write_text(text, "utf-8")

    def load(self, *orders, tick=None):
        """Load a file of these orders, under the pipeline as it is now; give its report, of changes those of tables."""
        tick = self.ticks if tick is None else tick
        self.ticks = max(self.ticks, tick) + 1
        with Lake(self.folder) as lake:
            path = put(lake.project.raw / f"orders_{tick}.json", orders, NOON + tick * SECOND)
            (report,) = lake.run([path])
        return replace(report, changes=tuple(said for said in report.changes if not said.startswith("not loaded")))

    def rows(self, sql="SELECT * FROM orders"):
        with Lake(self.folder) as lake:
            return by_text(lake.query(sql).rows)

    def proven(self):
        """Everything is accounted for, and pyiceberg sees what DuckDB sees."""
        with Lake(self.folder) as lake:
            assert lake.verify().findings == ()
            for head in lake._backends.catalog.tables():
                if head.metadata is not None and not head.table.startswith("_"):
                    table = StaticTable.from_metadata(head.metadata)
                    names = [field.name for field in table.schema().fields]
                    seen = table.scan().to_arrow().to_pylist()
                    asked = lake.query(f"SELECT {', '.join(names)} FROM {head.table}")
                    assert by_text(tuple(row[name] for name in names) for row in seen) == by_text(asked.rows)

    def metadata(self, table="orders"):
        with Lake(self.folder) as lake:
            (head,) = [head for head in lake._backends.catalog.tables() if head.table == table]
            assert head.metadata is not None
            return json.loads(lake._backends.store.read(head.metadata))

    def files(self, table="orders"):
        with Lake(self.folder) as lake:
            layouts = [layout for layout in layouts_of(lake.pipelines[0].streams[0]) if layout.name == table]
            return {file.location for file in lake._backends.house.open(layouts)[table].live}


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path, pipeline())
    made.load(order(1), order(2), order(3))
    return made


def replaced(old: str, new: str, columns: Sequence[str] = ORDERS) -> tuple[str, ...]:
    assert old in columns
    return tuple(new if column == old else column for column in columns)


POINTS = "points: bigint"


@pytest.mark.parametrize("orders", [(*ORDERS, POINTS), (*ORDERS[:2], POINTS, *ORDERS[2:]), (POINTS, *ORDERS)])
def test_a_column_is_added_wherever_it_is_declared(shop, orders):
    before = shop.files()
    shop.declare(pipeline(orders))
    report = shop.load(order(2, note="newer"), order(4))
    assert report.changes == ("orders.points (bigint) was added",)
    assert shop.rows("SELECT order_id, note, points FROM orders") == [
        (1, "n1", None),
        (2, "newer", 200),
        (3, "n3", None),
        (4, "n4", 400),
    ]
    assert len(before & shop.files()) == 2, "only the file that lost a row was written again"
    shop.proven()


def test_a_column_that_no_load_has_filled_yet_is_null_at_once(shop):
    shop.declare(pipeline((*ORDERS, POINTS), (*PLAIN, POINTS)))
    assert shop.rows("SELECT order_id, points FROM orders") == [(1, None), (2, None), (3, None)]
    assert shop.rows("SELECT order_id, points FROM flat") == [(1, None), (2, None), (3, None)]
    shop.proven()


def test_whole_numbers_and_decimals_grow_where_no_value_changes(shop):
    wide = replaced("total: decimal(10,2)", "total: decimal(18,2)", replaced("quantity: int", "quantity: bigint"))
    shop.declare(pipeline(wide, replaced("quantity: int", "quantity: bigint", PLAIN)))
    report = shop.load(order(4, quantity=3_000_000_000, total="123456789012.25"))
    assert report.changes == (
        "orders.quantity was widened from int to bigint",
        "orders.total was widened from decimal(10,2) to decimal(18,2)",
        "flat.quantity was widened from int to bigint",
    )
    assert shop.rows("SELECT order_id, quantity, total FROM orders WHERE quantity > 2") == [
        (3, 3, Decimal("1.50")),
        (4, 3_000_000_000, Decimal("123456789012.25")),
    ]
    assert shop.rows("SELECT max(quantity), typeof(max(quantity)) FROM flat") == [(3_000_000_000, "BIGINT")]
    shop.proven()


def test_a_load_under_the_narrower_pipeline_still_fits_afterwards(shop):
    wide = (replaced("quantity: int", "quantity: bigint", columns) for columns in (ORDERS, PLAIN))
    shop.declare(pipeline(*wide))
    shop.load(order(4, quantity=3_000_000_000))
    shop.declare(pipeline())
    assert shop.load(order(5)).changes == ()
    assert shop.rows("SELECT quantity FROM orders WHERE order_id > 3") == [(3_000_000_000,), (5,)]
    shop.proven()


def test_what_is_declared_no_longer_stays_and_is_filled_again(shop):
    without = tuple(column for column in ORDERS if column != "note: string")
    shop.declare(pipeline(without, PLAIN[:2]))
    report = shop.load(order(2, quantity=20))
    assert report.changes == (
        "orders.note is declared no longer: it stays, and is NULL in new rows",
        "flat.note is declared no longer: it stays, and is NULL in new rows",
    )
    assert shop.load(order(4)).changes == ()
    assert shop.rows("SELECT order_id, note FROM orders") == [(1, "n1"), (2, None), (3, "n3"), (4, None)]
    assert shop.rows("SELECT order_id, note FROM flat") == [(1, "n1"), (2, None), (3, "n3"), (4, None)]
    shop.declare(pipeline())
    assert shop.load(order(4, note="again")).changes == (
        "orders.note is filled again",
        "flat.note is filled again",
    )
    assert shop.rows("SELECT order_id, note FROM orders WHERE order_id > 3") == [(4, "again")]
    shop.proven()


def test_order_of_columns_is_no_change(shop):
    before = shop.metadata()
    shop.declare(pipeline(tuple(reversed(ORDERS)), tuple(reversed(PLAIN))))
    assert shop.load(order(4)).changes == ()
    assert shop.metadata()["schemas"] == before["schemas"]
    assert shop.rows("SELECT order_id, note, code FROM orders WHERE order_id > 2") == [(3, "n3", "3"), (4, "n4", "4")]
    assert shop.rows("SELECT order_id, quantity, note FROM flat WHERE order_id > 2") == [(3, 3, "n3"), (4, 4, "n4")]
    shop.proven()


REFUSED = {
    "a text id in a column of numbers": (
        pipeline(replaced("quantity: int", "quantity: string")),
        "orders.quantity holds int and cannot become string: declare a column of another name for it",
    ),
    "numbers in a column of texts": (
        pipeline(replaced("code: string", "code: bigint")),
        "orders.code holds string and cannot become bigint",
    ),
    "another scale": (
        pipeline(replaced("total: decimal(10,2)", "total: decimal(18,4)")),
        r"orders.total holds decimal\(10,2\) and cannot become decimal\(18,4\)",
    ),
    "a time for a date": (
        pipeline(replaced("day: date required", "day: timestamp required")),
        "orders.day holds date and cannot become timestamp",
    ),
    "other partitions": (
        pipeline(partition="year(day)"),
        r"orders is partitioned by month\(day\) and cannot be by year\(day\)",
    ),
    "no partitions": (pipeline(partition=None), r"partitioned by month\(day\) and cannot be so no longer"),
    "another key": (
        pipeline(plain=(*PLAIN, "code: string"), key="code"),
        "what identifies a record was order_id when its files were loaded, and cannot become code",
    ),
    "a longer key": (pipeline(plain=(*PLAIN, "code: string"), key="[order_id, code]"), "cannot become order_id, code"),
    "a key of another type": (
        pipeline(
            replaced("order_id: bigint required", "order_id: string required"),
            replaced("order_id: bigint required", "order_id: string required", PLAIN),
        ),
        "orders.order_id holds bigint and cannot become string: let order_id be bigint again",
    ),
    "a key column of another name": (
        pipeline(replaced("order_id: bigint required", "id: bigint required from order_id")),
        "orders.id is to hold a part of the key, which rows loaded before lack",
    ),
    "another order of versions": (
        pipeline((*ORDERS, POINTS), more="sequence_by: points"),
        "versions are ordered by the time of files and cannot be ordered by points",
    ),
    "text in a plain file's column of numbers": (
        pipeline(plain=replaced("quantity: int", "quantity: string", PLAIN)),
        "flat.quantity holds int and cannot become string",
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_exact_is_refused_before_anything_is_loaded(shop, text, said):
    before = (shop.rows(), shop.rows("SELECT * FROM flat"), shop.metadata(), shop.files())
    shop.declare(text)
    with pytest.raises(ConfigError, match=said):
        shop.load(order(4))
    shop.rows("SELECT * FROM orders")
    shop.declare(pipeline())
    assert (shop.rows(), shop.rows("SELECT * FROM flat"), shop.metadata(), shop.files()) == before
    shop.load(order(4))
    shop.proven()


def test_schemas_have_ids_of_their_own_and_column_ids_are_never_given_out_twice(shop):
    first = shop.metadata()
    shop.declare(pipeline((*ORDERS, POINTS)))
    shop.load(order(4))
    shop.declare(pipeline((*ORDERS, POINTS, "channel: string")))
    shop.load(order(5, channel="web"))
    found = shop.metadata()
    assert [schema["schema-id"] for schema in found["schemas"]] == [0, 1, 2]
    assert found["schemas"][0] == first["schemas"][0]
    assert found["current-schema-id"] == 2
    assert found["last-column-id"] == first["last-column-id"] + 2
    assert [snapshot["schema-id"] for snapshot in found["snapshots"]] == [0, 1, 2]
    ids = {field["name"]: field["id"] for field in found["schemas"][2]["fields"]}
    assert ids["points"], ids["channel"] == (first["last-column-id"] + 1, first["last-column-id"] + 2)
    assert [*ids][-4:] == list(LINEAGE)


def test_compacting_makes_one_file_of_old_and_new_ones(shop):
    shop.declare(pipeline((*ORDERS, POINTS), partition="month(day)"))
    for number in range(4, 10):
        shop.load(order(number))
    before = shop.rows()
    with Lake(shop.folder) as lake:
        lake.maintain()
    assert (shop.rows(), len(shop.files())) == (before, 3)
    shop.proven()


def test_equal_content_under_another_pipeline_is_no_duplicate(shop):
    shop.declare(pipeline(replaced("note: string", "remark: string from note")))
    report = shop.load(order(1), order(2), order(3))
    assert (report.loaded, report.duplicate) == (3, 0)
    assert shop.rows("SELECT order_id, note, remark FROM orders") == [(1, None, "n1"), (2, None, "n2"), (3, None, "n3")]
    again = shop.load(order(1), order(2), order(3))
    assert (again.loaded, again.duplicate) == (0, 3)
    shop.proven()


def test_a_table_that_was_out_of_the_pipeline_is_refused(shop):
    with_all, without = pipeline(), pipeline().replace(pipeline()[pipeline().index("      flat:") :], "")
    shop.declare(without.replace("      orders:", "      other:"))
    shop.load(order(4))
    shop.declare(with_all)
    with pytest.raises(ConfigError, match="orders was out of the pipeline for a while and lacks what was loaded then"):
        shop.load(order(5))


def test_run_tells_of_a_change_and_loads_keeps_it(shop, capsys, monkeypatch):
    shop.declare(pipeline((*ORDERS, POINTS)))
    monkeypatch.chdir(shop.folder)
    put(shop.folder / "raw" / "orders_9.json", [order(9)], NOON + 9 * SECOND)
    assert main(["run"]) == 0
    assert "new here: orders.points (bigint) was added" in capsys.readouterr().out
    assert main(["loads", "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["changes"] == ["orders.points (bigint) was added"]


def test_the_column_of_an_identity_partition_grows(tmp_path):
    shop = Shop(tmp_path, pipeline(partition="identity(quantity)"))
    shop.load(order(1), order(2))
    wide = (replaced("quantity: int", "quantity: bigint", columns) for columns in (ORDERS, PLAIN))
    shop.declare(pipeline(*wide, partition="identity(quantity)"))
    shop.load(order(2, note="newer"), order(3, quantity=3_000_000_000))
    assert shop.rows("SELECT quantity, note FROM orders") == [(1, "n1"), (2, "newer"), (3_000_000_000, "n3")]
    shop.proven()


def test_a_key_grows_and_its_index_with_it(tmp_path):
    narrow = [replaced("order_id: bigint required", "order_id: int required", columns) for columns in (ORDERS, PLAIN)]
    shop = Shop(tmp_path, pipeline(*narrow))
    shop.load(order(1), order(2))
    shop.declare(pipeline())
    report = shop.load(order(2, note="newer"), order(3_000_000_000, quantity=3))
    assert (report.loaded, [*report.replaced.values()]) == (2, [1])
    assert shop.rows("SELECT order_id, note FROM orders") == [(1, "n1"), (2, "newer"), (3_000_000_000, "n3000000000")]
    assert shop.load(order(1, note="newer")).replaced
    shop.proven()


def test_without_a_key_files_follow_the_pipeline_too(tmp_path):
    def text(*more):
        return pipeline((*ORDERS, *more), (*PLAIN, *more)).replace("    key: order_id\n", "")

    shop = Shop(tmp_path, text())
    shop.load(order(1), order(2), tick=1)
    shop.load(order(5), tick=2)
    shop.declare(text(POINTS))
    put(shop.folder / "raw" / "orders_2.json", [order(5)], NOON + 1000 * SECOND)
    with Lake(shop.folder) as lake:
        assert [report.loaded for report in lake.run() if report.status == "loaded"] == [1]
    shop.load(order(3), tick=4)
    assert shop.rows("SELECT order_id, points FROM orders") == [(1, None), (2, None), (3, 300), (5, 500)]
    shop.proven()


@pytest.fixture
def grown(shop):
    """A lake with files of before and of after a change, in both kinds of tables."""
    wide = [replaced("quantity: int", "quantity: bigint", columns) for columns in (ORDERS, PLAIN)]
    shop.declare(pipeline((*wide[0], POINTS), (*wide[1], POINTS)))
    shop.load(order(4, quantity=3_000_000_000))
    return shop


@pytest.mark.parametrize("table", ["orders", "flat"])
def test_a_table_of_old_and_new_files_is_shown_and_given_out_whole(grown, tmp_path, table):
    columns = "order_id, quantity, note, points"
    rows = [(1, 1, "n1", None), (2, 2, "n2", None), (3, 3, "n3", None), (4, 3_000_000_000, "n4", 400)]
    with Lake(grown.folder) as lake:
        (info,) = [info for info in lake.tables() if info.name == table]
        assert (info.rows, info.columns["quantity"], info.columns["points"]) == (4, "BIGINT", "BIGINT")
        with lake.session() as session:
            facts = {fact.name: fact for fact in session.anatomy(table).columns}
            assert (facts["quantity"].type, facts["quantity"].lower, facts["quantity"].upper) == (
                "BIGINT",
                "1",
                "3000000000",
            )
            assert (facts["points"].lower, facts["points"].upper) == ("400", "400")
        for copy in (False, True):
            file = tmp_path / f"out{copy}.duckdb"
            lake.export(Export("duckdb", file, copy=copy))
            with duckdb.connect(str(file), read_only=True) as exported:
                assert by_text(exported.execute(f"SELECT {columns} FROM {table}").fetchall()) == rows
        lake.export(Export("parquet", tmp_path / "out"))
    with duckdb.connect() as reader:
        given = reader.execute(f"SELECT {columns} FROM '{tmp_path}/out/{table}.parquet'").fetchall()
    assert by_text(given) == rows


def test_files_that_are_touched_fill_a_new_column_and_a_new_table(shop):
    more = pipeline((*ORDERS, POINTS)) + pipeline()[pipeline().index("      orders:\n") :].replace(
        "      orders:", "      again:"
    ).replace("      flat:", "      flat_again:")
    shop.declare(more)
    report = shop.load(order(4))
    assert report.changes == (
        "orders.points (bigint) was added",
        "again was added as a table: what was loaded before is not in it",
        "flat_again was added as a table: what was loaded before is not in it",
    )
    with Lake(shop.folder) as lake:
        assert not lake.verify().ok, "three orders are not in the new table"
        path = shop.folder / "raw" / "orders_0.json"
        os.utime(path, ns=(NOON, NOON + 50 * SECOND))
        (report,) = lake.run([path])
        assert (report.loaded, report.duplicate) == (3, 0)
    assert shop.rows("SELECT order_id, points FROM orders") == [(1, 100), (2, 200), (3, 300), (4, 400)]
    assert len(shop.rows("SELECT * FROM again")) == len(shop.rows("SELECT * FROM flat_again")) == 4
    shop.proven()


def test_doctor_tells_beforehand(shop, capsys):
    def told(text):
        shop.declare(text)
        main(["doctor", "--json", "--project", str(shop.folder)])
        return [found for found in json.loads(capsys.readouterr().out) if found["check"] == "change"]

    assert told(pipeline()) == []
    (growing,) = told(pipeline((*ORDERS, POINTS)))
    assert (growing["status"], growing["message"]) == (
        "ok",
        "orders.orders, with the next load: orders.points (bigint) was added",
    )
    (refused,) = told(pipeline(replaced("code: string", "code: bigint")))
    assert (refused["status"], refused["message"]) == ("fail", "orders.code holds string and cannot become bigint")
    assert refused["remedy"].startswith("declare a column of another name")


def test_tables_are_asked_as_they_were_and_rolled_back_across_a_change(grown):
    narrow = (1, 1, "n1"), (2, 2, "n2"), (3, 3, "n3")
    with Lake(grown.folder) as lake:
        first, last = (load.load_id for load in lake.loads())
        then = lake.query("SELECT * FROM orders", as_of=first)
        assert ("points" in then.columns, then.types[then.columns.index("quantity")]) == (False, "INTEGER")
        now = lake.query("SELECT points, quantity FROM orders WHERE order_id = 4", as_of=last)
        assert now.rows == ((400, 3_000_000_000),)
        assert lake.query("SELECT points FROM orders WHERE order_id = 1", as_of=last).rows == ((None,),)
    grown.load(order(1, note="newer", points=7))
    with Lake(grown.folder) as lake:
        lake.rollback("last")
        assert by_text(lake.query("SELECT order_id, quantity, note FROM orders WHERE order_id < 4").rows) == [*narrow]
        assert by_text(lake.query("SELECT order_id, quantity, note FROM flat WHERE order_id < 4").rows) == [*narrow]
        assert lake.query("SELECT points FROM orders WHERE order_id = 1").rows == ((100,),), "by the pipeline of today"
        assert lake.explain("1").entities[0].standing is not None
    grown.proven()


def test_columns_found_in_data_stay_when_a_load_does_not_know_them(tmp_path):
    shop = Shop(tmp_path, pipeline(more="contract: {new: evolve}"))
    shop.load(order(1, coupon="X"))
    report = shop.load(*[{key: made[key] for key in ("order_id", "day", "quantity")} for made in [order(2)]])
    assert report.changes == ()
    assert shop.rows("SELECT order_id, coupon, points FROM orders") == [(1, "X", "100"), (2, None, None)]
    shop.declare(pipeline((*ORDERS, "coupon: string"), more="contract: {new: evolve}"))
    shop.load(order(3, coupon="Y"))
    assert shop.rows("SELECT order_id, coupon, points FROM orders WHERE order_id = 3") == [(3, "Y", "300")]
    shop.proven()
    shop.declare(pipeline((*ORDERS, "coupon: bigint")))
    with pytest.raises(ConfigError, match=r"orders\.coupon holds string and cannot become bigint"):
        shop.load(order(4))


def test_loads_of_an_older_and_a_newer_pipeline_may_race(shop):
    def work(lake, numbers):
        for number in numbers:
            tick = 10 + number
            path = put(lake.project.raw / f"orders_{tick}.json", [order(number)], NOON + tick * SECOND)
            assert [report.loaded for report in lake.run([path])] == [1]

    with Lake(shop.folder) as older:
        assert older.pipelines
        shop.declare(pipeline((*ORDERS, POINTS), (*PLAIN, POINTS)))
        with Lake(shop.folder) as newer, ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(work, older, range(10, 15)), pool.submit(work, newer, range(20, 25))]:
                done.result()
    for table in ("orders", "flat"):
        assert shop.rows(f"SELECT order_id, points FROM {table} WHERE order_id > 9") == [
            *((number, None) for number in range(10, 15)),
            *((number, number * 100) for number in range(20, 25)),
        ]
    shop.proven()
    assert len(shop.metadata()["schemas"]) == 2

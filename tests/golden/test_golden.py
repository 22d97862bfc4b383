"""What the shipped samples become, to the bit. `python -m tests.golden.regenerate` writes the expected files anew.

Where the expected files come from was checked apart from the code that wrote them:

* by pen: the sums in the tests below were added up from the samples' text, not copied from a query. The orders
  sample: 200.50 + 79.90 + 139.00 + 64.95 + 0.00 + 93.00 + 51.00 + 1.00 + 248.99 + 118.00 + 33.00 + 70.00 = 1099.34
  over 22 lines (2+3+1+2+0+2+2+1+2+3+2+2); its lines fall short by the 105.50 that order 1001 has over them: 993.84.
  The increment adds 1013 (57.50, two lines), takes 46.00 and one line (the scarf) from 1010, and repeats 1006.
* by eye: the orders of `orders_increment`, and each amount of `shopify_orders`, read against the samples' JSON.
* by another reader: `tests/e2e/test_pipelines.py` compares every cell of the Olist tables with Python's csv module,
  and the Shopify tables with its json module.
"""

from __future__ import annotations

import re
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.golden.canonical import EXPECTED, SCENARIOS, iceberg_tables, loaded, texts

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    """Give each scenario's lake, loaded once."""
    opened, managers = {}, []

    def lake_of(scenario):
        if scenario not in opened:
            managers.append(loaded(scenario, tmp_path_factory.mktemp(scenario) / "lake"))
            opened[scenario] = managers[-1].__enter__()
        return opened[scenario]

    yield lake_of
    for manager in managers:
        manager.__exit__(None, None, None)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_tables_are_to_the_bit_what_they_were(scenario, lakes):
    written = texts(scenario, lakes(scenario))
    folder = EXPECTED / scenario
    assert sorted(written) == sorted(path.name for path in folder.iterdir())
    for name, text in written.items():
        assert text == (folder / name).read_bytes().decode(), (
            f"{scenario}/{name} differs: see tests/golden/regenerate.py"
        )


# By pen, from the samples (see above): orders, their money, lines, the lines' money.
@pytest.mark.parametrize(
    ("scenario", "counted"),
    [
        ("orders", (12, Decimal("1099.34"), 22, Decimal("993.84"))),
        ("orders_increment", (13, Decimal("1110.84"), 23, Decimal("1005.34"))),
    ],
)
def test_the_orders_sample_adds_up_as_it_does_by_pen(scenario, counted, lakes):
    lake = lakes(scenario)
    (orders,) = lake.query("SELECT count(*), sum(total_amount) FROM orders").rows
    (lines,) = lake.query("SELECT count(*), sum(price * quantity) FROM order_lines").rows
    assert (*orders, *lines) == counted
    assert lake.query("SELECT count(*) FROM orders_parquet_datalake").rows == ((counted[2],),)


def test_the_correction_replaced_the_whole_order_and_the_repetition_changed_nothing(lakes):
    lake = lakes("orders_increment")
    lines = lake.query("SELECT product_name FROM order_lines WHERE order_id = 1010 ORDER BY line_number").rows
    assert lines == (("Cotton T-Shirt",), ("Water Bottle",))
    assert lake.query("SELECT count(*), sum(price * quantity) FROM order_lines WHERE order_id = 1006").rows == (
        (2, Decimal("93.00")),
    )


# Gross of #1001 to #1008 by pen: 141.49 + 162.99 + 147.89 + 43.99 + 449.69 + 39.98 + 39.84 + 31.95; discounts
# 15.00 + 16.30 + 44.97; refunds: all of 37.75 of #1004 and, by the update, 93.59 + 16.85 of #1002.
def test_the_shopify_sample_adds_up_as_it_does_by_pen(lakes):
    lake = lakes("shopify")
    (header,) = lake.query(
        "SELECT count(*), sum(total_line_items_price), sum(total_discounts), sum(total_price), "
        "sum(current_total_price) FROM shopify_orders"
    ).rows
    assert header == (8, Decimal("1057.82"), Decimal("76.27"), Decimal("1277.54"), Decimal("1129.35"))
    back = lake.query("SELECT amount FROM shopify_refund_transactions ORDER BY amount").rows
    assert back == ((Decimal("37.75"),), (Decimal("110.44"),))
    assert lake.query("SELECT count(*) FROM shopify_line_items").rows == ((18,),)


WIDE = [
    ("order_id", "int64"),
    ("order_date", "string"),
    ("total_amount", "double"),
    ("customer_id", "int64"),
    ("customer_name", "string"),
    ("email", "string"),
    ("address", "string"),
    ("product_id", "string"),
    ("product_name", "string"),
    ("category", "string"),
    ("price", "double"),
    ("quantity", "int64"),
]


def wide_files(lake):
    return sorted((lake.project.lake / "orders_parquet_datalake").glob("*.parquet"))


@pytest.mark.parametrize("scenario", ["orders", "orders_increment"])
def test_each_wide_file_has_the_twelve_columns_in_their_order_and_type(scenario, lakes):
    for file in wide_files(lakes(scenario)):
        schema = pq.ParquetFile(file).schema_arrow
        assert [(field.name, str(field.type)) for field in schema] == WIDE


@pytest.mark.parametrize("scenario", ["orders", "orders_increment"])
def test_every_column_chunk_of_the_wide_files_is_snappy(scenario, lakes):
    files = [str(file) for file in wide_files(lakes(scenario))]
    codecs = duckdb.execute("SELECT compression, count(*) FROM parquet_metadata(?) GROUP BY ALL", [files]).fetchall()
    assert codecs == [("SNAPPY", len(WIDE) * len(files))]


def test_a_wide_file_is_named_after_the_second_its_source_arrived(lakes):
    names = [file.name for file in wide_files(lakes("orders_increment"))]
    assert all(re.fullmatch(r"orders_ETL_\d{8}_\d{6}_[0-9a-f]{12}\.parquet", name) for name in names)
    assert [name[:26] for name in names] == ["orders_ETL_20250101_000000", "orders_ETL_20250101_010000"]


def test_nothing_but_finished_files_lies_in_the_wide_tables_folder(lakes):
    folder = lakes("orders_increment").project.lake / "orders_parquet_datalake"
    assert {path for path in folder.rglob("*") if path.is_file()} == set(wide_files(lakes("orders_increment")))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pyiceberg_reads_the_same_rows(scenario, lakes):
    lake = lakes(scenario)
    for name, table in iceberg_tables(lake).items():
        columns = [field.name for field in table.schema().fields]
        order = [(column, "ascending") for column in columns]
        rows = table.scan().to_arrow().sort_by(order).to_pylist()
        ours = lake.query(f"SELECT * FROM {name} ORDER BY ALL").as_dicts()
        assert rows == ours, name


def test_the_orders_tables_have_exact_money_real_dates_and_months(lakes):
    for name in ("orders", "order_lines"):
        table = iceberg_tables(lakes("orders"))[name]
        types = {field.name: str(field.field_type) for field in table.schema().fields}
        assert types["order_date"] == "date"
        assert types["total_amount" if name == "orders" else "price"] == "decimal(18, 2)"
        assert [str(field.transform) for field in table.spec().fields] == ["month"]

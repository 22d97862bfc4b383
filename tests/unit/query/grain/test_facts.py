"""What pipelines and models say of their tables, and when a statement is read at all."""

import sys

import pytest

from orderlake.model.pipeline import parse_pipeline
from orderlake.query.grain import Grains, fan_outs, grains_of, mart_grain, table_grain
from orderlake.query.grain.glance import worth_reading
from tests.unit.query.grain.lake import known

WIDE = "orders_parquet_datalake"


def test_a_table_of_a_list_has_a_level_for_the_record_and_one_for_each_list():
    table = known().tables["shopify_discounts"]
    assert [level.noun for level in table.levels] == ["order", "line item", "discount allocation"]
    assert table.levels[1].keys == (frozenset({"line_item_id"}),)
    assert table.levels[2].positions == ("discount_number",)
    assert [table.columns[name].level for name in ("order_id", "line_item_id", "amount")] == [0, 1, 2]


def test_the_wide_table_has_the_order_above_its_products():
    table = known().tables[WIDE]
    assert [table.columns[name].level for name in ("total_amount", "price")] == [0, 1]
    assert table.levels[0].keys == (frozenset({"order_id"}),)
    assert (table.levels[1].keys, table.levels[1].positions) == ((), ())


def test_a_csv_without_a_key_has_nothing_that_tells_rows_apart():
    tables = known().tables
    assert tables["olist_geolocation_dataset"].keyless
    assert not tables["olist_order_items_dataset"].keyless


def test_what_lies_halfway_to_a_list_is_not_taken_to_be_of_the_record():
    columns = {"id": "bigint", "total": "money from cart.total", "price": "money from cart.items.price"}
    table = {"rows": "cart.items", "columns": columns}
    stream = {"match": "*.json", "format": "json", "key": "id", "tables": {"items": table}}
    pipeline = parse_pipeline({"pipeline": "p", "sources": {"s": stream}}, "here")
    assert fan_outs("SELECT sum(total) FROM items", grains_of([pipeline])) == []


def test_a_table_that_no_pipeline_declares_can_be_told_of():
    orders = table_grain("fct", [("order", ["id"], {"id": "BIGINT", "total": "DOUBLE"}), ("line", [], {"n": "INT"})])
    (found,) = fan_outs("SELECT sum(total) FROM fct", Grains({"fct": orders}))
    assert found.message.startswith("total is the order's, and fct has one row per line: it is counted once per line.")


@pytest.mark.parametrize(
    ("condition", "warned"),
    [
        ("c.customer_key = o.customer_key", True),
        ("c.version_key = o.version_key", False),
        ("c.customer_key = o.customer_key AND c.is_current", False),
        ("c.customer_key = o.customer_key AND c.valid_to IS NULL", False),
        ("c.customer_key = o.customer_key AND o.day >= c.valid_from AND o.day < c.valid_to", False),
        ("c.customer_key = o.customer_key AND o.day BETWEEN c.valid_from AND c.valid_to", False),
        ("c.customer_key = o.customer_key AND NOT c.is_current", False),
    ],
)
def test_a_history_is_joined_by_version_or_by_time(condition, warned):
    history = {"version_key": "VARCHAR", "customer_key": "VARCHAR", "valid_from": "DATE", "valid_to": "DATE"}
    facts = {"order_key": "VARCHAR", "customer_key": "VARCHAR", "version_key": "VARCHAR", "day": "DATE"}
    marts = [
        mart_grain("dim", "one row per version of a customer", ["version_key"], history | {"is_current": "BOOLEAN"}),
        mart_grain("fct", "one row per order", ["order_key"], facts | {"total": "DECIMAL(18,2)"}),
    ]
    found = fan_outs(f"SELECT sum(o.total) FROM fct o JOIN dim c ON {condition}", grains_of([], marts))
    assert bool(found) == warned


def test_the_select_behind_a_mart_tells_what_its_columns_are_of():
    views = {"flat": "SELECT o.*, l.category FROM orders o JOIN order_lines l USING (order_id)"}
    grains = grains_of([], known().tables.values(), views)
    assert [one.column for one in fan_outs("SELECT sum(total_amount) FROM flat", grains)] == ["total_amount"]
    assert fan_outs("SELECT sum(total_amount) FROM (SELECT DISTINCT order_id, total_amount FROM flat)", grains) == []


@pytest.mark.parametrize("text", ["SELECT FROM", "SELECT * FROM flat", "SELECT * FROM flat2"])
def test_a_mart_that_cannot_be_read_is_not_known(text):
    grains = grains_of([], known().tables.values(), {"flat": text, "flat2": "SELECT * FROM flat"})
    assert fan_outs("SELECT sum(total_amount) FROM flat JOIN orders USING (order_id)", grains) == []


def test_views_that_double_at_each_step_are_given_up():
    views = {f"v{at}": f"SELECT a.* FROM v{at - 1} a JOIN v{at - 1} b USING (order_id)" for at in range(1, 30)}
    grains = grains_of([], known().tables.values(), views | {"v0": f"SELECT * FROM {WIDE}"})
    assert fan_outs("SELECT sum(total_amount) FROM v29", grains) == []
    assert fan_outs("SELECT sum(total_amount) FROM v3", grains) != []


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("SELECT count(*) FROM orders JOIN order_lines USING (order_id)", False),
        ("SELECT sum(total_amount) FROM orders", False),
        (f"SELECT sum(price * quantity) FROM {WIDE}", False),
        (f"SELECT sum(total_amount) FROM {WIDE}", True),
        ("SELECT sum(DISTINCT total_amount) FROM orders", True),
        ("SELECT sum(a.total_amount) FROM orders a, orders b", True),
        ("SELECT sum(o.total_amount) FROM orders o, order_lines l", True),
        ("SELECT sum(x) FROM nobody JOIN knows USING (y)", False),
    ],
)
def test_a_statement_is_read_only_if_something_could_be_wrong_with_it(sql, read):
    assert worth_reading(sql, known()) == read


def test_what_is_not_worth_reading_loads_no_parser(monkeypatch):
    monkeypatch.setitem(sys.modules, "orderlake.query.grain.lint", None)
    assert fan_outs("SELECT sum(total_amount) FROM orders", known()) == []
    with pytest.raises(ImportError):
        fan_outs(f"SELECT sum(total_amount) FROM {WIDE}", known())

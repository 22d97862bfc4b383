"""Pipeline files: what they become, and that what is wrong is said in a sentence that names the place."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from orderlake.errors import ConfigError
from orderlake.kernel.shape import shape_of
from orderlake.model.pipeline import Partition, parse_pipeline
from orderlake.wiring import bundled_pipelines, load_pipeline

GOOD: dict[str, Any] = {
    "pipeline": "shop",
    "sources": {
        "orders": {
            "match": "*order*.json",
            "format": "json",
            "key": "id",
            "sequence_by": "updated_at",
            "envelope": "orders",
            "tables": {
                "orders": {
                    "partition_by": "month(day)",
                    "columns": {"id": "bigint required", "day": "date", "updated_at": "timestamptz", "total": "money"},
                },
                "lines": {
                    "rows": "lines",
                    "columns": {
                        "id": "bigint required",
                        "n": "int from lines.$position",
                        "sku": "string from lines.sku",
                    },
                },
                "flat": {"format": "parquet", "file_prefix": "flat_ETL", "columns": {"id": "bigint required"}},
            },
        },
        "stock": {
            "match": ["stock*.csv"],
            "format": "csv",
            "encoding": "latin1",
            "tables": {"stock": {"columns": {"sku": "string", "count": "int from Stock Count"}}},
        },
    },
}
ORDERS = "sources.orders"
TABLES = "sources.orders.tables"


def changed(path, value):
    """Give GOOD with one place set to a value, or removed by `...`."""
    document = copy.deepcopy(GOOD)
    *parents, last = path.split("/") if path else [""]
    place = document
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_a_good_file_is_read():
    orders, stock = parse_pipeline(GOOD, "shop.yaml").streams
    assert (orders.match, orders.envelope, orders.encoding) == (("*order*.json",), ("orders",), "auto")
    assert [column.name for column in orders.key] == ["id"]
    assert orders.sequence_by is not None
    assert orders.sequence_by.type.name == "timestamptz"
    header, lines, flat = orders.tables
    assert header.partition == Partition("month", "day")
    assert header.partition.name == "day_month"
    assert lines.rows == ("lines",)
    assert (flat.format, flat.file_prefix) == ("parquet", "flat_ETL")
    assert (stock.key, stock.sequence_by, stock.encoding) == ((), None, "iso8859-1")


WRONG = [
    ("pipeline", ..., "the file: pipeline is missing"),
    ("sources", ..., "the file: sources is missing"),
    ("checks", {}, "the file: unknown checks; known are contract, pipeline, reconcile, sources"),
    ("pipeline", "My Shop", "pipeline name 'My Shop': use lower-case letters, digits and _"),
    ("pipeline", "shop\n", "pipeline name 'shop\\n'"),
    ("sources", {}, "sources: at least one is needed"),
    ("sources", ["orders"], "sources: expected `name: value` lines, found list"),
    ("sources/orders", None, f"{ORDERS}: expected `name: value` lines, found NoneType"),
    ("sources/Orders", {}, "source name 'Orders'"),
    # a source
    ("sources/orders/match", ..., f"{ORDERS}: match is missing"),
    ("sources/orders/match", [], f"{ORDERS}.match: at least one file name pattern is needed"),
    ("sources/orders/pattern", "*.json", f"{ORDERS}: unknown pattern; known are"),
    ("sources/orders/format", "xml", f"{ORDERS}.format: 'xml' is neither json nor csv"),
    ("sources/stock/decimal", ";", "sources.stock.decimal: ';' is neither '.' nor ','"),
    ("sources/orders/decimal", ",", f"{ORDERS}.decimal: only CSV has one; a JSON number has a point"),
    ("sources/orders/encoding", "utf-9", f"{ORDERS}.encoding: there is no encoding 'utf-9'"),
    ("sources/orders/tables", {}, f"{TABLES}: at least one is needed"),
    ("sources/stock/envelope", "rows", "sources.stock.envelope: only JSON has one"),
    (
        "sources/stock/sequence_by",
        "count",
        "sources.stock.sequence_by: orders the versions of a key, and there is no key",
    ),
    ("sources/stock/tables/stock/rows", "lines", "sources.stock: a CSV row has no lists, so its tables take no `rows`"),
    (
        "sources/stock/tables/stock/columns/city",
        "string from address.city",
        "sources.stock.tables.stock.city: a CSV row is flat",
    ),
    # key and sequence
    ("sources/orders/key", "number", f"{ORDERS}.key: no table has a column from 'number', so its type is not known"),
    ("sources/orders/key", ["id", "day"], f"{TABLES}.lines: needs a column from the key day"),
    ("sources/orders/tables/lines/columns/id", ..., f"{TABLES}.lines: needs a column from the key id"),
    ("sources/orders/tables/flat/columns/id", "bigint from number", f"{TABLES}.flat: needs a column from the key id"),
    ("sources/orders/sequence_by", "changed", f"{ORDERS}.sequence_by: no table has a column from 'changed'"),
    (
        "sources/orders/sequence_by",
        "total",
        f"{ORDERS}.sequence_by: total is a decimal; it must be a time or a whole number",
    ),
    ("sources/orders/sequence_by", "lines.at", f"{ORDERS}.sequence_by: no table has a column from 'lines.at'"),
    # a table
    ("sources/orders/tables/lines", [], f"{TABLES}.lines: expected `name: value` lines, found list"),
    ("sources/orders/tables/Lines", {}, "table name 'Lines'"),
    (
        "sources/orders/tables/quarantine",
        {"columns": {"id": "bigint"}},
        f"{TABLES}.quarantine: the lake has a table of this name",
    ),
    ("sources/stock/tables/orders", {"columns": {"sku": "string"}}, "table 'orders' is declared twice"),
    ("sources/orders/tables/lines/columns", ..., f"{TABLES}.lines: columns is missing"),
    ("sources/orders/tables/lines/columns", {}, f"{TABLES}.lines.columns: at least one is needed"),
    ("sources/orders/tables/lines/columns", "id", f"{TABLES}.lines.columns: expected `name: value` lines, found str"),
    (
        "sources/orders/tables/lines/primary_key",
        "id",
        f"{TABLES}.lines: unknown primary_key; known are checks, columns, file_prefix",
    ),
    ("sources/orders/tables/orders/format", "delta", f"{TABLES}.orders.format: 'delta' is neither iceberg nor parquet"),
    ("sources/orders/tables/orders/file_prefix", "x", f"{TABLES}.orders.file_prefix: iceberg names its own files"),
    ("sources/orders/tables/flat/file_prefix", "../x", f"{TABLES}.flat.file_prefix: '../x' is no file name"),
    (
        "sources/orders/tables/flat/partition_by",
        "identity(id)",
        f"{TABLES}.flat.partition_by: a parquet table has one file",
    ),
    # partitions
    (
        "sources/orders/tables/orders/partition_by",
        "day",
        f"{TABLES}.orders.partition_by: 'day' is not year(c), month(c), day(c)",
    ),
    (
        "sources/orders/tables/orders/partition_by",
        "hour(day)",
        f"{TABLES}.orders.partition_by: 'hour(day)' is not year(c)",
    ),
    (
        "sources/orders/tables/orders/partition_by",
        "month(week)",
        f"{TABLES}.orders.partition_by: there is no column 'week'",
    ),
    (
        "sources/orders/tables/orders/partition_by",
        "month(total)",
        f"{TABLES}.orders.partition_by: month wants a date, total is decimal",
    ),
    # columns
    ("sources/orders/tables/lines/columns/sku", "text", f"{TABLES}.lines.columns: column 'sku': unknown type 'text'"),
    ("sources/orders/tables/lines/columns/_sku", "string", f"{TABLES}.lines.columns: column name '_sku'"),
    ("sources/orders/tables/lines/columns/SKU", "string", f"{TABLES}.lines.columns: column name 'SKU'"),
    (
        "sources/orders/tables/lines/columns/n",
        "int from parts.$position",
        f"{TABLES}.lines.n: $position is of the list in `rows` (lines)",
    ),
    (
        "sources/orders/tables/orders/columns/n",
        "int from lines.$position",
        f"{TABLES}.orders.n: $position is of the list in `rows` (none)",
    ),
    (
        "sources/orders/tables/orders/columns/sku",
        "string from lines.sku",
        f"{TABLES}.orders.sku: lines is a list; give the table `rows: lines`",
    ),
]


@pytest.mark.parametrize(("path", "value", "says"), WRONG, ids=lambda value: str(value)[:60] or "empty")
def test_what_is_wrong_is_said_with_its_place(path, value, says):
    with pytest.raises(ConfigError) as refused:
        parse_pipeline(changed(path, value), "pipelines/shop.yaml")
    assert str(refused.value).startswith("pipelines/shop.yaml: ")
    assert says in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "shop", 5])
def test_a_file_that_is_no_mapping_is_refused(document):
    with pytest.raises(ConfigError, match=r"shop\.yaml: the file: expected `name: value` lines, found"):
        parse_pipeline(document, "shop.yaml")


def test_a_key_within_a_list_is_refused_because_a_record_has_one_key():
    document = changed("sources/orders/key", "lines.sku")
    document["sources"]["orders"]["tables"] = {"lines": GOOD["sources"]["orders"]["tables"]["lines"]}
    del document["sources"]["orders"]["sequence_by"]
    with pytest.raises(
        ConfigError, match=r"sources.orders.key: lines.sku is in a list; it must be a field of the record"
    ):
        parse_pipeline(document, "shop.yaml")


def test_a_column_may_read_from_every_list_on_the_way_to_its_rows():
    document = changed(
        "sources/orders/tables/parts",
        {
            "rows": "lines.parts",
            "columns": {"id": "bigint", "sku": "string from lines.sku", "part": "string from lines.parts.id"},
        },
    )
    (orders, _) = parse_pipeline(document, "shop.yaml").streams
    assert ("lines", "parts") in shape_of(orders).grains
    document["sources"]["orders"]["tables"]["lines"]["columns"]["part"] = "string from lines.parts.id"
    with pytest.raises(
        ConfigError, match=r"tables.lines.part: lines.parts is a list; give the table `rows: lines.parts`"
    ):
        parse_pipeline(document, "shop.yaml")


# --- the fingerprint


def fingerprint(document):
    return parse_pipeline(document, "shop.yaml").fingerprint


SAME = {
    "a pattern alone or in a list": ("sources/orders/match", ["*order*.json"]),
    "money by its other name": ("sources/orders/tables/orders/columns/total", "decimal(18, 2)"),
    "a path that is the name": ("sources/orders/tables/orders/columns/total", "money from total"),
    "a column as a mapping": ("sources/orders/tables/orders/columns/total", {"type": "money"}),
    "a default said aloud": ("sources/orders/encoding", "auto"),
    "a decimal point said aloud": ("sources/stock/decimal", "."),
}
OTHER = {
    "name": ("pipeline", "store"),
    "pattern": ("sources/orders/match", "*.json"),
    "key": ("sources/orders/key", ...),
    "type": ("sources/orders/tables/orders/columns/total", "decimal(18,3)"),
    "required": ("sources/orders/tables/orders/columns/total", "money required"),
    "path": ("sources/orders/tables/orders/columns/total", "money from sum"),
    "decimal comma": ("sources/stock/decimal", ","),
    "partition": ("sources/orders/tables/orders/partition_by", "day(day)"),
    "order of columns": (
        "sources/orders/tables/orders/columns",
        dict(reversed(GOOD["sources"]["orders"]["tables"]["orders"]["columns"].items())),
    ),
}


@pytest.mark.parametrize("change", SAME)
def test_the_fingerprint_stays_when_only_the_spelling_changes(change):
    assert fingerprint(changed(*SAME[change])) == fingerprint(GOOD)


@pytest.mark.parametrize("change", OTHER)
def test_the_fingerprint_changes_with_the_meaning(change):
    document = changed(*OTHER[change])
    if change == "key":
        del document["sources"]["orders"]["sequence_by"]
    assert fingerprint(document) != fingerprint(GOOD)


# --- the bundled ones


@pytest.mark.parametrize("name", ["olist", "orders", "shopify"])
def test_a_bundled_pipeline_parses_and_its_shape_can_be_read(name):
    pipeline = load_pipeline(bundled_pipelines()[name])
    assert pipeline.name == name
    for stream in pipeline.streams:
        assert shape_of(stream).grains

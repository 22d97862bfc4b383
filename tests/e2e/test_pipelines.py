"""The bundled pipelines on samples and generated files, against Python's own csv and json modules."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from orderlake import Lake
from orderlake.generate import generate
from orderlake.samples import sample_paths

pytestmark = pytest.mark.e2e

ORDERS = 2_000
SHOP_ORDERS = 150
COPY = "olist_geolocation_dataset_copy.csv"


def load(lake, *files):
    """Load files that must load whole; give their reports."""
    reports = lake.run(files)
    assert {(report.status, report.quarantined) for report in reports} == {("loaded", 0)}, reports
    assert all(report.conserved for report in reports)
    return reports


# --- all three together


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Give a lake with all bundled pipelines and all samples in its raw folder, loaded."""
    with Lake.init(tmp_path_factory.mktemp("all") / "lake") as lake:
        for kind in ("orders", "olist", "shopify"):
            for path in sample_paths(kind):
                shutil.copyfile(path, lake.project.raw / path.name)
        load(lake)
        yield lake


def test_with_all_pipelines_installed_each_sample_goes_to_its_own(everything):
    routed = {report.source.removeprefix("raw/"): report.pipeline for report in everything.loads()}
    assert routed == {path.name: kind for kind in ("orders", "olist", "shopify") for path in sample_paths(kind)}


def test_a_second_run_over_everything_changes_nothing(everything):
    assert {report.status for report in everything.run()} == {"unchanged"}


# --- olist


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=["samples", "generated"])
def olist(request, tmp_path_factory):
    """Give a lake with the nine files loaded, and each table's rows as Python's csv module reads them."""
    folder = tmp_path_factory.mktemp("olist")
    paths = sample_paths("olist") if request.param == "samples" else generate("olist", ORDERS, 5, folder)
    with Lake.init(folder / "lake", ["olist"]) as lake:
        load(lake, *paths)
        yield lake, {path.name.removesuffix(".csv"): read_csv(path) for path in paths}


def test_nine_files_become_nine_tables_of_the_same_names_columns_and_rows(olist):
    lake, files = olist
    assert len(files) == 9
    for table, rows in files.items():
        (pipeline,) = lake.pipelines
        (declared,) = (spec for stream in pipeline.streams for spec in stream.tables if spec.name == table)
        assert [column.name for column in declared.columns] == list(rows[0])
        assert lake.query(f"SELECT count(*) FROM {table}").rows == ((len(rows),),)


READERS: dict[str, Callable[[str], Any]] = {
    "VARCHAR": str,
    "INTEGER": int,
    "DOUBLE": float,
    "TIMESTAMP": datetime.fromisoformat,
}


def as_read(kind, text):
    """Give a csv cell as the value its column type stands for."""
    if text == "":
        return None
    if kind.startswith("DECIMAL"):
        return Decimal(text)
    if kind == "DATE":
        assert text.endswith(" 00:00:00"), f"{text} is more than a date"
        return datetime.fromisoformat(text).date()
    return READERS[kind](text)


def test_every_cell_of_every_file_is_in_its_table_exactly(olist):
    lake, files = olist
    for table, rows in files.items():
        result = lake.query(f"SELECT {', '.join(rows[0])} FROM {table}")
        expected = Counter(tuple(map(as_read, result.types, row.values())) for row in rows)
        assert Counter(result.rows) == expected, table


def test_money_is_decimal_and_its_sums_are_exact(olist):
    lake, files = olist
    for table, column in (
        ("olist_order_items_dataset", "price"),
        ("olist_order_items_dataset", "freight_value"),
        ("olist_order_payments_dataset", "payment_value"),
    ):
        result = lake.query(f"SELECT {column} FROM {table}")
        assert result.types == ("DECIMAL(18,2)",)
        assert sum(value for (value,) in result.rows) == sum(Decimal(row[column]) for row in files[table])


def test_payments_equal_items_and_freight(olist):
    lake, _ = olist
    assert (
        lake.query(
            "SELECT order_id FROM (SELECT order_id, sum(price + freight_value) AS due FROM olist_order_items_dataset "
            "GROUP BY 1) JOIN (SELECT order_id, sum(payment_value) AS paid FROM olist_order_payments_dataset "
            "GROUP BY 1) USING (order_id) WHERE due <> paid"
        ).rows
        == ()
    )


REFERENCES = [
    ("olist_orders_dataset", "customer_id", "olist_customers_dataset", "customer_id"),
    ("olist_order_items_dataset", "order_id", "olist_orders_dataset", "order_id"),
    ("olist_order_items_dataset", "product_id", "olist_products_dataset", "product_id"),
    ("olist_order_items_dataset", "seller_id", "olist_sellers_dataset", "seller_id"),
    ("olist_order_payments_dataset", "order_id", "olist_orders_dataset", "order_id"),
    ("olist_order_reviews_dataset", "order_id", "olist_orders_dataset", "order_id"),
    ("olist_products_dataset", "product_category_name", "product_category_name_translation", "product_category_name"),
    ("olist_customers_dataset", "customer_zip_code_prefix", "olist_geolocation_dataset", "geolocation_zip_code_prefix"),
    ("olist_sellers_dataset", "seller_zip_code_prefix", "olist_geolocation_dataset", "geolocation_zip_code_prefix"),
]


@pytest.mark.parametrize(("table", "column", "other", "key"), REFERENCES, ids=lambda value: value)
def test_every_reference_resolves(table, column, other, key, olist):
    lake, files = olist
    lost = lake.query(
        f"SELECT {column} FROM {table} AS t WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {other})"
    )
    known = {row[key] for row in files[other]}
    assert len(lost.rows) == sum(row[column] not in known for row in files[table] if row[column])
    if "zip" not in column:
        assert lost.rows == ()


def test_zip_code_prefixes_keep_their_zeros(olist):
    lake, _ = olist
    for table, column in (
        ("olist_customers_dataset", "customer_zip_code_prefix"),
        ("olist_sellers_dataset", "seller_zip_code_prefix"),
        ("olist_geolocation_dataset", "geolocation_zip_code_prefix"),
    ):
        assert lake.query(f"SELECT DISTINCT length({column}) FROM {table}").rows == ((5,),)
    assert lake.query(
        "SELECT count(*) > 0 FROM olist_geolocation_dataset WHERE geolocation_zip_code_prefix LIKE '0%'"
    ).rows == ((True,),)


def test_reviews_keep_their_line_breaks_and_quotes(olist):
    lake, files = olist
    texts = [row["review_comment_message"] for row in files["olist_order_reviews_dataset"]]
    assert any("\n" in text for text in texts)
    assert any('"' in text for text in texts)
    loaded = lake.query("SELECT review_comment_message FROM olist_order_reviews_dataset").rows
    assert Counter(text or "" for (text,) in loaded) == Counter(texts)


def test_only_orders_are_partitioned_and_by_month_of_purchase():
    pipeline = bundled("olist")
    split = {table.name: table.partition for stream in pipeline.streams for table in stream.tables if table.partition}
    assert {name: (by.transform, by.column) for name, by in split.items()} == {
        "olist_orders_dataset": ("month", "order_purchase_timestamp")
    }


def test_equal_geolocation_rows_all_stay_and_a_copy_of_the_file_adds_none(olist, tmp_path):
    lake, files = olist
    rows = files["olist_geolocation_dataset"]
    counted = lake.query("SELECT count(*) FROM olist_geolocation_dataset").rows
    assert counted == ((len(rows),),)
    assert len({tuple(row.values()) for row in rows}) < len(rows)
    again = tmp_path / COPY
    with again.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(reversed(rows))
    (report,) = lake.run([again])
    assert (report.status, report.loaded, report.duplicate) == ("loaded", 0, len(rows))
    assert lake.query("SELECT count(*) FROM olist_geolocation_dataset").rows == counted


def test_a_zipped_part_of_orders_updates_those_orders_and_no_others(tmp_path):
    orders = next(path for path in sample_paths("olist") if path.name == "olist_orders_dataset.csv")
    rows = read_csv(orders)
    with Lake.init(tmp_path / "lake", ["olist"]) as lake:
        load(lake, orders)
        part = tmp_path / "olist_orders_dataset_2018.csv.gz"
        changed = {**rows[0], "order_status": "returned"}
        new = {**rows[1], "order_id": "f" * 32}
        with gzip.open(part, "wt", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows([changed, new])
        load(lake, part)
        found = lake.query("SELECT order_status, count(*) FROM olist_orders_dataset GROUP BY 1").rows
    statuses = Counter(row["order_status"] for row in [changed, *rows[1:], new])
    assert dict(found) == statuses


# --- file names


def bundled(name):
    from orderlake.wiring import bundled_pipelines, load_pipeline  # noqa: PLC0415 - tests of files need no parser

    return load_pipeline(bundled_pipelines()[name])


NAMES = {
    "olist_orders_dataset.csv": "orders",
    "olist_orders_dataset.csv.gz": "orders",
    "olist_orders_dataset_2018.csv": "orders",
    "OLIST_ORDERS_DATASET.CSV": "orders",
    "olist_order_items_dataset_part2.csv.zst": "order_items",
    "olist_order_payments_dataset.csv": "order_payments",
    "olist_order_reviews_dataset (1).csv": "order_reviews",
    "olist_customers_dataset.csv": "customers",
    "olist_products_dataset.csv": "products",
    "olist_sellers_dataset.csv": "sellers",
    "olist_geolocation_dataset.csv": "geolocation",
    "product_category_name_translation.csv": "category_translation",
}


@pytest.mark.parametrize(("name", "stream"), NAMES.items())
def test_an_olist_file_fits_one_source_and_no_other(name, stream):
    fitting = [each.name for each in bundled("olist").streams if each.fit(name) is not None]
    assert fitting == [stream]
    assert all(each.fit(name) is None for kind in ("orders", "shopify") for each in bundled(kind).streams)


def test_no_table_is_in_two_bundled_pipelines():
    names = [table.name for kind in ("orders", "olist", "shopify") for s in bundled(kind).streams for table in s.tables]
    assert len(names) == len(set(names))


# --- shopify


def read_orders(path):
    document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return document.get("orders", [document])


@pytest.fixture(scope="module", params=["samples", "generated"])
def shop(request, tmp_path_factory):
    """Give a lake with Shopify orders, and the newest version of each order by id as Python's json module reads it."""
    folder = tmp_path_factory.mktemp("shopify")
    paths = sample_paths("shopify") if request.param == "samples" else generate("shopify", SHOP_ORDERS, 5, folder)
    with Lake.init(folder / "lake") as lake:
        load(lake, *paths)
        orders: dict[int, Any] = {}
        for order in (order for path in paths for order in read_orders(path)):
            if order["id"] not in orders or order["updated_at"] > orders[order["id"]]["updated_at"]:
                orders[order["id"]] = order
        yield lake, orders


CHILDREN = {
    "shopify_line_items": lambda order: order["line_items"],
    "shopify_discounts": lambda order: [part for line in order["line_items"] for part in line["discount_allocations"]],
    "shopify_discount_applications": lambda order: order["discount_applications"],
    "shopify_shipping_lines": lambda order: order["shipping_lines"],
    "shopify_refunds": lambda order: order["refunds"],
    "shopify_refund_lines": lambda order: [line for back in order["refunds"] for line in back["refund_line_items"]],
    "shopify_refund_adjustments": lambda order: [
        each for back in order["refunds"] for each in back["order_adjustments"]
    ],
    "shopify_refund_transactions": lambda order: [each for back in order["refunds"] for each in back["transactions"]],
}


@pytest.mark.parametrize("table", CHILDREN)
def test_each_list_of_an_order_has_its_rows_once(table, shop):
    lake, orders = shop
    expected = Counter({order_id: len(CHILDREN[table](order)) for order_id, order in orders.items()})
    assert Counter(dict(lake.query(f"SELECT order_id, count(*) FROM {table} GROUP BY 1").rows)) == +expected


def test_ids_beyond_a_doubles_reach_are_exact(shop):
    lake, orders = shop
    assert any(int(float(order_id)) != order_id for order_id in orders)
    assert {row[0] for row in lake.query("SELECT order_id FROM shopify_orders").rows} == set(orders)
    lines = {line["id"] for order in orders.values() for line in order["line_items"]}
    assert {row[0] for row in lake.query("SELECT line_item_id FROM shopify_line_items").rows} == lines
    customers = {order["customer"]["id"] for order in orders.values()}
    assert {row[0] for row in lake.query("SELECT customer_id FROM shopify_orders").rows} == customers


def test_an_order_late_at_night_stays_on_the_shops_own_day_in_every_table(shop):
    lake, orders = shop
    days = {order_id: datetime.fromisoformat(order["created_at"]).date() for order_id, order in orders.items()}
    utc = dict(lake.query("SELECT order_id, CAST(created_at AT TIME ZONE 'UTC' AS DATE) FROM shopify_orders").rows)
    assert any(utc[order_id] != day for order_id, day in days.items()), (
        "no order near midnight: the test proves nothing"
    )
    for table in ("shopify_orders", *CHILDREN):
        found = lake.query(f"SELECT DISTINCT order_id, order_date FROM {table}").rows
        assert all(days[order_id] == day for order_id, day in found)


def test_created_at_is_the_exact_instant(shop):
    lake, orders = shop
    found = dict(lake.query("SELECT order_id, created_at FROM shopify_orders").rows)
    assert found == {order_id: datetime.fromisoformat(order["created_at"]) for order_id, order in orders.items()}


HEADER = """
SELECT order_id, total_line_items_price, total_discounts, subtotal_price, total_tax, total_shipping, total_price,
       current_total_price FROM shopify_orders
"""


def test_the_header_holds_the_amounts_of_the_text(shop):
    lake, orders = shop
    for order_id, *amounts in lake.query(HEADER).rows:
        order = orders[order_id]
        shipping = order["total_shipping_price_set"]["shop_money"]["amount"]
        gross, discounts, net, tax = (
            order[key] for key in ("total_line_items_price", "total_discounts", "subtotal_price", "total_tax")
        )
        texts = (gross, discounts, net, tax, shipping, order["total_price"], order["current_total_price"])
        assert amounts == [Decimal(text) for text in texts]


PER_ORDER = {
    "gross at the lines": ("total_line_items_price", "SELECT order_id, sum(price * quantity) FROM shopify_line_items"),
    "discounts at the lines": ("total_discounts", "SELECT order_id, sum(amount) FROM shopify_discounts"),
    "shipping": ("total_shipping", "SELECT order_id, sum(price) FROM shopify_shipping_lines"),
    "money back, by transactions": (
        "total_price - current_total_price",
        "SELECT order_id, sum(amount) FROM shopify_refund_transactions WHERE kind = 'refund' AND status = 'success'",
    ),
    "money back, by what came back": (
        "total_price - current_total_price",
        """SELECT order_id, sum(amount) FROM (SELECT order_id, subtotal + total_tax AS amount FROM shopify_refund_lines
        UNION ALL SELECT order_id, -(amount + tax_amount) FROM shopify_refund_adjustments)""",
    ),
    "net": (
        "subtotal_price",
        """SELECT order_id, sum(amount) FROM (SELECT order_id, price * quantity AS amount FROM shopify_line_items
        UNION ALL SELECT order_id, -amount FROM shopify_discounts)""",
    ),
}


@pytest.mark.parametrize("grain", PER_ORDER)
def test_the_header_ties_out_with_its_rows(grain, shop):
    lake, orders = shop
    header, rows = PER_ORDER[grain]
    tied = lake.query(
        f"SELECT count(*), sum(o.total), sum(coalesce(r.total, 0)), count(*) FILTER (o.total <> coalesce(r.total, 0)) "
        f"FROM (SELECT order_id, {header} AS total FROM shopify_orders) AS o "
        f"LEFT JOIN ({rows} GROUP BY 1) AS r(order_id, total) USING (order_id)"
    ).rows
    ((orders_counted, header_sum, rows_sum, apart),) = tied
    assert (orders_counted, apart) == (len(orders), 0)
    assert header_sum == rows_sum > 0


def test_each_refund_ties_out_by_itself(shop):
    lake, orders = shop
    found = lake.query(
        "SELECT refund_id, sum(back), sum(given) FROM ("
        "SELECT refund_id, amount AS back, 0 AS given FROM shopify_refund_transactions "
        "UNION ALL SELECT refund_id, 0, subtotal + total_tax FROM shopify_refund_lines "
        "UNION ALL SELECT refund_id, 0, -(amount + tax_amount) FROM shopify_refund_adjustments) GROUP BY 1"
    ).rows
    assert {refund_id for refund_id, _, _ in found} == {back["id"] for o in orders.values() for back in o["refunds"]}
    assert all(back == given > 0 for _, back, given in found)


def test_each_discount_and_refund_belongs_to_a_line_of_its_order(shop):
    lake, _ = shop
    for table in ("shopify_discounts", "shopify_refund_lines"):
        assert lake.query(
            f"SELECT count(*) FROM {table} AS t ANTI JOIN shopify_line_items AS l USING (order_id, line_item_id)"
        ).rows == ((0,),)
    assert lake.query(
        "SELECT count(*) FROM shopify_discounts AS d ANTI JOIN shopify_discount_applications AS a "
        "ON a.order_id = d.order_id AND a.application_number = d.application_index + 1"
    ).rows == ((0,),)


def test_the_price_follows_from_net_tax_and_shipping(shop):
    lake, _ = shop
    assert lake.query(
        "SELECT count(*) FROM shopify_orders WHERE total_price <> subtotal_price + total_tax + total_shipping "
        "OR subtotal_price <> total_line_items_price - total_discounts"
    ).rows == ((0,),)


# --- shopify: versions and envelopes


def an_order():
    """Give the sample's refunded order: two lines, two discounts, a refund."""
    (order,) = read_orders(sample_paths("shopify")[1])
    return order


@pytest.fixture
def shop_of_one(tmp_path):
    """Give a lake, and a way to have one order written to a new file and loaded."""
    numbers = count()

    def put(lake, order, **changes):
        path = tmp_path / f"shopify_order_{next(numbers)}.json"
        path.write_text(json.dumps({**order, **changes}, default=str), encoding="utf-8")
        return load(lake, path)[0]

    with Lake.init(tmp_path / "lake") as lake:
        yield lake, put


def contents(lake):
    """Give the declared columns of every Shopify table."""
    (pipeline,) = (pipeline for pipeline in lake.pipelines if pipeline.name == "shopify")
    specs = [table for stream in pipeline.streams for table in stream.tables]
    return {
        spec.name: lake.query(
            f"SELECT {', '.join(column.name for column in spec.columns)} FROM {spec.name} ORDER BY ALL"
        ).rows
        for spec in specs
    }


SHORTER = {"refunds": [], "discount_applications": [], "shipping_lines": [], "updated_at": "2024-12-24T10:00:00-03:00"}


def test_a_correction_replaces_the_order_in_every_table(shop_of_one):
    lake, put = shop_of_one
    order = an_order()
    put(lake, order)
    before = contents(lake)
    filled = {name for name, rows in before.items() if rows}
    assert filled == set(before) - {"shopify_refund_adjustments"}
    put(lake, order, line_items=[{**order["line_items"][0], "discount_allocations": []}], **SHORTER)
    after = contents(lake)
    assert {name: len(rows) for name, rows in after.items()} == dict.fromkeys(after, 0) | {
        "shopify_orders": 1,
        "shopify_line_items": 1,
    }


def test_an_older_version_that_arrives_late_changes_nothing(shop_of_one):
    lake, put = shop_of_one
    order = an_order()
    put(lake, order)
    before = contents(lake)
    older = {**SHORTER, "updated_at": "2024-11-06T23:41:08-03:00"}
    report = put(lake, order, line_items=order["line_items"][:1], financial_status="pending", **older)
    assert (report.loaded, report.superseded) == (0, 1)
    assert contents(lake) == before


def test_versions_are_compared_as_instants_not_as_text(shop_of_one):
    lake, put = shop_of_one
    order = an_order()
    put(lake, order, updated_at="2024-11-07T00:30:00-03:00", financial_status="newer")
    put(lake, order, updated_at="2024-11-07T02:00:00+00:00", financial_status="older, though its text is greater")
    assert lake.query("SELECT financial_status FROM shopify_orders").rows == (("newer",),)


def test_either_order_of_arrival_gives_the_same_tables(tmp_path):
    first, second = sample_paths("shopify")
    found = []
    for name, paths in (("one", (first, second)), ("other", (second, first))):
        with Lake.init(tmp_path / name) as lake:
            for path in paths:
                load(lake, path)
            found.append(contents(lake))
    assert found[0] == found[1]


FORMS: dict[str, Callable[[Any], str]] = {
    "object.json": lambda orders: json.dumps(orders[0]),
    "array.json": json.dumps,
    "lines.ndjson": lambda orders: "\n".join(map(json.dumps, orders)),
    "lines.jsonl": lambda orders: "\n".join(map(json.dumps, orders)) + "\n",
    "orders.json": lambda orders: json.dumps({"orders": orders}, indent=2),
    "order.json": lambda orders: json.dumps({"order": orders[0]}),
    "array.json.gz": json.dumps,
}


@pytest.mark.parametrize("form", FORMS)
def test_webhooks_and_exports_are_read_in_every_form(form, tmp_path):
    orders = json.loads(sample_paths("shopify")[0].read_text(encoding="utf-8"))["orders"]
    path = tmp_path / f"shopify_{form}"
    opened = gzip.open if form.endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.write(FORMS[form](orders))
    expected = {orders[0]["id"]} if form.startswith(("object", "order.")) else {order["id"] for order in orders}
    with Lake.init(tmp_path / "lake") as lake:
        load(lake, path)
        assert {order_id for (order_id,) in lake.query("SELECT order_id FROM shopify_orders").rows} == expected


def test_an_order_without_customer_address_or_lists_is_still_an_order(shop_of_one):
    lake, put = shop_of_one
    kept = ("id", "created_at", "updated_at", "total_price")
    put(lake, {key: an_order()[key] for key in kept}, customer=None, line_items=None, refunds=[])
    rows = contents(lake)
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(rows, 0) | {"shopify_orders": 1}
    assert lake.query("SELECT total_price, customer_id, ship_city FROM shopify_orders").rows == (
        (Decimal("188.00"), None, None),
    )


def test_a_broken_order_is_set_aside_and_the_others_load(tmp_path):
    orders = json.loads(sample_paths("shopify")[0].read_text(encoding="utf-8"))["orders"]
    orders[3]["total_price"] = "12,50"
    path = tmp_path / "shopify_orders.json"
    path.write_text(json.dumps({"orders": orders}), encoding="utf-8")
    with Lake.init(tmp_path / "lake") as lake:
        (report,) = lake.run([path])
        assert (report.read, report.loaded, report.quarantined) == (8, 7, 1)
        assert lake.query("SELECT position, field FROM quarantine").rows == ((4, "total_price"),)
        kept = {order["id"] for order in orders} - {orders[3]["id"]}
        assert {order_id for (order_id,) in lake.query("SELECT order_id FROM shopify_line_items").rows} == kept


@pytest.mark.slow
def test_a_large_export_loads_within_the_default_memory(tmp_path):
    (path,) = generate("shopify", 10_000, 5, tmp_path)
    with Lake.init(tmp_path / "lake") as lake:
        load(lake, path)
        assert lake.query("SELECT count(DISTINCT order_id) FROM shopify_orders").rows == ((10_000,),)
        assert lake.query(
            "SELECT (SELECT sum(total_line_items_price) FROM shopify_orders) "
            "= (SELECT sum(price * quantity) FROM shopify_line_items)"
        ).rows == ((True,),)


@pytest.mark.parametrize("order_id", [17, 820_982_911_946_154_508], ids=["small id", "large id"])
def test_a_newer_updated_at_alone_is_a_newer_version_whatever_the_order_of_arrival(order_id, tmp_path):
    older = {"id": order_id, "created_at": "2024-05-01T10:00:00Z", "updated_at": "2024-05-01T10:00:00Z"}
    newer = {**older, "updated_at": "2024-05-02T10:00:00Z"}
    found = set()
    for name, versions in (("one", (older, newer)), ("other", (newer, older))):
        with Lake.init(tmp_path / name) as lake:
            for number, version in enumerate(versions):
                path = tmp_path / name / f"shopify_{number}.json"
                path.write_text(json.dumps(version), encoding="utf-8")
                lake.run([path])
            found.add(lake.query("SELECT CAST(updated_at AT TIME ZONE 'UTC' AS VARCHAR) FROM shopify_orders").rows)
    assert found == {(("2024-05-02 10:00:00",),)}


def test_spaces_around_a_review_are_part_of_it(tmp_path):
    (path,) = (path for path in sample_paths("olist") if "reviews" in path.name)
    rows = read_csv(path)[:1]
    rows[0]["review_comment_message"] = "  Muito bom!  \n  Recomendo.  "
    copied = tmp_path / path.name
    with copied.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with Lake.init(tmp_path / "lake", ["olist"]) as lake:
        load(lake, copied)
        found = lake.query("SELECT review_comment_message FROM olist_order_reviews_dataset").rows
    assert found == ((rows[0]["review_comment_message"],),)

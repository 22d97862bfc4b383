"""Traps in the data itself, each by its number; what is tested in depth elsewhere is named."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from orderlake import Lake
from orderlake.samples import sample_paths


def order(number: int, **changes: object) -> dict[str, object]:
    line = {"product_id": "P1", "name": "Pen", "category": "Office", "price": 0.1, "quantity": 10}
    customer = {"customer_id": 1, "name": "Ana", "email": "ana@example.com", "address": "Here"}
    plain = {"order_id": number, "order_date": "2024-02-03", "total_amount": 1.0, "customer": customer}
    return {**plain, "products": [line], **changes}


@pytest.fixture
def lake(tmp_path):
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        yield lake


def drop(lake: Lake, name: str, data: str | bytes) -> str:
    path = lake.project.raw / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def test_trap_19_money_is_exact_from_text_to_table(lake):
    raw = json.dumps([order(1), order(2)]).replace(
        '"order_id": 2, "order_date": "2024-02-03", "total_amount": 1.0',
        '"order_id": 2, "order_date": "2024-02-03", "total_amount": 123456789012345.67',
    )
    lake.run([drop(lake, "orders.json", raw)])
    assert lake.query("SELECT total_amount FROM orders ORDER BY order_id").rows == (
        (Decimal("1.00"),),
        (Decimal("123456789012345.67"),),
    )
    assert lake.query("SELECT sum(price * quantity) FROM order_lines WHERE order_id = 1").rows == ((Decimal("1.00"),),)


def test_trap_21_a_time_near_midnight_stays_on_the_shops_day(tmp_path):
    with Lake.init(tmp_path / "shop", ["shopify"]) as lake:
        lake.run(sample_paths("shopify"))
        late = lake.query(
            "SELECT order_date, CAST(created_at AT TIME ZONE 'UTC' AS DATE) "
            "FROM shopify_orders WHERE order_number = 1005"
        ).rows
    ((local, utc),) = late
    assert local < utc


def test_trap_22_an_ambiguous_date_is_never_guessed(lake):
    text = json.dumps([order(1, order_date="10/2/2017"), order(2)])
    (report,) = lake.run([drop(lake, "orders.json", "\ufeff" + text)])
    assert (report.loaded, report.quarantined) == (1, 1)
    assert lake.query("SELECT field, position FROM quarantine").rows == (("order_date", 1),)


def test_trap_23_an_empty_or_cut_file_has_a_clear_outcome_and_the_next_file_loads(lake):
    drop(lake, "orders_1.json", b"")
    drop(lake, "orders_2.json", b"\xef\xbb\xbf")
    drop(lake, "orders_3.json.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab")
    drop(lake, "orders_4.json", json.dumps([order(4)]))
    outcomes = {report.source: (report.status, report.loaded) for report in lake.run()}
    assert outcomes == {
        "raw/orders_1.json": ("loaded", 0),
        "raw/orders_2.json": ("loaded", 0),
        "raw/orders_3.json.gz": ("rejected", 0),
        "raw/orders_4.json": ("loaded", 1),
    }


@pytest.mark.parametrize("form", ["array", "object", "lines", "concatenated", "pretty"])
def test_trap_24_every_form_of_json_is_read(lake, form):
    some = [order(1), order(2)]
    text = {
        "array": json.dumps(some),
        "object": json.dumps(some[0]),
        "lines": "\n".join(map(json.dumps, some)),
        "concatenated": "".join(map(json.dumps, some)),
        "pretty": "\n".join(json.dumps(one, indent=2) for one in some),
    }[form]
    (report,) = lake.run([drop(lake, "orders.json", text)])
    assert (report.status, report.loaded) == ("loaded", 1 if form == "object" else 2)


def test_trap_25_broken_records_are_set_aside_by_position_and_nothing_crashes(lake):
    deep = '{"order_id": 3, "order_date": "2024-02-03", "extra": ' + "[" * 100 + "]" * 100 + "}"
    twice = '{"order_id": 4, "order_id": 5, "order_date": "2024-02-03"}'
    surrogate = '{"order_id": 6, "order_date": "2024-02-03", "customer": {"name": "\\ud800"}}'
    (report,) = lake.run([drop(lake, "orders.ndjson", "\n".join([json.dumps(order(1)), deep, twice, surrogate]))])
    assert (report.read, report.loaded, report.quarantined) == (4, 2, 2)
    assert lake.query("SELECT position FROM quarantine ORDER BY position").rows == ((3,), (4,))


def test_trap_26_every_record_read_is_in_exactly_one_place(lake):
    some = [order(1), order(1), order(2, order_date=None), order(3, total_amount="x"), order(4, products=None)]
    (report,) = lake.run([drop(lake, "orders.json", json.dumps(some))])
    assert report.read == 5
    assert (report.loaded, report.superseded, report.duplicate, report.quarantined) == (2, 0, 1, 2)
    assert report.conserved
    assert lake.query("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM quarantine)").rows == ((2, 2),)


def test_trap_27_gross_less_discounts_plus_tax_and_shipping_is_the_total(tmp_path):
    with Lake.init(tmp_path / "shop", ["shopify"]) as lake:
        lake.run(sample_paths("shopify"))
        wrong = lake.query(
            "SELECT count(*) FROM shopify_orders o WHERE total_line_items_price <> "
            "(SELECT sum(price * quantity) FROM shopify_line_items l WHERE l.order_id = o.order_id) "
            "OR total_discounts <> "
            "coalesce((SELECT sum(amount) FROM shopify_discounts d WHERE d.order_id = o.order_id), 0)"
        ).rows
        assert wrong == ((0,),)


def test_trap_35_a_correction_rewrites_only_the_files_that_hold_it(lake):
    months = [order(number, order_date=f"2024-{number:02d}-03") for number in range(1, 13)]
    lake.run([drop(lake, "orders_1.json", json.dumps(months))])
    before = set((lake.project.lake / "orders" / "data").rglob("*.parquet"))
    lake.run([drop(lake, "orders_2.json", json.dumps([order(3, order_date="2024-03-03", total_amount=7.5)]))])
    assert len(set((lake.project.lake / "orders" / "data").rglob("*.parquet")) - before) == 1
    assert lake.query("SELECT count(*), sum(total_amount) FROM orders").rows == ((12, Decimal("18.50")),)

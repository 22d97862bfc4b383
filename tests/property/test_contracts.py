"""What a contract keeps is the same whichever reader found it and in whatever order files came, and nothing is lost."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake import Lake
from tests.property.test_readers import leaves, lists, names, objects, orders, plain_ids, rarely, texts
from tests.unit.kernel.staging import ORDERS, Staged, stage_one, stream_of

BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
SETTLED = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))

KEPT = ("_kept0", "_kept1")
contracts = st.sampled_from(
    [
        {"new": "rescue"},
        {"new": "evolve"},
        {"new": "rescue", "types": "discard_value"},
        {"types": "discard_value"},
        {"new": "discard_row", "missing": "discard_row"},
        {"new": "rescue", "missing": "discard_row"},
    ]
)
odd = st.one_of(leaves, lists(leaves), objects({"a": leaves, "b.c": leaves, "\\": leaves}))
widened = st.tuples(
    orders, st.dictionaries(st.one_of(texts, st.sampled_from(["x", "X", "Total", "é\u0001"])), odd)
).map(
    lambda pair: (
        pair[0][:-1] + "".join(f", {json.dumps(key)}: {value}" for key, value in pair[1].items()) + "}"
        if pair[0] != "{}"
        else "{}"
    )
)
rich_products = objects({"sku": names, "color": odd, "price": rarely(st.just("1.5"), leaves)})
rich = st.one_of(
    widened,
    objects(
        {
            "order_id": plain_ids,
            "customer": rarely(objects({"name": names, "tel": odd}), leaves),
            "products": rarely(lists(rarely(rich_products, leaves)), rich_products),
        }
    ),
)


def staged(content: str, contract: dict[str, str]) -> Staged:
    with tempfile.TemporaryDirectory() as folder:
        return stage_one(Path(folder) / "file", content, stream_of(ORDERS, contract=contract))


def by_number(found: Staged) -> dict[int, list[tuple[str, ...]]]:
    """Everything staged of each record, under its number."""
    hidden = {"_rid", "#source", "#n"}
    rows: dict[int, list[tuple[str, ...]]] = {}
    for row in found.rows:
        rows.setdefault(row["#n"], []).append(
            tuple(repr(value or None if key in KEPT else value) for key, value in row.items() if key not in hidden)
        )
    return rows


@BOUNDED
@given(st.lists(rich, min_size=1, max_size=5), contracts)
def test_a_bad_neighbour_changes_nothing_in_what_is_kept(records, contract):
    alone = [staged(record, contract) for record in records]
    together = staged("\n".join([*records, '{"order_id": "bad"}', '{"order_id" 1}', '{"order_id"']), contract)
    found = by_number(together)
    assert len(together.bad) == 3 + sum(len(one.bad) for one in alone)
    for number, one in enumerate(alone, 1):
        assert by_number(one) == ({1: found[number]} if number in found else {})
        assert [bad[2:] for bad in one.bad] == [bad[2:] for bad in together.bad if bad[0] == number]


@BOUNDED
@given(st.lists(st.dictionaries(st.sampled_from(["x", "y.z", 'q"', "é"]), odd), min_size=1, max_size=4))
def test_every_undeclared_value_is_kept_to_the_last_digit(extras):
    records = [
        "{"
        + ", ".join([f'"order_id": {number}', *(f"{json.dumps(key)}: {value}" for key, value in extra.items())])
        + "}"
        for number, extra in enumerate(extras, 1)
    ]
    found = staged("[" + ",".join(records) + "]", {"new": "rescue"})
    kept = [row["_kept0"] or [] for row in found.rows]
    assert [{each["path"].replace("\\.", "."): exactly(each["value"]) for each in entries} for entries in kept] == [
        {key: exactly(value) for key, value in extra.items()} for extra in extras
    ]


def exactly(text: str) -> Any:
    """JSON with numbers as they are written."""
    return json.loads(text, parse_float=lambda number: ("number", number), parse_int=lambda number: ("number", number))


PIPELINE = """
pipeline: shop
sources:
  orders:
    match: "*.json"
    format: json
    key: order_id
    tables:
      orders: {columns: {order_id: bigint required, pieces: int, name: string from customer.name}}
      lines: {rows: lines, columns: {order_id: bigint required, sku: string from lines.sku}}
"""
TOTAL = {"new": "rescue", "types": "discard_value"}
some_orders = st.fixed_dictionaries(
    {"order_id": st.integers(1, 4)},
    optional={
        "pieces": st.sampled_from([1, 3_000_000_000, "two", None]),
        "customer": st.sampled_from([{"name": "Ana", "phone": "1"}, {"name": "Zoe"}, "Ana", None]),
        "giftWrap": st.sampled_from([True, "x", None, 1.5]),
        "gift_wrap": st.sampled_from(["y", [1]]),
        "name": st.sampled_from(["n", {"a": 1}]),
        "lines": st.lists(
            st.fixed_dictionaries({"sku": st.sampled_from(["a", "b"])}, optional={"color": st.just("red")}), max_size=2
        ),
    },
)
agreements = st.sampled_from(
    [{"new": "rescue"}, {"new": "evolve"}, TOTAL, {"new": "evolve", "types": "discard_value"}, "evolve"]
)


@SETTLED
@given(st.lists(st.lists(some_orders, max_size=3), min_size=2, max_size=4), agreements, st.data())
def test_tables_do_not_depend_on_the_order_in_which_files_come(files, contract, data):
    groups = data.draw(st.permutations(range(len(files))))
    cut = data.draw(st.integers(0, len(files)))
    at_once = tables(files, contract, [list(range(len(files)))])
    assert tables(files, contract, [groups[:cut], *([number] for number in groups[cut:])]) == at_once


def tables(files: list[list[dict[str, Any]]], contract: object, runs: list[list[int]]) -> dict[str, Any]:
    """Load files run by run; each table's rows as sets of named values, and how many records are set aside."""
    with tempfile.TemporaryDirectory() as folder, Lake.init(Path(folder) / "shop", ["orders"]) as lake:
        for file in lake.project.pipelines.iterdir():
            file.unlink()
        text = yaml.safe_dump({**yaml.safe_load(PIPELINE), "contract": contract}, sort_keys=False)
        (lake.project.pipelines / "shop.yaml").write_text(text)
        paths = []
        for number, records in enumerate(files):
            path = lake.project.raw / f"{number}.json"
            path.write_text(json.dumps(records))
            os.utime(path, (1_700_000_000 + number,) * 2)
            paths.append(path)
        reports = [report for run in runs if run for report in lake.run([paths[number] for number in run])]
        assert all(report.conserved and report.status == "loaded" for report in reports)
        assert lake.verify().ok
        found = {}
        for table in ("orders", "lines"):
            answer = lake.query(f"SELECT * EXCLUDE (_load_id) FROM {table}")
            rows = [
                tuple(sorted((name, repr(value)) for name, value in zip(answer.columns, row, strict=True)))
                for row in answer.rows
            ]
            found[table] = (sorted(answer.columns), sorted(rows))
        return {**found, "aside": sum(report.quarantined for report in reports)}

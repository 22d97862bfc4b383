"""Whatever the file and however it is cut, the same records fail the same checks, at the same places."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake.model.pipeline import parse_pipeline
from tests.unit.kernel.staging import stage_files

CHECKS = {
    "positive": {"range": {"column": "quantity", "above": 0}, "on_fail": "quarantine"},
    "cheap": {"expect": "price * quantity <= 100 OR gift", "on_fail": "drop"},
    "priced": {"not_null": "price"},
}
COLUMNS = {
    "id": "bigint required",
    "price": "money from lines.price",
    "quantity": "int from lines.quantity",
    "gift": "boolean from lines.gift",
}


def stream():
    tables = {
        "orders": {
            "columns": {"id": "bigint required", "email": "string"},
            "checks": {
                "mail": {"pattern": {"column": "email", "regex": ".+@.+"}, "on_fail": "quarantine", "allow_null": True}
            },
        },
        "lines": {"rows": "lines", "columns": COLUMNS, "checks": CHECKS},
    }
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    return parse_pipeline({"pipeline": "p", "sources": {"s": source}}, "p.yaml").streams[0]


LINES = st.fixed_dictionaries(
    {"quantity": st.sampled_from([None, -1, 0, 1, 2, 60]), "price": st.sampled_from([None, "0.00", "1.50", "2.00"])},
    optional={"gift": st.sampled_from([None, True, False])},
)
ORDERS = st.lists(
    st.fixed_dictionaries(
        {"email": st.sampled_from([None, "a@b", "nobody"]), "lines": st.lists(LINES, max_size=4)},
        optional={"note": st.sampled_from(["{", "},", "\n", '"'])},
    ),
    max_size=12,
)


def fails(order):
    """The checks that take an order out, in Python."""
    found = set()
    if order["email"] is not None and "@" not in order["email"]:
        found.add("mail")
    for line in order["lines"]:
        quantity, price = line["quantity"], line["price"]
        if quantity is None or quantity <= 0:
            found.add("positive")
        dear = None if quantity is None or price is None else Decimal(price) * quantity <= 100
        if not (dear or line.get("gift")):
            found.add("cheap")
    return found


def written(orders, form):
    """The file, and the line that each record begins on."""
    texts = [json.dumps(order, indent=2 if form in ("pretty", "values") else None) for order in orders]
    between = {"lines": "\n", "array": ",\n", "one line": ",", "pretty": ",\n", "values": "\n"}[form]
    content, starts = "" if form in ("lines", "values") else "[\n" if form != "one line" else "[", []
    for at, text in enumerate(texts):
        content += between if at else ""
        starts.append(content.count("\n") + 1)
        content += text
    return content + ("\n" if form in ("lines", "values") else "]"), starts


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(ORDERS, st.sampled_from(["lines", "array", "one line", "pretty", "values"]), st.booleans())
def test_the_same_records_fail_however_they_are_written(orders, form, broken):
    numbered = [{"id": at} | order for at, order in enumerate(orders, 1)]
    content, starts = written(numbered, form)
    if broken and form == "lines":
        content += '{"id": }\n'
    with tempfile.TemporaryDirectory() as folder:
        staged = stage_files(Path(folder), stream(), {"f": content.encode()})
    found = {
        (staged.number(one), one.line, frozenset((one.check_name or "").split(", ")), one.action)
        for one in staged.rejections
        if one.check_name
    }
    assert found == {
        (at, starts[at - 1], frozenset(fails(order)), "quarantine" if fails(order) & {"positive", "mail"} else "drop")
        for at, order in enumerate(numbered, 1)
        if fails(order)
    }
    good = [order for order in numbered if not fails(order)]
    assert sorted(set(staged.column("id"))) == [order["id"] for order in good]
    priced = next(one for one in staged.load.checks[0] if one.name == "priced")
    assert priced.failed == sum(line["price"] is None for order in numbered for line in order["lines"])

"""How checks and reconciliations are declared, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from orderlake.errors import ConfigError
from orderlake.model.check import MOST_ROW_CHECKS
from orderlake.model.pipeline import parse_pipeline

COLUMNS = {"id": "bigint required", "day": "date", "total": "money", "email": "string", "paid": "boolean"}


def pipeline(checks=None, reconcile=None):
    tables = {
        "orders": {"columns": COLUMNS, **({} if checks is None else {"checks": checks})},
        "lines": {"rows": "lines", "columns": {"id": "bigint required", "price": "money from lines.price"}},
    }
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    document = {"pipeline": "shop", "sources": {"orders": source}}
    return parse_pipeline(document | ({} if reconcile is None else {"reconcile": reconcile}), "shop.yaml")


def check(**body):
    (found,) = pipeline({"it": body}).streams[0].tables[0].checks
    return found


GOOD = [
    ({"not_null": "email"}, "not_null", ("email",), "email must be there"),
    ({"not_null": ["email", "day"]}, "not_null", ("email", "day"), "email and day must be there"),
    ({"range": {"column": "total", "min": 0}}, "range", ("total",), "total must be at least 0"),
    (
        {"range": {"column": "total", "above": 0, "max": 99.5}},
        "range",
        ("total",),
        "total must be greater than 0 and at most 99.5",
    ),
    (
        {"accepted_values": {"column": "email", "values": ["a", "b"]}},
        "accepted_values",
        ("email",),
        "email must be one of a, b",
    ),
    ({"pattern": {"column": "email", "regex": ".+@.+"}}, "pattern", ("email",), "email must look like .+@.+"),
    ({"expect": "total > 0 OR\n paid"}, "expect", (), "expected total > 0 OR paid"),
    ({"unique": ["id", "day"]}, "unique", ("id", "day"), "id, day must not stand twice in a file"),
    ({"row_count": {"min": 1}}, "row_count", (), "a file must have at least 1 rows"),
    (
        {"freshness": {"column": "day", "within": "36 hours"}},
        "freshness",
        ("day",),
        "the newest day must be within 36 hours of the file's own time",
    ),
    (
        {"null_share": {"column": "email", "max": 0.05}},
        "null_share",
        ("email",),
        "at most 0.05 of a file's email may be NULL",
    ),
    (
        {"relationship": {"column": "id", "to": "lines.id"}},
        "relationship",
        ("id",),
        "id must stand in lines.id",
    ),
]


@pytest.mark.parametrize(("body", "kind", "columns", "message"), GOOD, ids=lambda value: str(value)[:40])
def test_every_kind_is_read_and_says_what_it_expects(body, kind, columns, message):
    found = check(**body)
    assert (found.kind, found.columns, found.message, found.on_fail) == (kind, columns, message, "warn")


def test_a_check_has_its_own_words_and_says_what_is_done():
    found = check(not_null="email", on_fail="quarantine", message="  who is\n it? ")
    assert (found.message, found.on_fail, found.takes_out) == ("who is it?", "quarantine", True)


def test_what_a_check_means_is_part_of_the_pipelines_fingerprint():
    prints = {
        pipeline(each).fingerprint
        for each in (None, {"it": {"not_null": "email"}}, {"it": {"not_null": "email", "on_fail": "drop"}})
    }
    assert len(prints) == 3


BAD = [
    ({"email": {}}, "wants one of not_null, range"),
    ({"not_null": "email", "range": {}}, "wants one of not_null, range"),
    ({"not_null": "e-mail"}, "the table has no column 'e-mail'; it has id, day, total, email, paid"),
    ({"not_null": []}, "needs a column"),
    ({"not_null": "email", "on_fail": "explode"}, "'explode' is none of warn, quarantine, drop, fail"),
    ({"not_null": "email", "allow_null": True}, "allow_null: is for"),
    ({"not_null": "email", "message": ""}, "message: is text"),
    ({"range": {"column": "total"}}, "needs min or above, max or below"),
    ({"range": {"column": "email", "min": 1}}, "email is string; this is for int"),
    ({"range": {"column": "total", "min": "much"}}, "'much' is no number"),
    ({"range": {"column": "total", "min": True}}, "True is no number"),
    ({"range": {"min": 1}}, "takes column, above (if wanted)"),
    ({"accepted_values": {"column": "email", "values": []}}, "is a list of what is accepted"),
    ({"accepted_values": {"column": "email", "values": ["a", None]}}, "NULL is for allow_null"),
    ({"accepted_values": {"column": "id", "values": [1, "2); SELECT (3"]}}, "'2); SELECT (3' is no number"),
    ({"pattern": {"column": "total", "regex": "x"}}, "total is decimal; this is for string"),
    ({"expect": ""}, "is SQL that is true of a good row"),
    ({"unique": "nothing"}, "the table has no column 'nothing'"),
    ({"unique": "id", "on_fail": "quarantine"}, "unique is told of a file as a whole, which can warn or fail"),
    ({"row_count": {"min": "1"}}, "as whole numbers of rows"),
    ({"row_count": {}}, "needs min or max"),
    ({"freshness": {"column": "day", "within": "soon"}}, "'soon' is no age such as 36 hours"),
    ({"freshness": {"column": "total", "within": "1 day"}}, "total is decimal; this is for date"),
    ({"null_share": {"column": "email", "max": 5}}, "5 is no share: 0.05 is five in a hundred"),
    ({"relationship": {"column": "id", "to": "lines"}}, "'lines' is not of the form table.column"),
    ({"relationship": {"column": "id", "to": "lines.nothing"}}, "there is no column nothing of an iceberg table lines"),
    (
        {"relationship": {"column": "id", "to": "lines.id"}, "on_fail": "fail"},
        "what another table holds depends on which file came first",
    ),
    ("not a mapping", "expected one of not_null"),
]


@pytest.mark.parametrize(("body", "says"), BAD, ids=lambda value: str(value)[:40])
def test_what_is_wrong_with_a_check_is_said_with_its_place(body, says):
    with pytest.raises(ConfigError) as refused:
        pipeline({"it": body})
    assert str(refused.value).startswith("shop.yaml: sources.orders.tables.orders.checks.it")
    assert says in str(refused.value)


def test_more_checks_than_there_are_bits_are_refused():
    many = {f"c{number}": {"not_null": "email"} for number in range(MOST_ROW_CHECKS + 1)}
    with pytest.raises(ConfigError, match=f"at most {MOST_ROW_CHECKS} checks"):
        pipeline(many)


SIDES = {"header": {"table": "orders", "amount": "total"}, "lines": {"table": "lines", "amount": "price"}}


def test_a_reconciliation_within_one_source_is_told_in_its_pass():
    found = pipeline(reconcile={"ties": {"key": "id", **SIDES, "tolerance": 0.01}})
    (each,) = found.reconcile
    assert (each.key, each.header.amount, each.lines.table, each.tolerance) == (("id",), "total", "lines", "0.01")
    assert found.streams[0].reconcile == found.reconcile


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"key": "id"}, "takes key, header and lines"),
        (
            {"key": "id", **SIDES, "lines": {"table": "nowhere", "amount": "price"}},
            "there is no iceberg table 'nowhere'",
        ),
        ({"key": "day", **SIDES}, "lines has no column day to be matched on"),
        ({"key": "id", **SIDES, "tolerance": -1}, "'-1' is no amount"),
        ({"key": "id", **SIDES, "header": "orders"}, "takes table and amount"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_with_a_reconciliation_is_said_with_its_place(body, says):
    with pytest.raises(ConfigError) as refused:
        pipeline(reconcile={"ties": body})
    assert str(refused.value).startswith("shop.yaml: reconcile.ties")
    assert says in str(refused.value)

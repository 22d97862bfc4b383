"""Checks are told in the pass that stages: of each row, of each file, alike however a file is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from orderlake.engine import connect
from orderlake.errors import ConfigError, UnreadableShareError
from orderlake.kernel.stage import stage
from orderlake.model.pipeline import parse_pipeline
from orderlake.model.source import SourceObject
from tests.unit.kernel.staging import stage_files, staged_of

LINES = {"price": "money", "quantity": "int"}


def stream(order=None, line=None, reconcile=None, rows="lines"):
    """Orders with lines, with checks of both tables."""
    columns = {"id": "bigint required", "day": "date", "total": "money", "email": "string", "paid": "boolean"}
    path = rows + "."
    inner = {"id": "bigint required", "n": f"int from {path}$position"}
    inner |= {column: f"{kind} from {path}{column}" for column, kind in LINES.items()}
    tables = {
        "orders": {"columns": columns, "checks": order or {}},
        "lines": {"rows": rows, "columns": inner, "checks": line or {}},
    }
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    return parse_pipeline(
        {"pipeline": "shop", "sources": {"orders": source}, "reconcile": reconcile or {}}, "shop.yaml"
    ).streams[0]


def csv_stream(checks):
    columns = {"id": "bigint required", "day": "date", "total": "money", "email": "string"}
    table = {"columns": columns, "checks": checks}
    source = {"match": "*", "format": "csv", "key": "id", "tables": {"orders": table}}
    return parse_pipeline({"pipeline": "shop", "sources": {"orders": source}}, "shop.yaml").streams[0]


def order(number, *quantities, **more):
    lines = [{"price": "2.50", "quantity": quantity} for quantity in quantities]
    return {"id": number, "day": "2025-03-01", "total": "5.00", "email": f"a{number}@b.example", "lines": lines} | more


def array(*orders):
    return "[\n" + ",\n".join(json.dumps(each) for each in orders) + "\n]\n"


def lines(*orders):
    return "".join(json.dumps(each) + "\n" for each in orders)


def one_line(*orders):
    return json.dumps(orders)


def pretty(*orders):
    return json.dumps(orders, indent=2)


def in_a_row(*orders):
    return "\n".join(json.dumps(each, indent=1) for each in orders)


def with_a_broken_one(*orders):
    """A file that strict reading refuses, so that all of it is read with care."""
    return lines(*orders) + "{broken\n"


FORMS = [array, lines, one_line, pretty, in_a_row, with_a_broken_one]
POSITIVE = {"positive": {"range": {"column": "quantity", "above": 0}, "on_fail": "quarantine"}}


def result(staged, name, source=0):
    return next(one for one in staged.load.checks[source] if one.name == name)


@pytest.mark.parametrize("form", FORMS)
def test_a_record_with_one_bad_line_is_set_aside_as_a_whole(tmp_path, form):
    content = form(order(1, 1), order(2, 1, 0), order(3), order(4, -1, 2), order(5, 3))
    staged = stage_files(tmp_path, stream(line=POSITIVE), {"f": content.encode()})
    bad = [each for each in staged.bad if "broken" not in each[3] and "JSON" not in each[3]]
    assert [(number, field, reason) for number, _, field, reason in bad] == [
        (2, "lines.quantity", "quantity must be greater than 0 (check lines.positive)"),
        (4, "lines.quantity", "quantity must be greater than 0 (check lines.positive)"),
    ]
    starts = [content[: content.index(f'"id": {number}')].rindex("{") for number in (2, 4)]
    assert [line for _, line, _, _ in bad] == [content[:start].count("\n") + 1 for start in starts]
    assert sorted(set(staged.column("id"))) == [1, 3, 5]
    found = result(staged, "positive")
    assert (found.checked, found.failed, found.examples) == (6, 2, (2, 4))
    assert [json.loads(one.raw)["id"] for one in staged.rejections if one.check_name == "positive"] == [2, 4]


def test_a_dropped_record_is_set_aside_too_and_says_so(tmp_path):
    drop = {"positive": {**POSITIVE["positive"], "on_fail": "drop"}}
    staged = stage_files(tmp_path, stream(line=drop), {"f": lines(order(1, 0), order(2, 1)).encode()})
    assert [(one.check_name, one.action) for one in staged.rejections] == [("positive", "drop")]
    assert staged.read == [2]


def test_all_that_is_wrong_with_a_record_is_said_at_once(tmp_path):
    both = {
        "paid_for": {"range": {"column": "total", "min": 1}, "on_fail": "drop", "message": "nothing is free"},
        "known": {"not_null": "email", "on_fail": "quarantine"},
    }
    staged = stage_files(tmp_path, stream(both, POSITIVE), {"f": lines(order(1, 0, total=0, email=None)).encode()})
    (one,) = staged.rejections
    assert one.reason == (
        "nothing is free (check orders.paid_for); email must be there (check orders.known); "
        "quantity must be greater than 0 (check lines.positive)"
    )
    assert (one.field, one.check_name, one.action) == ("total", "paid_for, known, positive", "quarantine")


def test_a_value_of_the_wrong_type_is_said_before_any_check(tmp_path):
    content = lines(order(1, 0, total="much"), order(2, 1))
    staged = stage_files(tmp_path, stream(line=POSITIVE), {"f": content.encode()})
    assert [(field, one.check_name) for (_, _, field, _), one in zip(staged.bad, staged.rejections, strict=True)] == [
        ("total", None)
    ]


ROW_KINDS = [
    ({"not_null": "email"}, [None], ["", "x"]),
    ({"range": {"column": "total", "min": 1, "below": 10}}, [None, "0.99", "10.00"], ["1.00", "9.99"]),
    ({"range": {"column": "total", "min": 1}, "allow_null": True}, ["0.99"], [None, "1.00"]),
    ({"range": {"column": "day", "min": "2025-01-01"}}, [None, "2024-12-31"], ["2025-01-01"]),
    ({"accepted_values": {"column": "email", "values": ["a", "b"]}}, [None, "A", ""], ["a", "b"]),
    ({"accepted_values": {"column": "total", "values": [5, "7.50"]}}, [None, "6"], ["5.00", "7.5"]),
    ({"accepted_values": {"column": "paid", "values": [True]}}, [None, False], [True]),
    ({"pattern": {"column": "email", "regex": "[^@]+@[^@]+"}}, [None, "x", "a@b@c"], ["a@b"]),
    ({"expect": "total > 1 AND email IS NOT NULL"}, [None, "0.50"], ["2.00"]),
    ({"expect": "1 / (total - total) = 1"}, ["1.00"], []),
    ({"expect": "CAST(email AS INTEGER) > 0"}, [None, "x", "0"], ["1"]),
]


@pytest.mark.parametrize("form", [lines, with_a_broken_one])
@pytest.mark.parametrize(("body", "bad", "good"), ROW_KINDS, ids=lambda value: str(value)[:40])
def test_null_never_passes_by_accident_and_each_kind_tells_good_from_bad(tmp_path, body, bad, good, form):
    text = str(body)
    field = next(each for each in ("total", "day", "paid", "email") if each in text)
    field = "email" if "CAST(email" in text else field
    orders = [order(at, 1, **{field: value}) for at, value in enumerate([*bad, *good], 1)]
    checks = {"it": {**body, "on_fail": "quarantine"}}
    staged = stage_files(tmp_path, stream(checks), {"f": form(*orders).encode()})
    assert [number for number, _, _, reason in staged.bad if "(check orders.it)" in reason] == list(
        range(1, len(bad) + 1)
    )
    assert result(staged, "it").failed == len(bad)


def test_a_warning_is_counted_and_nothing_is_set_aside(tmp_path):
    warn = {"positive": {"range": {"column": "quantity", "above": 0}}}
    files = {"a": lines(order(1, 1, 0), order(2, -1)).encode(), "b": lines(order(3, 1)).encode(), "c": b""}
    staged = stage_files(tmp_path, stream(line=warn), files)
    assert not staged.rejections
    found = [result(staged, "positive", source) for source in range(3)]
    assert [(one.checked, one.failed, one.examples) for one in found] == [(3, 2, (1, 2)), (1, 0, ()), (0, 0, ())]


def test_the_first_examples_are_named_and_no_more(tmp_path):
    warn = {"positive": {"range": {"column": "quantity", "above": 0}}}
    orders = [order(number, 0 if number % 2 else 1, 0 if number % 2 else 1) for number in range(1, 41)]
    staged = stage_files(tmp_path, stream(line=warn), {"a": array(*orders).encode()})
    found = result(staged, "positive")
    assert found.failed == 40
    assert found.examples == (1, 3, 5)[: len(found.examples)]
    assert len(found.examples) >= 2


def test_a_file_that_fails_is_refused_whole_and_its_neighbours_are_not(tmp_path):
    fail = {"positive": {"range": {"column": "quantity", "above": 0}, "on_fail": "fail"}}
    files = {"a": lines(order(1, 1)).encode(), "b": lines(order(2, 1), order(3, 0), order(4, 0)).encode()}
    with pytest.raises(UnreadableShareError) as refused:
        stage_files(tmp_path, stream(line=fail), files)
    assert refused.value.source == 1
    assert str(refused.value) == "check lines.positive: quantity must be greater than 0: record 2 and 1 more"
    assert refused.value.checks[0]["failed"] == 2


def test_small_files_are_looked_at_one_by_one_where_one_has_a_bad_record(tmp_path):
    files = {
        f"f{number}": lines(order(number, 0 if number == 3 else 1), order(number + 50, 1)).encode()
        for number in range(9)
    }
    staged = stage_files(tmp_path, stream(line=POSITIVE), files)
    assert staged.read == [2] * 9
    assert [(staged.load.segments[one.segment].source, staged.number(one)) for one in staged.rejections] == [(3, 1)]


def test_nested_lists_are_looked_into(tmp_path):
    inner = {"id": "bigint required", "amount": "money from lines.taxes.amount", "sku": "string from lines.sku"}
    tables = {
        "orders": {"columns": {"id": "bigint required"}},
        "lines": {"rows": "lines", "columns": {"id": "bigint required", "sku": "string from lines.sku"}},
        "taxes": {
            "rows": "lines.taxes",
            "columns": inner,
            "checks": {"owed": {"expect": "amount >= 0 OR sku = 'refund'", "on_fail": "quarantine"}},
        },
    }
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    nested = parse_pipeline({"pipeline": "p", "sources": {"s": source}}, "p.yaml").streams[0]
    orders = [
        {"id": 1, "lines": [{"sku": "a", "taxes": [{"amount": 1}]}, {"sku": "b", "taxes": [{"amount": -1}]}]},
        {"id": 2, "lines": [{"sku": "refund", "taxes": [{"amount": -1}]}]},
        {"id": 3, "lines": [{"sku": "c", "taxes": []}, {"sku": "d"}]},
        {"id": 4},
    ]
    staged = stage_files(tmp_path, nested, {"f": lines(*orders).encode()})
    assert [(number, field) for number, _, field, _ in staged.bad] == [(1, "")]
    found = result(staged, "owed")
    assert (found.checked, found.failed) == (3, 1)


CSV = 'id,day,total,email\n1,2025-03-01,5.00,a@b\n\n2,2025-03-01,-1.00,"two\nlines"\n,,,\n3,2025-03-01,-2.00,c\n'


@pytest.mark.parametrize("more", ["", "x,2025-03-01,1.00,no number\n"], ids=["strictly", "with care"])
def test_rows_of_csv_are_set_aside_with_their_number_line_and_text(tmp_path, more):
    owed = {"owed": {"range": {"column": "total", "min": 0}, "on_fail": "quarantine"}}
    staged = stage_files(tmp_path, csv_stream(owed), {"f": (CSV + more).encode()})
    found = [(staged.number(one), one.line, one.raw) for one in staged.rejections if one.check_name]
    assert found == [(2, 4, '2,2025-03-01,-1.00,"two\nlines"'), (3, 7, "3,2025-03-01,-2.00,c")]
    assert staged.column("id") == [1]
    assert result(staged, "owed").failed == 2


def test_a_large_file_in_shares_keeps_numbers_and_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("orderlake.kernel.split.SMALL", 2_000)
    monkeypatch.setattr("orderlake.kernel.split.PIECE", 3_000)
    orders = [order(number, 0 if number % 97 == 0 else 1) for number in range(1, 1_000)]
    for form in (array, lines, one_line):
        content = form(*orders)
        staged = stage_files(tmp_path / form.__name__, stream(line=POSITIVE), {"f": content.encode()}, workers=3)
        expected = [
            (number, 1 + (number if form is array else 0 if form is one_line else number - 1))
            for number in range(97, 1_000, 97)
        ]
        assert [(number, line) for number, line, _, _ in staged.bad] == expected
        assert staged.read == [999]


@pytest.mark.parametrize(("count", "fails"), [(1, True), (2, False), (3, False), (4, True)])
def test_the_rows_of_a_file_are_counted(tmp_path, count, fails):
    staged = stage_files(
        tmp_path,
        stream({"some": {"row_count": {"min": 2, "max": 3}}}),
        {"f": lines(*(order(number, 1, 2) for number in range(count))).encode()},
    )
    found = result(staged, "some")
    assert (found.checked, found.failed, found.measured) == (1, int(fails), f"{count} rows")


def test_the_share_of_nulls_is_measured(tmp_path):
    emails = [None, None, "a", "b", "c"]
    content = lines(*(order(at, email=email) for at, email in enumerate(emails)))
    for most, fails in ((0.4, 0), (0.39, 1)):
        checks = {"known": {"null_share": {"column": "email", "max": most}}}
        found = result(stage_files(tmp_path / str(most), stream(checks), {"f": content.encode()}), "known")
        assert (found.failed, found.measured) == (fails, "0.4")


def test_freshness_is_against_the_files_own_time_and_an_empty_file_is_not_fresh(tmp_path):
    checks = {"fresh": {"freshness": {"column": "day", "within": "1 day"}}}
    engine = connect(tmp_path / "spill")
    try:
        noon = int(datetime(2025, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
        sources = []
        for at, day in enumerate(["2025-03-02", "2025-03-01", None]):
            path = tmp_path / f"f{at}"
            path.write_text(lines(order(1, 1, day=day)) if day else "", encoding="utf-8")
            sources.append((SourceObject(path.name, str(path), 1, noon), path))
        staged = staged_of(stage(engine, stream(checks), sources, tmp_path / "staged"))
    finally:
        engine.close()
    found = [result(staged, "fresh", at) for at in range(3)]
    assert [(one.failed, one.measured) for one in found] == [
        (0, "2025-03-02 00:00:00+00:00"),
        (1, "2025-03-01 00:00:00+00:00"),
        (1, "no row"),
    ]


def test_what_stands_twice_in_a_file_is_named_and_null_is_not_unique(tmp_path):
    checks = {"own": {"unique": "email"}}
    emails = ["a", "b", "a", None, "a"]
    content = lines(*(order(at, email=email) for at, email in enumerate(emails)))
    staged = stage_files(tmp_path, stream(checks), {"f": content.encode(), "g": lines(order(9, email="a")).encode()})
    found = [result(staged, "own", source) for source in range(2)]
    assert [(one.checked, one.failed, one.examples) for one in found] == [(5, 3, (3, 4, 5)), (1, 0, ())]


TIES = {
    "ties": {
        "key": "id",
        "header": {"table": "orders", "amount": "total"},
        "lines": {"table": "lines", "amount": "price * quantity"},
        "tolerance": 0.01,
    }
}


def test_header_and_lines_are_reconciled_per_order(tmp_path):
    orders = [
        order(1, 1, 1),
        order(2, 1),
        order(3, 2, total="5.01"),
        order(4, 2, total="5.02"),
        order(5, total="0"),
        order(6, total=None),
        order(7),
    ]
    staged = stage_files(tmp_path, stream(reconcile=TIES), {"f": lines(*orders).encode()})
    found = result(staged, "ties")
    assert (found.kind, found.checked, found.failed, found.examples) == ("reconcile", 7, 4, (2, 4, 6, 7))


IMPURE = [
    ("random() > 0.5", "gives another answer each time"),
    ("day < now()", "gives another answer each time"),
    ("day <= current_date", "gives another answer each time"),
    ("sum(total) > 0", "adds up rows"),
    ("row_number() OVER () > 0", "asks other rows"),
    ("total > (SELECT 1)", "asks other rows"),
    ("EXISTS (SELECT 1)", "asks other rows"),
    ("total > 0, true", "is not one SQL expression"),
    ("total FROM range(3)", "is not one SQL expression"),
    ("total >", "is no SQL expression"),
    ("colour = 'red'", "colour"),
    ("lower(total, 3) = 'x'", "lower"),
    ("day < current_timestamp", "there is no column current_timestamp"),
    ("day < localtimestamp", "there is no column localtimestamp"),
    ("day < current_localtimestamp()", "gives another answer each time"),
    ("age(day::TIMESTAMP) > INTERVAL 1 DAY", "gives another answer each time"),
    ("day > ago(INTERVAL 1 DAY)", "gives another answer each time"),
    ("#1 = 1", "by the row alone"),
    ("COLUMNS('total') > 0", "by the row alone"),
    ("total > 0 -- and more", "Parser Error"),
]


@pytest.mark.parametrize(("text", "says"), IMPURE, ids=[text for text, _ in IMPURE])
def test_an_expression_must_tell_by_the_row_alone(tmp_path, text, says):
    with pytest.raises(ConfigError) as refused:
        stage_files(tmp_path, stream({"it": {"expect": text}}), {"f": b"{}"})
    assert str(refused.value).startswith("shop: sources.orders.tables.orders.checks.it: ")
    assert says in str(refused.value)


AMOUNTS = [
    ("price * pieces", "there is no column pieces"),
    ("_rid", "there is no column _rid"),
    ("price -- net", "Parser Error"),
    ("sum(price)", "adds up rows"),
    ("sku AS price", "there is no column sku"),
    ("price AS amount", "Parser Error"),
]


@pytest.mark.parametrize(("text", "says"), AMOUNTS, ids=[text for text, _ in AMOUNTS])
def test_an_amount_to_reconcile_is_proven_before_anything_is_read(tmp_path, text, says):
    wrong = {"ties": {**TIES["ties"], "lines": {"table": "lines", "amount": text}}}
    with pytest.raises(ConfigError, match=r"shop: reconcile\.ties: ") as refused:
        stage_files(tmp_path, stream(reconcile=wrong), {"f": lines(order(1, 1)).encode()})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "body", [{"range": {"column": "day", "min": "soon"}}, {"accepted_values": {"column": "day", "values": ["soon"]}}]
)
def test_a_day_that_is_none_is_the_pipelines_fault_and_no_files(tmp_path, body):
    with pytest.raises(ConfigError, match=r"checks\.it: .*soon"):
        stage_files(tmp_path, stream({"it": body}), {"f": lines(order(1, 1)).encode()})


def test_an_arrow_into_json_is_asked_of_the_column_and_not_of_a_field_called_like_it(tmp_path):
    columns = {"id": "bigint required", "mail": "string from note", "other": "string from mail"}
    checks = {"it": {"expect": "(mail -> '$.a') IS NOT NULL", "on_fail": "quarantine"}}
    source = {"match": "*", "format": "json", "key": "id", "tables": {"orders": {"columns": columns, "checks": checks}}}
    own = parse_pipeline({"pipeline": "shop", "sources": {"orders": source}}, "shop.yaml").streams[0]
    content = lines(*({"id": at, "note": json.dumps({note: 1}), "mail": '{"a": 1}'} for at, note in enumerate("ab")))
    assert [number for number, *_ in stage_files(tmp_path, own, {"f": content.encode()}).bad] == [2]


@pytest.mark.parametrize("on_fail", ["warn", "quarantine"])
def test_a_regular_expression_that_is_none_is_refused(tmp_path, on_fail):
    checks = {"it": {"pattern": {"column": "email", "regex": "("}, "on_fail": on_fail}}
    with pytest.raises(ConfigError, match=r"checks\.it"):
        stage_files(tmp_path, stream(checks), {"f": b"{}"})


def test_an_expression_may_use_lambdas_and_any_case_of_letters(tmp_path):
    text = "len(list_filter(string_split(EMAIL, '@'), lambda total: total = '')) = 0"
    checks = {"it": {"expect": text, "on_fail": "quarantine"}}
    staged = stage_files(tmp_path, stream(checks), {"f": lines(order(1, email="a@"), order(2, email="a@b")).encode()})
    assert [number for number, *_ in staged.bad] == [1]


RAGGED = {
    "an array": '[{"id":1,"lines":[{"id":4},\n{"id":5},\n{"id":6}]},\n{"id":2,"total":-1},{"id":3},{"id":7}]',
    "values": '{"id":1,"lines":[{"id":4},\n{"id":5},\n{"id":6}]}\n{"id":2,"total":-1}{"id":3}{"id":7}',
}


@pytest.mark.parametrize("content", RAGGED.values(), ids=RAGGED)
def test_an_element_that_begins_a_line_is_not_taken_for_a_record_that_shares_one(tmp_path, content):
    checks = {"it": {"range": {"column": "total", "min": 0}, "on_fail": "quarantine", "allow_null": True}}
    staged = stage_files(tmp_path, stream(checks), {"f": content.encode()})
    assert [(one.position, one.line, one.raw) for one in staged.rejections] == [(2, 4, '{"id":2,"total":-1}')]
    assert sorted(set(staged.column("id"))) == [1, 3, 7]


def test_records_over_several_lines_keep_their_lines_however_many_are_set_aside(tmp_path):
    orders = [order(at, 1, total="-1" if at % 100 == 0 else "1") for at in range(1, 20_001)]
    checks = {"it": {"range": {"column": "total", "min": 0}, "on_fail": "quarantine"}}
    content = pretty(*orders)
    staged = stage_files(tmp_path, stream(checks), {"f": content.encode()})
    starts = [
        at for at, text in enumerate(content.split("\n"), 1) if text.strip() == "{" and not text.startswith("   ")
    ]
    assert [(number, line) for number, line, *_ in staged.bad] == [
        (at, starts[at - 1]) for at in range(100, 20_001, 100)
    ]


def test_a_thousand_records_set_aside_cost_no_memory_of_ours_and_keep_their_text(tmp_path):
    orders = [order(number, 0, email=f"ü{number}") for number in range(5_000)]
    staged = stage_files(tmp_path, stream(line=POSITIVE), {"f": array(*orders).encode()})
    assert len(staged.rejections) == 5_000
    assert all(json.loads(one.raw)["email"] == f"ü{at}" for at, one in enumerate(staged.rejections))
    assert staged.rows == ()

"""Checks through whole lakes: what is loaded, what is set aside, what is told of it, and what stands afterwards."""

from __future__ import annotations

import json
import os

import pytest
import yaml

from orderlake.cli import main
from orderlake.errors import ConfigError, NotFoundError
from orderlake.lake import Lake

pytestmark = pytest.mark.e2e

COLUMNS = {"order_id": "bigint required", "order_date": "date required", "total": "money", "email": "string"}
LINES = {
    "order_id": "bigint required",
    "n": "int from products.$position",
    "price": "money from products.price",
    "quantity": "int from products.quantity",
}


def pipeline(order=None, line=None, **more):
    source = {
        "match": "*.json*",
        "format": "json",
        "key": "order_id",
        "tables": {
            "orders": {"columns": COLUMNS, "checks": order or {}},
            "order_lines": {"rows": "products", "columns": LINES, "checks": line or {}},
            "plain": {"rows": "products", "format": "parquet", "columns": LINES},
        },
    }
    return {"pipeline": "shop", "sources": {"orders": source}} | more


@pytest.fixture
def lake(tmp_path):
    """A function that makes the project anew with a pipeline, and opens it."""
    opened: list[Lake] = []

    def of(document):
        if not (tmp_path / "pipelines").is_dir():
            Lake.init(tmp_path, ["orders"]).close()
            (tmp_path / "pipelines" / "orders.yaml").unlink()
        (tmp_path / "pipelines" / "shop.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        for one in opened:
            one.close()
        opened[:] = [Lake(tmp_path)]
        return opened[0]

    yield of
    for one in opened:
        one.close()


def order(number, *quantities, **more):
    products = [{"price": "2.50", "quantity": quantity} for quantity in quantities]
    return {"order_id": number, "order_date": "2025-03-01", "total": "2.50", "products": products} | more


def put(folder, name, *orders, at=1_740_000_000):
    path = folder / "raw" / name
    path.write_text("".join(json.dumps(each) + "\n" for each in orders), encoding="utf-8")
    os.utime(path, (at, at))
    return path


QUARANTINE = {"positive": {"range": {"column": "quantity", "above": 0}, "on_fail": "quarantine"}}


def test_what_checks_found_is_a_table_that_can_be_asked(lake, tmp_path):
    opened = lake(pipeline({"mail": {"not_null": "email"}}, QUARANTINE))
    put(tmp_path, "a.json", order(1, 1, email="a@b.example"), order(2, 1), order(3, 0))
    put(tmp_path, "b.json", order(4, 2))
    opened.run()
    rows = opened.query(
        "SELECT source, table_name, check_name, kind, on_fail, checked, failed, passed, message, examples "
        "FROM check_results ORDER BY ALL"
    ).rows
    assert rows == (
        (
            "raw/a.json",
            "order_lines",
            "positive",
            "range",
            "quarantine",
            3,
            1,
            False,
            "quantity must be greater than 0",
            "3",
        ),
        ("raw/a.json", "orders", "mail", "not_null", "warn", 3, 2, False, "email must be there", "2, 3"),
        (
            "raw/b.json",
            "order_lines",
            "positive",
            "range",
            "quarantine",
            1,
            0,
            True,
            "quantity must be greater than 0",
            "",
        ),
        ("raw/b.json", "orders", "mail", "not_null", "warn", 1, 1, False, "email must be there", "1"),
    )
    assert opened.query("SELECT DISTINCT load_id FROM check_results").rows == ((opened.loads()[0].load_id,),)
    assert opened.verify().ok


def test_every_record_is_accounted_for_whatever_checks_do_with_it(lake, tmp_path):
    drop = {"known": {"not_null": "email", "on_fail": "drop"}}
    opened = lake(pipeline(drop, QUARANTINE))
    put(
        tmp_path,
        "a.json",
        order(1, 1, email="a"),
        order(2, 1),
        order(3, 0, email="a"),
        order(4, 0),
        order(1, 1, email="a"),
    )
    (report,) = opened.run()
    assert (report.read, report.loaded, report.quarantined, report.superseded + report.duplicate) == (5, 1, 3, 1)
    actions = opened.query("SELECT position, check_name, action FROM quarantine ORDER BY position").rows
    assert actions == ((2, "known", "drop"), (3, "positive", "quarantine"), (4, "known, positive", "quarantine"))
    assert opened.query("SELECT count(*) FROM plain").rows == ((1,),)
    assert opened.verify().ok


def test_a_file_that_fails_a_check_is_rejected_and_the_others_load(lake, tmp_path):
    fail = {"many": {"row_count": {"min": 2}, "on_fail": "fail"}}
    opened = lake(pipeline(fail))
    put(tmp_path, "a.json", order(1, 1))
    put(tmp_path, "b.json", order(2, 1), order(3, 1))
    found = {report.source: report for report in opened.run()}
    assert found["raw/b.json"].status == "loaded"
    rejected = found["raw/a.json"]
    assert (rejected.status, rejected.reason) == (
        "rejected",
        "check orders.many: a file must have at least 2 rows, found 1 rows",
    )
    assert [(check["name"], check["failed"]) for check in rejected.checks] == [("many", 1)]
    opened = lake(pipeline({"many": {"row_count": {"min": 1}, "on_fail": "fail"}}))
    assert {report.source: report.status for report in opened.run()}["raw/a.json"] == "loaded"
    assert opened.verify().ok


def test_a_mended_record_is_not_asked_what_files_are_asked(lake, tmp_path):
    many = {"many": {"row_count": {"min": 3}, "on_fail": "fail"}}
    opened = lake(pipeline(many, QUARANTINE))
    put(tmp_path, "a.json", order(1, 1), order(2, 1), order(3, 1), order(4, -1))
    opened.run()
    (record,) = opened.quarantine()
    assert opened.fix(record["source"], record["position"], json.dumps(order(4, 1))).outcome == "loaded"
    assert opened.load_account("a.json").load_id != opened.loads()[-1].load_id
    assert all(state.failed == 0 for state in opened.check())
    assert opened.verify().ok


def test_a_corrected_order_takes_its_place_and_the_wrong_one_stays_out(lake, tmp_path):
    opened = lake(pipeline(line=QUARANTINE))
    put(tmp_path, "a.json", order(1, 1), order(2, 0))
    opened.run()
    put(tmp_path, "b.json", order(2, 5), order(1, 0), at=1_750_000_000)
    opened.run()
    assert opened.query("SELECT order_id, quantity FROM order_lines ORDER BY ALL").rows == ((1, 1), (2, 5))
    assert opened.verify().ok


def items(checks):
    head = {
        "match": "orders*.csv",
        "format": "csv",
        "key": "id",
        "tables": {"heads": {"columns": {"id": "string required"}}},
    }
    columns = {"id": "string required", "n": "int required", "amount": "money"}
    rows = {
        "match": "items*.csv",
        "format": "csv",
        "key": ["id", "n"],
        "tables": {"items": {"columns": columns, "checks": checks}},
    }
    paid = {"id": "string required", "paid": "money"}
    pays = {"match": "paid*.csv", "format": "csv", "key": "id", "tables": {"payments": {"columns": paid}}}
    ties = {
        "key": "id",
        "header": {"table": "payments", "amount": "paid"},
        "lines": {"table": "items", "amount": "amount"},
        "tolerance": 0.01,
    }
    sources = {"items": rows, "orders": head, "pays": pays}
    return {"pipeline": "shop", "sources": sources, "reconcile": {"ties": ties}}


RELATED = {"has_order": {"relationship": {"column": "id", "to": "heads.id"}}}


def write(folder, name, text, at=1_740_000_000):
    (folder / "raw" / name).write_text(text, encoding="utf-8")
    os.utime(folder / "raw" / name, (at, at))


def test_what_refers_to_others_is_loaded_after_them_and_told_by_what_stands(lake, tmp_path):
    opened = lake(items(RELATED))
    write(tmp_path, "items.csv", "id,n,amount\na,1,1.00\nb,1,2.00\nc,1,3.00\n", at=1_700_000_000)
    write(tmp_path, "orders.csv", "id\na\nb\n")
    opened.run()
    (found,) = [check for load in opened.loads() for check in load.checks]
    assert (found["name"], found["checked"], found["failed"], found["examples"]) == ("has_order", 3, 1, [3])
    (state,) = opened.check(["has_order"])
    assert (state.failed, state.examples) == (1, ("c, 1",))
    write(tmp_path, "orders2.csv", "id\nc\n")
    opened.run()
    assert [each.failed for each in opened.check(["items.has_order"])] == [0]


def test_orders_whose_sums_differ_are_listed_one_by_one(lake, tmp_path):
    opened = lake(items(RELATED))
    write(tmp_path, "items.csv", "id,n,amount\na,1,1.00\na,2,1.00\nb,1,2.00\nc,1,3.00\nd,1,\n")
    write(tmp_path, "paid.csv", "id,paid\na,2.00\nb,2.01\nc,3.02\nd,1.00\ne,5.00\n")
    opened.run()
    ((state, result),) = opened.failing("ties")
    assert (state.checked, state.failed) == (5, 3)
    assert [tuple(map(str, row)) for row in result.rows] == [
        ("c", "3.02", "3.00", "0.02"),
        ("d", "1.00", "None", "None"),
        ("e", "5.00", "0.00", "5.00"),
    ]


KINDS = {
    "there": ({"not_null": "email"}, 2),
    "big": ({"range": {"column": "total", "min": 3}}, 3),
    "one": ({"unique": "total"}, 3),
    "share": ({"null_share": {"column": "email", "max": 0.5}}, 1),
    "fresh": ({"freshness": {"column": "order_date", "within": "1 day"}}, 1),
    "rows": ({"row_count": {"max": 2}}, 1),
}


def test_each_kind_stands_as_the_tables_are(lake, tmp_path):
    opened = lake(pipeline({name: body for name, (body, _) in KINDS.items()}))
    put(tmp_path, "a.json", order(1, email="a"), order(2), order(3, total=None))
    opened.run()
    found = {state.name: state.failed for state in opened.check()}
    assert found == {name: failed for name, (_, failed) in KINDS.items()}
    with pytest.raises(NotFoundError, match="there is no check nothing; the project has big, fresh"):
        opened.check(["nothing"])


def test_the_command_tells_what_does_not_hold(lake, tmp_path, capsys, monkeypatch):
    lake(pipeline({"there": {"not_null": "email"}}, {"positive": {"range": {"column": "quantity", "above": 0}}}))
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "a.json", order(1, 0, email="a"), order(2, 1))
    assert main(["run"]) == 0
    out = capsys.readouterr().out
    assert "check orders.there: email must be there (1 of 2): record 2" in out
    assert "check order_lines.positive: quantity must be greater than 0 (1 of 2): record 1" in out
    assert main(["check"]) == 0
    assert "(2 checks of 2 do not hold)" in capsys.readouterr().out
    assert main(["check", "--strict"]) == 65
    capsys.readouterr()
    assert main(["check", "positive", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert [(row["order_id"], row["quantity"]) for row in told["rows"]] == [(1, 0)]


def test_a_check_whose_sql_is_wrong_stops_the_run_before_anything_is_loaded(lake, tmp_path):
    opened = lake(pipeline({"odd": {"expect": "colour = 'red'"}}))
    put(tmp_path, "a.json", order(1, 1))
    with pytest.raises(ConfigError, match=r"shop: sources\.orders\.tables\.orders\.checks\.odd"):
        opened.run()
    assert opened.loads() == []

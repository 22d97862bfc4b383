"""What the tables held before, and what one load did: asked as people ask, over loads that really happened."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime

import pytest

from orderlake import Lake
from orderlake.cli import main
from orderlake.errors import ConfigError, NotFoundError, QueryError
from orderlake.explain.layouts import layouts_of
from orderlake.tables import commit
from tests.reference import NOON, SECOND, new_lake, order, put, written

pytestmark = pytest.mark.e2e

BOTH = (
    "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines), (SELECT sum(total_amount) FROM orders)"
)


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        yield opened


def load(lake, name, records, at):
    """Load a file; the id of its load."""
    written(lake, lake.project.raw / name, records, at)
    return next(report for report in lake.run() if report.source == f"raw/{name}" and report.status == "loaded").load_id


@pytest.fixture
def three(lake):
    """Three loads: two orders, a correction of one that loses a line, another order."""
    return [
        load(lake, "orders_1.json", [order(1, "A", "B"), order(2, "A")], NOON),
        load(lake, "orders_2.json", [order(1, "A", total="20.00")], NOON + SECOND),
        load(lake, "orders_3.json", [order(3, "C")], NOON + 2 * SECOND),
    ]


def test_all_tables_are_as_they_were_right_after_a_load(lake, three):
    seen = [lake.query(BOTH, as_of=one).rows[0] for one in three]
    assert [(orders, lines, float(total)) for orders, lines, total in seen] == [(2, 3, 20), (2, 2, 30), (3, 3, 40)]
    assert lake.query(BOTH, as_of=three[2]).rows == lake.query(BOTH).rows
    assert lake.query(BOTH, as_of=three[1][:8]).rows == lake.query(BOTH, as_of=three[1]).rows


def test_a_header_and_its_lines_are_of_one_moment_whatever_the_millisecond(lake, three):
    """Snapshots of one commit differ by milliseconds: no time between them parts an order from its lines."""
    house = lake._backends.house
    layouts = [layout for layout in layouts_of(lake._backends) if layout.name in ("orders", "order_lines")]
    opened = house.open(layouts, files=False)
    times = sorted(each.timestamp_ms for one in opened.values() for each in one.metadata.snapshots)
    pairs = {lake.query(BOTH, as_of=three[at]).rows[0][:2] for at in range(3)} | {(0, 0)}
    for at in range(times[0] - 2, times[0] + 8):
        moment = datetime.fromtimestamp(at / 1000, UTC).isoformat()
        assert lake.query(BOTH, as_of=moment).rows[0][:2] in pairs


def test_a_time_is_of_this_machines_zone_unless_it_says_its_own(lake, three, monkeypatch):
    after = datetime.now(UTC)
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    try:
        found = lake.query(BOTH, as_of=after.astimezone().replace(tzinfo=None).isoformat(sep=" "))
        assert found.rows == lake.query(BOTH).rows
        assert "this machine's zone, -03" in found.notes[0]
        there = lake.query(BOTH, as_of=after.isoformat())
        assert (there.rows, "the zone given" in there.notes[0]) == (found.rows, True)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_before_the_first_load_there_were_no_rows_and_that_is_said(lake, three):
    found = lake.query("SELECT count(*) FROM orders", as_of="2 days ago")
    assert found.rows == ((0,),)
    assert "orders had no rows then: its first are of 20" in found.notes[1]
    assert "counted back from now" in found.notes[0]


def test_plain_parquet_has_no_history_and_its_twin_is_named(lake, three):
    with pytest.raises(ConfigError, match="keeps no history: ask order_lines or orders"):
        lake.query("SELECT * FROM orders_parquet_datalake", as_of=three[0])


def test_what_lies_further_back_than_snapshots_are_kept_is_refused_with_how_far_one_can_go(lake, monkeypatch):
    monkeypatch.setattr(commit, "KEEP_SNAPSHOTS", 2)
    loads = [load(lake, f"orders_{at}.json", [order(at, "A")], NOON + at * SECOND) for at in range(1, 5)]
    assert lake.query("SELECT count(*) FROM orders", as_of=loads[2]).rows == ((3,),)
    with pytest.raises(NotFoundError, match=r"orders cannot be asked right after load .* goes back to \d{4}-"):
        lake.query("SELECT count(*) FROM orders", as_of=loads[0])
    with pytest.raises(NotFoundError, match="ask for a later moment"):
        lake.query("SELECT count(*) FROM orders", as_of="1 day ago")


def test_columns_are_those_of_the_time(lake, three):
    file = lake.project.pipelines / "orders.yaml"
    file.write_text(
        file.read_text("utf-8").replace("total_amount: money", "total_amount: money\n          note: string", 1)
    )
    with Lake(lake.project.root) as later:
        last = load(later, "orders_4.json", [order(4, "D", note="new")], NOON + 4 * SECOND)
        assert "note" in later.query("SELECT * FROM orders", as_of=last).columns
        before = later.query("SELECT * FROM orders ORDER BY order_id", as_of=three[2])
        assert "note" not in before.columns
        assert [row[0] for row in before.rows] == [1, 2, 3]
        with pytest.raises(QueryError, match="note"):
            later.query("SELECT note FROM orders", as_of=three[2])


def test_data_files_of_the_past_outlive_a_compaction(lake, three):
    before = [lake.query(BOTH, as_of=one).rows for one in three]
    lake.maintain()
    assert [lake.query(BOTH, as_of=one).rows for one in three] == before


@pytest.mark.parametrize("text", ["yesterday-ish", "2099-01-01", "10 ago", ""])
def test_what_is_no_moment_is_refused_with_what_is_one(lake, three, text):
    with pytest.raises(ConfigError, match="2024-03-01T12:00"):
        lake.query("SELECT 1", as_of=text)


def test_a_load_that_there_is_not_is_not_found(lake, three):
    with pytest.raises(NotFoundError, match="there is no load ffff"):
        lake.query("SELECT 1", as_of="ffff")


def test_the_command_line_says_the_moment_on_stderr_and_rows_on_stdout(lake, three, capsys):
    root = str(lake.project.root)
    assert main(["query", "--project", root, "--as-of", three[0], "SELECT count(*) AS n FROM orders", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == [{"n": 2}]
    assert f"right after load {three[0]}" in json.loads(said.err)["note"]


def test_a_load_is_told_with_what_it_replaced_and_what_replaced_it(lake, three):
    account = lake.load_account(three[0][:10])
    assert account.counts == {"read": 2, "loaded": 2, "superseded": 0, "duplicate": 0, "quarantined": 0}
    assert (account.written["order_lines"], account.standing["order_lines"]) == (3, 1)
    assert [(one.source, one.records) for one in account.replaced_since] == [("raw/orders_2.json", 1)]
    assert {one.table for one in account.snapshots} == {"orders", "order_lines", "check_results"}
    later = lake.load_account("orders_2.json")
    assert [(one.source, one.records, one.load_id) for one in later.replaced] == [("raw/orders_1.json", 1, three[0])]


def test_a_load_is_told_with_its_set_aside_records_by_reason(lake, capsys):
    bad = [order(1, "A", day="no day"), order(2, "A", day="none"), order(3, "A")]
    written(lake, lake.project.raw / "orders_1.json", bad, NOON)
    lake.run()
    account = lake.load_account("raw/orders_1.json")
    assert [(group.field, group.records, len(group.examples)) for group in account.set_aside] == [("order_date", 2, 2)]
    assert main(["loads", "--project", str(lake.project.root), "show", account.load_id[:8]]) == 0
    said = capsys.readouterr().out
    assert "3 read = 1 loaded + 2 quarantined" in said
    assert "2 records: order_date" in said
    assert "raw/orders_1.json record 1, line 1" in said


def test_a_load_says_whether_its_pipeline_has_changed_since(lake, three, capsys):
    assert lake.load_account(three[0]).definition == lake.load_account(three[0]).definition_now
    file = lake.project.pipelines / "orders.yaml"
    file.write_text(file.read_text("utf-8").replace("total_amount: money", "total_amount: decimal(20,2)"), "utf-8")
    assert main(["loads", "--project", str(lake.project.root), "show", three[0]]) == 0
    assert "it has changed since" in capsys.readouterr().out


def test_a_rejected_file_is_told_with_its_reason(lake):
    path = lake.project.raw / "orders_1.json"
    path.write_bytes(b"\x1f\x8bnothing")
    os.utime(path, ns=(NOON, NOON))
    lake.run()
    account = lake.load_account("orders_1.json")
    assert account.status == "rejected"
    assert account.files[0].reason
    with pytest.raises(ConfigError, match="was rejected, and changed nothing"):
        lake.query("SELECT 1", as_of=account.load_id)


def test_several_loads_that_may_be_meant_are_listed(lake, three):
    with pytest.raises(ConfigError, match=r"may be any of 3 sources: raw/orders_1\.json"):
        lake.load_account("orders_")
    with pytest.raises(NotFoundError, match="there is no load nothing"):
        lake.load_account("nothing")


def test_show_without_an_id_and_an_id_without_show_say_what_is_meant(lake, capsys):
    root = str(lake.project.root)
    assert main(["loads", "--project", root, "show"]) == 78
    assert "say which load" in capsys.readouterr().err
    assert main(["loads", "--project", root, "list", "abc"]) == 78
    assert "orderlake loads show abc" in capsys.readouterr().err


def test_a_rollback_is_told_as_what_it_took_back_and_put_back_and_its_load_says_so(lake, three, capsys):
    root = str(lake.project.root)
    assert main(["rollback", "--project", root, three[1], "--yes"]) == 0
    undone = lake.loads()[-1].load_id
    account = lake.load_account(undone)
    assert [(one.source, one.records) for one in account.replaced] == [("raw/orders_2.json", 1)]
    assert [(one.source, one.records) for one in account.restored] == [("raw/orders_1.json", 1)]
    assert (account.standing["orders"], account.replaced_since, account.rolled_back) == (1, (), ())
    before = lake.load_account(three[1])
    assert [(one.load_id, one.records) for one in before.rolled_back] == [(undone, 1)]
    assert main(["loads", "--project", root, "show", undone]) == 0
    assert "It put back" in capsys.readouterr().out
    seen = [lake.query("SELECT sum(total_amount) FROM orders", as_of=one).rows[0][0] for one in (*three, undone)]
    assert [float(total) for total in seen] == [20, 30, 40, 30]


def test_checks_of_a_load_are_told_over_all_its_files(lake, capsys):
    for number in range(2):
        put(lake.project.raw / f"orders_{number}.json", [order(number, "A", total="1.00")], NOON)
    lake.run()
    assert main(["loads", "--project", str(lake.project.root), "show", lake.loads()[0].load_id]) == 0
    said = capsys.readouterr().out
    assert "failed  orders.total_is_the_sum_of_the_lines (reconcile, warn)  2 of 2" in said
    assert "  hold    " in said

"""`orderlake run`: a line per file, a sum at the end, an exit code to rely on."""

import re
import sys

import pytest

from orderlake.cli import main
from orderlake.cli.account import equation, line
from orderlake.lake import Lake
from orderlake.model.report import LoadReport

BAD = {"order_id": "x", "order_date": "2024-01-05"}


def test_a_loaded_file_is_one_line_that_adds_up(cli, put):
    put("orders_1.json")
    answer = cli("run")
    assert answer.code == 0
    tables = r"orders 2; order_lines 1; orders_parquet_datalake 1; \d+\.\d\d s"
    assert re.fullmatch(rf"loaded     raw/orders_1\.json  2 read = 2 loaded  \({tables}\)", answer.lines[0])
    assert len(answer.lines) == 1


def test_several_files_end_with_a_sum(cli, put):
    put("orders_1.json")
    put("orders_2.json", [{"order_id": 1, "order_date": "2024-01-06", "total_amount": 0}], age=30)
    answer = cli("run")
    assert len(answer.lines) == 3
    assert answer.lines[-1].startswith("2 files: 2 loaded; records: 3 read = 2 loaded + 1 superseded; ")


def test_with_nothing_in_raw_it_says_so(cli, project):
    assert cli("run").lines == [f"nothing new: there are no files in {project / 'raw'}"]


def test_what_is_loaded_already_is_nothing_new(cli, loaded):
    assert cli("run").lines == ["nothing new: 1 file loaded already"]


def test_a_file_that_is_named_is_answered_even_when_it_is_loaded_already(cli, loaded):
    answer = cli("run", "raw/orders_1.json")
    assert answer.code == 0
    assert answer.lines[0].startswith("unchanged  raw/orders_1.json  loaded already on 2")


def test_a_rejected_file_exits_with_65_after_the_others_have_loaded(cli, put):
    put("orders_1.json", '{"order_id": ', age=90)
    put("orders_2.json")
    answer = cli("run")
    assert answer.code == 65
    assert any(said.startswith("rejected   raw/orders_1.json  the JSON ends") for said in answer.lines)
    assert any(said.startswith("loaded     raw/orders_2.json  2 read") for said in answer.lines)
    assert answer.lines[-1].startswith("2 files: 1 loaded, 1 rejected; ")
    assert cli("query", "SELECT count(*) AS n FROM orders", "--json").json == [{"n": 2}]


def test_quarantined_records_do_not_fail_a_run_and_a_hint_is_given(cli, put):
    put("orders_1.json", [{"order_id": 1, "order_date": "2024-01-05"}, BAD])
    answer = cli("run")
    assert answer.code == 0
    assert "2 read = 1 loaded + 1 quarantined" in answer.lines[0]
    assert "orderlake quarantine list" in answer.lines[-1]


def test_json_is_a_list_of_accounts_and_nothing_else(cli, put):
    put("orders_1.json", "[", age=90)
    size = put("orders_2.json").stat().st_size
    answer = cli("run", "--json")
    assert answer.code == 65
    rejected, loaded = sorted(answer.json, key=lambda report: report["source"])
    assert rejected["status"] == "rejected"
    assert rejected["reason"]
    facts = {"source", "pipeline", "status", "read", "loaded", "superseded", "duplicate", "quarantined"}
    assert facts | {"tables", "bytes", "seconds", "reason"} <= set(loaded)
    assert loaded["status"] == "loaded"
    assert (loaded["read"], loaded["loaded"], loaded["reason"]) == (2, 2, None)
    assert loaded["tables"] == {"orders": 2, "order_lines": 1, "orders_parquet_datalake": 1}
    assert loaded["bytes"] == size


def test_json_of_nothing_is_an_empty_list(cli, project):
    answer = cli("run", "--json")
    assert (answer.code, answer.json) == (0, [])


def test_json_tells_what_was_done_before_an_error(cli, loaded, monkeypatch):
    report = line_report("loaded")

    def fail(self, paths, pipeline, on_report, **_):
        on_report(report)
        raise OSError(28, "No space left on device", "/lake")

    monkeypatch.setattr(Lake, "run", fail)
    answer = cli("run", "--json")
    assert answer.code == 70
    assert [done["source"] for done in answer.json] == ["raw/a.json"]
    assert "No space left" in answer.err


def test_a_file_that_is_not_there_is_named(cli, project):
    answer = cli("run", "raw/nope.json")
    assert answer.code == 66
    assert answer.err == "orderlake: there is no file or folder raw/nope.json\n"


def test_an_unknown_pipeline_is_answered_with_those_there_are(cli, put):
    put("orders_1.json")
    answer = cli("run", "--pipeline", "nope")
    assert answer.code == 78
    assert "the project has orders" in answer.err


def test_paths_and_options_may_come_in_any_order(cli, put):
    put("orders_1.json")
    put("orders_2.json", [{"order_id": 9, "order_date": "2024-01-06"}])
    answer = cli("run", "raw/orders_1.json", "--json", "raw/orders_2.json")
    assert [report["status"] for report in answer.json] == ["loaded", "loaded"]


def test_a_reader_who_leaves_does_not_stop_the_load(cli, put, monkeypatch):
    put("orders_1.json")
    put("orders_2.json", [{"order_id": 9, "order_date": "2024-01-06"}])

    class Gone:
        encoding = "utf-8"

        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def fileno(self):
            raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Gone())
        assert main(["run"]) == 0
    assert cli("query", "SELECT count(*) AS n FROM orders", "--json").json == [{"n": 3}]


@pytest.mark.parametrize(
    ("counts", "read", "told"),
    [
        ({"loaded": 12}, 12, "12 read = 12 loaded"),
        (
            {"loaded": 8, "superseded": 2, "duplicate": 1, "quarantined": 1},
            12,
            "12 read = 8 loaded + 2 superseded + 1 duplicate + 1 quarantined",
        ),
        ({"duplicate": 1200}, 1200, "1,200 read = 1,200 duplicate"),
        ({}, 0, "0 read"),
    ],
)
def test_the_account_of_records_leaves_out_what_is_zero(counts, read, told):
    assert equation(counts, read) == told


def test_a_rejection_without_a_reason_still_says_something(cli):
    assert line(line_report("rejected")) == "rejected   raw/a.json  it cannot be read"


def line_report(status):
    return LoadReport("raw/a.json", "orders", status, "i", "l", 1, "2024-01-01T00:00:00.000+00:00")

"""`tables`, `loads`, `verify`, `quarantine list`: what a lake tells of itself."""

import json

import pytest

from orderlake.lake import Lake
from orderlake.tables.layout import system_layouts

BAD = {"order_id": "x", "order_date": "2024-01-05", "note": "first line\nsecond " + "long " * 30}


@pytest.fixture
def with_quarantine(loaded, put, cli):
    put("orders_2.json", [BAD, {"order_id": 5, "order_date": "never"}], age=30)
    put("orders_3.json", [{"order_date": "2024-01-05"}], age=20)
    assert cli("run").code == 0
    return loaded


def test_tables_are_listed_with_rows_files_and_snapshots(cli, loaded):
    answer = cli("tables")
    assert answer.lines[0].split() == ["table", "pipeline", "format", "rows", "files", "size", "snapshots", "health"]
    rows = {line.split()[0]: line.split() for line in answer.lines[2:]}
    assert list(rows) == ["orders", "order_lines", "orders_parquet_datalake", "check_results"]
    assert rows["orders"][1:5] == ["orders", "iceberg", "2", "2"]
    assert rows["orders"][-2:] == ["1", "100"]
    assert rows["orders_parquet_datalake"][1:5] == ["orders", "parquet", "1", "1"]
    assert rows["orders_parquet_datalake"][-1] == "-"


def test_tables_count_what_is_there_to_query(cli, loaded):
    for table in cli("tables", "--json", "--all").json:
        if not table["name"].startswith("_"):
            counted = cli("query", f"SELECT count(*) AS n FROM {table['name']}", "--json").json
            assert counted == [{"n": table["rows"]}]


def test_tables_have_no_rows_before_the_first_load(cli, project):
    assert [(table["rows"], table["files"], table["bytes"]) for table in cli("tables", "--json").json] == [
        (0, 0, 0)
    ] * 3


def test_tables_of_our_own_are_shown_only_when_asked_for(cli, loaded):
    own = ["_index_orders", *(layout.name for layout in system_layouts())]
    assert [table["name"] for table in cli("tables", "--all", "--json").json][3:] == own


def test_quarantine_is_a_table_once_it_has_rows(cli, with_quarantine):
    rows = {table["name"]: table["rows"] for table in cli("tables", "--json").json}
    assert rows["quarantine"] == 3
    assert "quarantine_drops" not in rows


def test_a_project_without_pipelines_says_what_to_do(cli, project):
    (project / "pipelines" / "orders.yaml").unlink()
    assert "orderlake init . --pipeline orders" in cli("tables").out


def test_loads_are_listed_newest_last(cli, with_quarantine):
    answer = cli("loads")
    assert [line.split()[4] for line in answer.lines[2:]] == [
        "raw/orders_1.json",
        "raw/orders_2.json",
        "raw/orders_3.json",
    ]
    last = cli("loads", "--limit", "1", "--json").json
    assert [load["source"] for load in last] == ["raw/orders_3.json"]
    assert last[0]["quarantined"] == 1
    assert {"identity", "load_id", "version", "definition", "tables"} <= set(last[0])


def test_loads_can_be_chosen_by_source_and_status(cli, loaded, put):
    put("orders_2.json", "[")
    cli("run")
    assert [load["source"] for load in cli("loads", "--status", "rejected", "--json").json] == ["raw/orders_2.json"]
    assert [load["status"] for load in cli("loads", "--source", "ers_1", "--json").json] == ["loaded"]
    assert "no load is like that" in cli("loads", "--source", "nope").out


def test_without_loads_it_says_what_to_do(cli, project):
    assert "orderlake run" in cli("loads").out
    assert cli("loads", "--json").json == []


def test_a_limit_of_none_lists_none(cli, loaded):
    assert cli("loads", "--limit", "0", "--json").json == []


def test_verify_says_ok_with_what_it_counted(cli, loaded):
    answer = cli("verify")
    assert answer.code == 0
    assert answer.out.startswith("ok: 1 source conserved, 2 records, 3 tables, ")
    assert "files whole and sealed, keys unique, headers and lines agree, plain files equal their tables" in answer.out
    assert cli("verify", "--json").json["ok"] is True


def test_verify_tells_each_finding_and_exits_with_65(cli, loaded):
    next((loaded / "lake" / "orders_parquet_datalake").glob("*.parquet")).unlink()
    answer = cli("verify")
    assert answer.code == 65
    assert answer.lines[0].startswith("1 finding in 1 source, 3 tables, ")
    assert answer.lines[1].startswith("wrong  orders_parquet_datalake: the file ")
    assert answer.lines[2].startswith("       restore it")
    told = cli("verify", "--json")
    assert (told.code, told.json["ok"]) == (65, False)
    (found,) = told.json["found"]
    assert (found["kind"], found["table"]) == ("gone", "orders_parquet_datalake")
    assert told.json["findings"] == [found["message"]]


def test_verify_tells_what_takes_room_and_is_ok_all_the_same(cli, loaded):
    (loaded / "lake" / ".pending").mkdir(exist_ok=True)
    (loaded / "lake" / ".pending" / "left.parquet").write_bytes(b"left")
    assert "no orphan" in cli("verify").out
    answer = cli("verify", "--orphan-hours", "0")
    assert answer.code == 0
    assert "1 orphan" in answer.lines[0]
    assert answer.lines[1].startswith("waste  the file ")
    assert "--orphan-hours" in cli("verify", "--orphan-hours", "-1").err


def test_verify_in_a_hurry_says_what_it_did_not_open(cli, loaded):
    answer = cli("verify", "--quick")
    assert "files there" in answer.out
    assert "sealed" not in answer.out
    assert cli("verify", "--quick", "--json").json["quick"] is True


def test_quarantined_records_are_listed_with_their_reasons(cli, with_quarantine):
    answer = cli("quarantine", "list")
    assert answer.code == 0
    assert answer.lines[0].split() == ["id", "source", "position", "line", "status", "field", "reason", "record"]
    assert answer.lines[2].split()[1:6] == ["raw/orders_2.json", "1", "1", "open", "order_id"]
    assert answer.lines[2].endswith("…")
    assert answer.lines[-1] == "(3 records; --json shows them whole)"


def test_quarantined_records_are_whole_in_json(cli, with_quarantine):
    found = cli("quarantine", "list", "--json").json
    assert [(one["source"], one["position"]) for one in found] == [
        ("raw/orders_2.json", 1),
        ("raw/orders_2.json", 2),
        ("raw/orders_3.json", 1),
    ]
    assert json.loads(found[0]["record"]) == BAD
    assert found[0]["quarantined_at"].endswith("+00:00")
    assert {"pipeline", "load_id", "line", "field", "reason"} <= set(found[0])


def test_quarantined_records_can_be_chosen_by_source_and_number(cli, with_quarantine):
    assert len(cli("quarantine", "--source", "orders_2", "--json").json) == 2
    assert [one["source"] for one in cli("quarantine", "--limit", "1", "--json").json] == ["raw/orders_3.json"]
    assert "from a source like it's" in cli("quarantine", "--source", "it's").out


def test_an_empty_quarantine_is_said_to_be_empty(cli, loaded):
    assert cli("quarantine", "list").lines == ["no record is in quarantine"]


def test_the_python_api_has_the_same_words(with_quarantine):
    with Lake(with_quarantine) as lake:
        assert [table.name for table in lake.tables()][3:] == ["quarantine", "check_results"]
        assert len(lake.quarantine(limit=2)) == 2


def test_a_quarantined_record_is_fixed_from_a_file(cli, with_quarantine, tmp_path):
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(BAD | {"order_id": 77}))
    which = ("--source", "raw/orders_3.json", "--position", "1")
    assert "loaded" in cli("quarantine", "fix", *which, "--record", str(mended)).out
    found = {one["source"]: one["status"] for one in cli("quarantine", "--status", "all", "--json").json}
    assert (found["raw/orders_3.json"], found["raw/orders_2.json"]) == ("fixed", "open")
    again = cli("quarantine", "fix", *which, "--record", str(mended), "--json").json
    assert (again["outcome"], again["is_new"]) == ("loaded", False)


def test_a_replay_that_fails_again_says_why_and_is_bad_data(cli, with_quarantine):
    done = cli("quarantine", "replay", "--source", "raw/orders_3.json", "--position", "1")
    assert (done.code, "set aside again: order_id " in done.out) == (65, True)


def test_what_to_mend_and_with_what_must_be_said(cli, with_quarantine):
    assert cli("quarantine", "fix", "--source", "raw/orders_3.json").code == 78
    assert "--record FILE" in cli("quarantine", "fix", "--source", "raw/orders_3.json", "--position", "1").err
    missing = cli("quarantine", "fix", "--source", "raw/orders_3.json", "--position", "1", "--record", "nowhere.json")
    assert (missing.code, "there is no file nowhere.json" in missing.err) == (66, True)

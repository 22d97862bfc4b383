"""`orderlake maintain` on the command line."""

import json
import re

import pytest

from orderlake.cli.maintain import after_load
from orderlake.maintain import MaintainReport, TableUpkeep


def test_what_was_done_is_told_per_table_and_in_all(cli, loaded):
    for number in range(3):
        (loaded / "raw" / f"orders_{number}.json").write_text(
            f'[{{"order_id": {number + 900}, "order_date": "2025-01-01"}}]', "utf-8"
        )
        cli("run")
    dry = cli("maintain", "--dry-run")
    assert dry.code == 0
    assert dry.lines[-1].startswith("dry run, nothing was done: ")
    real = cli("maintain")
    assert real.lines[0].split() == ["table", "files", "expired", "snapshots", "deleted", "files", "waiting", "files"]
    assert any("→" in line for line in real.lines)
    assert dry.lines[-1].removeprefix("dry run, nothing was done: ") == real.lines[-1]
    assert cli("maintain").lines == ["nothing to do"]
    assert cli("maintain", "--dry-run").lines == ["dry run, nothing was done: nothing to do"]


def test_json_has_every_table_with_numbers(cli, loaded):
    answer = cli("maintain", "--json", "--table", "orders").json
    assert answer["dry_run"] is False
    (one,) = answer["tables"]
    assert one == {
        "table": "orders",
        "files_before": 2,
        "files_after": 2,
        "expired": 0,
        "deleted": 0,
        "deleted_bytes": 0,
        "waiting": 0,
        "waiting_bytes": 0,
        "note": "",
        "is_done": True,
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--table", "nope"], 66, "there is no Iceberg table nope"),
        (["--orphan-hours", "-1"], 2, "say a number of hours"),
        (["--snapshot-days", "soon"], 2, "invalid number of days value: 'soon'"),
        (["--orphan-hours", "nan"], 2, "say a number of hours"),
    ],
)
def test_what_is_wrong_with_the_words_is_said(cli, loaded, words, code, says):
    answer = cli("maintain", *words)
    assert answer.code == code
    assert says in answer.err


def test_a_run_says_what_maintenance_did_after_it(cli, loaded):
    put = [f'[{{"order_id": {900 + number}, "order_date": "2025-01-01"}}]' for number in range(6)]
    for number, text in enumerate(put[:-1]):
        (loaded / "raw" / f"orders_{number}.json").write_text(text, "utf-8")
        assert "looked after" not in cli("run").out
    memory = loaded / ".orderlake" / "maintained.json"
    memory.write_text(json.dumps({"at": 0, "is_done": True}), "utf-8")
    (loaded / "raw" / "orders_9.json").write_text(put[-1], "utf-8")
    assert re.search(r"^tables looked after: \d+ files fewer$", cli("run").out, re.MULTILINE)
    (loaded / "orderlake.yaml").write_text("raw: raw\nmaintenance: daily\n", "utf-8")
    (loaded / "raw" / "orders_10.json").write_text(put[0], "utf-8")
    answer = cli("run")
    assert answer.code == 0
    assert "the tables were not looked after: " in answer.out
    assert "maintenance is `off`, or has lines of every_hours" in answer.out


def test_what_there_was_no_time_for_is_said():
    some = TableUpkeep("orders", 9, 4, is_done=False)
    assert after_load(MaintainReport((some,))) == (
        "tables looked after: 5 files fewer; there was no time for all of it, the next load goes on"
    )
    assert after_load(MaintainReport((TableUpkeep("orders", 4, 4),))) == ""

"""`orderlake maintain` on the command line."""

import pytest


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

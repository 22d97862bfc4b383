"""`quarantine`: what is asked of it is said exactly, and what it cannot do is told with the remedy."""

import json

import pytest

BAD = {"order_id": 2, "order_date": "never", "total_amount": 10.0}


@pytest.fixture
def ids(cli, put, project):
    put("orders_2.json", [BAD, BAD | {"order_id": 3}], age=30)
    put("orders_3.json", [BAD | {"order_id": "x", "note": "\x9b31m"}], age=20)
    assert cli("run").code == 0
    return [each["id"] for each in cli("quarantine", "--json").json]


def test_one_is_shown_whole_with_its_tries_and_what_closed_it(cli, ids, tmp_path):
    cli("quarantine", "replay", ids[0])
    text = tmp_path / "one.json"
    text.write_text(json.dumps(BAD | {"order_date": "2024-02-03"}))
    assert cli("quarantine", "fix", ids[0], "--record", str(text)).code == 0
    shown = cli("quarantine", "show", ids[0]).lines
    facts = dict(line.split(None, 1) for line in shown if line[:1].isalpha() and " " in line)
    assert facts["file"].startswith("raw/orders_2.json, as of ")
    assert facts["position"] == "1, line 1"
    assert facts["status"] == "fixed"
    assert facts["closed"].startswith("by  load ")
    assert f"of raw/mended/{ids[0]}/orders_2.json" in facts["closed"]
    assert [line.rsplit(": ", 1)[1] for line in shown if "load" in line and line.startswith(("tries", " "))] == [
        "set aside again",
        "loaded",
    ]
    assert shown[-1] == "}"
    assert len(cli("quarantine", "show", ids[0], "--json").json["tries"]) == 2


def test_what_is_shown_does_not_steer_the_terminal(cli, ids):
    assert "\\x9b31m" in cli("quarantine", "show", ids[2]).out


def test_the_last_line_tells_of_the_others(cli, ids):
    assert cli("quarantine", "drop", ids[0], "--reason", "a test").code == 0
    assert cli("quarantine").lines[-1] == "(2 records; --json shows them whole; beside these 1 dropped: --status all)"
    assert cli("quarantine", "--status", "fixed").lines == [
        "no record is fixed; 2 open, 1 dropped: --status all shows them"
    ]
    assert len(cli("quarantine", "--status", "all", "--json").json) == 3
    assert [each["id"] for each in cli("quarantine", "list", ids[0], "--json").json] == ids[:1]
    assert len(cli("quarantine", "--reason", "DATE", "--json").json) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show",), 78, "say which record to show"),
        (("show", "abc-1"), 66, "no record abc-1 in quarantine"),
        (("show", "abc-1", "--limit", "1"), 78, "`quarantine show` has no use for --limit"),
        (("export",), 78, "say which file to write"),
        (("fix",), 78, "say which file holds the records"),
        (("fix", "nowhere.ndjson"), 66, "there is no file nowhere.ndjson"),
        (("fix", "--record", "x"), 78, "say which record to fix"),
        (("drop", "--reason", "x"), 78, "say which records to drop"),
        (("drop", "--status", "open"), 78, "say why"),
        (("drop", "--status", "open", "--reason", "x"), 78, "close 3 records without loading them?"),
        (("list", "--position", "1"), 78, "name it with --source"),
        (("replay", "--source", "raw/orders_2.json", "--position", "9"), 66, "no record 9 of raw/orders_2.json"),
    ],
)
@pytest.mark.usefixtures("ids")
def test_what_is_missing_is_said(cli, words, code, said, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    answer = cli("quarantine", *words)
    assert (answer.code, said in answer.err) == (code, True), answer.err


def test_many_are_dropped_once_somebody_says_yes(cli, ids, monkeypatch):
    class Terminal:
        def __init__(self, answer):
            self.answer = answer

        def isatty(self):
            return True

        def readline(self):
            return self.answer

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert "nothing was dropped" in cli("quarantine", "drop", "--source", "orders", "--reason", "x").err
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert cli("quarantine", "drop", "--matching", "never seen", "--reason", "x").lines == ["0 records dropped"]
    assert cli("quarantine", "drop", "--source", "orders", "--reason", "x").lines == ["3 records dropped"]


def test_a_file_without_records_is_no_fault(cli, ids, tmp_path):
    (tmp_path / "empty.ndjson").write_text("\n\n")
    answer = cli("quarantine", "fix", str(tmp_path / "empty.ndjson"))
    assert (answer.code, answer.out.strip().endswith("has no record in it")) == (0, True)

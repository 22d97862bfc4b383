"""A quarantine that can be finished: written out, mended in an editor, loaded, dropped, and empty, from the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orderlake import Lake
from tests.reference import NOON, SECOND, order, put

pytestmark = pytest.mark.e2e
LONG = "1234567890123456.70"

PRODUCTS = """
pipeline: products
sources:
  products:
    match: ["*products*.csv"]
    format: csv
    key: sku
    tables:
      products:
        columns: {sku: string, name: string, grams: int}
"""


class Shell:
    """`orderlake` in a project, as another process."""

    def __init__(self, root: Path):
        self.root = root

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "orderlake", *words], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str, code: int = 0):
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def shell(tmp_path):
    """A project with four records set aside of six: two for their day, one for a price, one that is no JSON."""
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        raw = lake.project.raw
        put(raw / "orders_a.json", [order(1), order(2, "P1", day="never"), order(3, day="31.12.2024")], NOON)
        long = json.dumps(order(5, day="never", note="é\u2028")).replace('"10.00"', LONG)
        raw.joinpath("orders_b.ndjson").write_text(
            "\n".join(['{"order_id": 4, "order_date": "2024-01-05", "total_amount": }', long, json.dumps(order(6))])
        )
        os.utime(raw / "orders_b.ndjson", ns=(NOON + SECOND, NOON + SECOND))
        lake.run()
    return Shell(tmp_path / "shop")


def entries(shell):
    return [json.loads(line) for line in (shell.root / "mend.ndjson").read_text("utf-8").split("\n") if line]


def mend(shell, change):
    """As an editor, or a script of a user, would."""
    lines = [json.dumps(change(entry), ensure_ascii=False) for entry in entries(shell)]
    (shell.root / "mend.ndjson").write_text("\n".join(lines), "utf-8")


def test_export_edit_fix_and_the_quarantine_is_empty(shell):
    assert "mend.ndjson  4 records" in shell("quarantine", "export", "mend.ndjson")
    text = (shell.root / "mend.ndjson").read_text("utf-8")
    assert f'"total_amount": {LONG}' in text
    broken = next(each for each in entries(shell) if isinstance(each["record"], str))
    assert (broken["source"], broken["position"]) == ("raw/orders_b.ndjson", 1)
    text = text.replace('"never"', '"2024-02-03"').replace('"31.12.2024"', '"2024-12-31"')
    text = text.replace(r"\"total_amount\": }", r"\"total_amount\": 7.00}")
    shuffled = "\n\n".join(reversed(text.strip("\n").split("\n")))
    (shell.root / "mend.ndjson").write_text(shuffled, "utf-8")
    assert shell("quarantine", "fix", "mend.ndjson") == "4 records loaded\n"
    assert shell("verify").startswith("ok")
    assert shell("quarantine", "list") == "no record is open; 4 fixed: --status all shows them\n"
    totals = shell.json("query", "SELECT order_id, CAST(total_amount AS VARCHAR) AS total FROM orders ORDER BY 1")
    assert [(each["order_id"], each["total"]) for each in totals][3:5] == [(4, "7.00"), (5, LONG)]
    loads = len(shell.json("loads"))
    assert shell("quarantine", "fix", "mend.ndjson") == "4 loaded before with this text\n"
    assert len(shell.json("loads")) == loads
    assert "unchanged" in shell("run") or "nothing new" in shell("run")


def test_lines_that_are_wrong_are_named_and_stop_no_other(shell):
    shell("quarantine", "export", "mend.ndjson")
    lines = (shell.root / "mend.ndjson").read_text("utf-8").splitlines()
    good = next(line for line in lines if '"never"' in line and "orders_a" in line).replace('"never"', '"2024-02-03"')
    still = next(line for line in lines if "31.12.2024" in line).replace("31.12.2024", "32.12.2024")
    untouched = next(line for line in lines if "orders_b" in line)
    wrong = [
        "{no json",
        '{"id": "aaaaaaaaaaaa-1", "record": {}}',
        '{"id": 7, "record": {}}',
        good.split(', "record"')[0] + ', "record": 12}',
    ]
    (shell.root / "mend.ndjson").write_text("\n".join([wrong[0], good, *wrong[1:], still, untouched, good]), "utf-8")
    told = shell("quarantine", "fix", "mend.ndjson", code=65).splitlines()
    assert told[0].startswith("line 1: this is not JSON: Expecting property name")
    assert told[1].startswith("line 3, aaaaaaaaaaaa-1: there is no record of this id")
    assert told[2].startswith('line 4: this has no "id"')
    assert told[3].startswith('line 5: "record" should be the record')
    assert "set aside again: order_date is not a date" in told[4]
    assert "line 2 is of the same record" in told[5]
    assert told[-1] == "1 record loaded; 1 as set aside, passed over; 1 still set aside; 5 wrong and not tried"
    again = shell.json("quarantine", "fix", "mend.ndjson", code=65)
    assert (again["loaded"], again["unchanged"], again["untouched"]) == (0, 1, 2)
    assert shell("verify").startswith("ok")


def test_an_older_file_does_not_undo_what_was_mended_since(shell):
    shell("quarantine", "export", "mend.ndjson", "--source", "orders_a")
    first = (shell.root / "mend.ndjson").read_text("utf-8")
    (shell.root / "bad.ndjson").write_text(first.replace('"never"', '"nevermore"'), "utf-8")
    (shell.root / "good.ndjson").write_text(first.replace('"never"', '"2024-02-03"'), "utf-8")
    shell("quarantine", "fix", "bad.ndjson", code=65)
    shell("quarantine", "fix", "good.ndjson")
    for file in ("mend.ndjson", "bad.ndjson"):
        assert "2 as set aside, passed over" in shell("quarantine", "fix", file)
    assert [each["status"] for each in shell.json("quarantine", "--status", "all", "--source", "orders_a")] == [
        "fixed",
        "open",
    ]


def test_all_that_is_open_is_replayed_once_the_pipeline_takes_it(shell):
    told = shell("quarantine", "replay", code=65)
    assert told.splitlines()[-1] == "4 still set aside"
    assert shell.json("quarantine", "replay", code=65)["set_aside"] == 4
    pipeline = shell.root / "pipelines" / "orders.yaml"
    lenient = pipeline.read_text()
    pipeline.write_text(lenient.replace("total_amount: money", "total_amount: money required"))
    put(shell.root / "raw" / "orders_c.json", [order(n) | {"total_amount": None} for n in (7, 8, 9)], NOON)
    shell("run")
    assert len(shell.json("quarantine", "--reason", "IS MISSING")) == 3
    pipeline.write_text(lenient)
    done = shell.json("quarantine", "replay", "--source", "orders_c")
    assert (done["loaded"], done["ok"]) == (3, True)
    assert shell("quarantine", "replay", "--source", "orders_c") == "no record is open: nothing was to be done\n"
    assert shell("verify").startswith("ok")


def test_what_is_dropped_is_closed_says_why_and_can_be_fixed_later(shell):
    found = shell.json("quarantine")
    told = subprocess.run(
        [sys.executable, "-m", "orderlake", "quarantine", "drop", "--source", "orders_a", "--reason", "tests"],
        cwd=shell.root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (told.returncode, "say --yes" in told.stderr) == (78, True)
    assert shell("quarantine", "drop", "--source", "orders_a", "--reason", "tests", "--yes") == "2 records dropped\n"
    first = next(each["id"] for each in found if each["source"] == "raw/orders_a.json")
    assert shell("quarantine", "drop", first, "--reason", "again") == "0 records dropped; 1 closed before\n"
    shown = shell.json("quarantine", "show", first)
    assert (shown["status"], shown["drop_reason"]) == ("dropped", "tests")
    assert shown["dropped_by"]
    assert "tests" in shell("quarantine", "show", first)
    assert "beside these 2 dropped" in shell("quarantine")
    assert shell("verify").startswith("ok")
    mended = json.loads(shown["record"]) | {"order_date": "2024-02-03"}
    (shell.root / "one.json").write_text(json.dumps(mended))
    assert "loaded" in shell("quarantine", "fix", first, "--record", "one.json")
    assert shell.json("quarantine", "show", first)["status"] == "fixed"


def test_rows_of_csv_are_mended_below_their_header(tmp_path):
    Lake.init(tmp_path, ["orders"]).close()
    (tmp_path / "pipelines" / "orders.yaml").write_text(PRODUCTS)
    (tmp_path / "raw" / "products.csv").write_text('sku;name;grams\np1;"a ""b""; c";100\np2;d;heavy\np3;e;"x"\n')
    shell = Shell(tmp_path)
    shell("run")
    shell("quarantine", "export", "mend.ndjson")
    assert [each["record"] for each in entries(shell)] == ["sku;name;grams\np2;d;heavy", 'sku;name;grams\np3;e;"x"']
    mend(shell, lambda each: each | {"record": each["record"].replace("heavy", "250")})
    assert shell("quarantine", "fix", "mend.ndjson") == "1 record loaded; 1 as set aside, passed over\n"
    mend(shell, lambda each: each | {"record": "p3;e;7"})  # the row alone will do
    second = [line for line in (shell.root / "mend.ndjson").read_text("utf-8").split("\n") if '"position": 3' in line]
    (shell.root / "mend.ndjson").write_text(second[0], "utf-8")
    assert shell("quarantine", "fix", "mend.ndjson") == "1 record loaded\n"
    found = shell.json("query", "SELECT sku, name, grams FROM products ORDER BY 1")
    assert [tuple(each.values()) for each in found] == [("p1", 'a "b"; c', 100), ("p2", "d", 250), ("p3", "e", 7)]
    assert shell("verify").startswith("ok")


def test_an_export_replaces_no_file_unasked(shell):
    (shell.root / "mend.ndjson").write_text("mine")
    shell("quarantine", "export", "mend.ndjson", code=78)
    assert (shell.root / "mend.ndjson").read_text() == "mine"
    shell("quarantine", "export", "mend.ndjson", "--force")
    assert len(shell("quarantine", "export", "-").strip().split("\n")) == 4

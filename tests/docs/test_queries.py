"""docs/queries.md: what it lists is what ships, and what it shows can be used."""

import re
import shlex
from pathlib import Path

import pytest

from orderlake.cli import main
from orderlake.lake import Lake
from orderlake.query.header import CHARTS
from orderlake.query.parameters import KINDS
from orderlake.query.saved import bundled_folders, saved_queries
from orderlake.samples import sample_paths

TEXT = (Path(__file__).parents[2] / "docs" / "queries.md").read_text("utf-8")
BUNDLED = saved_queries(bundled_folders())


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project with the sample orders, and us in it."""
    with Lake.init(tmp_path, ["orders"]) as lake:
        lake.run(sample_paths("orders"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_query_that_ships_is_listed_as_its_header_has_it():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (one row .+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [
        (query.name, query.question, query.grain, ", ".join(each.name for each in query.parameters) or "–")
        for query in BUNDLED.values()
    ]


def test_the_commands_run(shop, capsys):
    (block,) = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert len(commands) == 5
    for program, *words in commands:
        assert program == "orderlake"
        assert main(words) == 0, capsys.readouterr().err
        assert capsys.readouterr().out


def test_the_query_shown_can_be_asked(shop):
    (block,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    (shop / "queries").mkdir()
    (shop / "queries" / "big_orders.sql").write_text(block, "utf-8")
    with Lake(shop) as lake:
        found = lake.saved("big_orders", {"start": "2024-01-01", "least": "200", "name": "Emma"})
    assert found.columns == ("order_id", "order_date", "customer_name", "total_amount")
    assert [row[0] for row in found.rows] == [1001]


def test_every_type_and_every_chart_is_explained():
    assert [kind for kind in (*KINDS, *CHARTS) if f"`{kind}`" not in TEXT and f"-- chart: {kind}" not in TEXT] == []

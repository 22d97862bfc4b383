"""`orderlake build`, with dbt itself: what is built, what is left alone, what a failure or a crash leaves behind."""

import json
import subprocess

import pytest

from orderlake.building.report import Step
from orderlake.cli.main import main
from orderlake.errors import ConfigError, QueryError
from tests.own_models import FILES, current, own_models, rows
from tests.reference import NOON, SECOND, new_lake, order, written

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        own_models(opened)
        load(opened, "1", [order(1, "A", "B"), order(2, "A", day="2024-01-06")], NOON)
        yield opened


def load(lake, name, records, mtime):
    written(lake, lake.project.raw / f"orders_{name}.json", records, mtime)
    lake.run()


def broken(lake, model, sql):
    (lake.project.root / "dbt" / "models" / "marts" / f"{model}.sql").write_text(sql, "utf-8")


def test_what_is_built_can_be_asked_by_name(lake, monkeypatch):
    monkeypatch.setenv("DBT_TARGET", "production")  # another dbt's settings are not ours
    monkeypatch.setenv("DBT_PROFILES_DIR", "/nowhere")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    steps: list[Step] = []
    report = lake.build(on_step=steps.append)
    assert (report.status, report.full_refresh) == ("published", True)
    assert [(mart.name, mart.rows, mart.written) for mart in report.marts] == [
        ("agg_daily", 2, True), ("fct_heads", 2, True), ("fct_lines", 3, True),
    ]  # fmt: skip
    assert lake.query("SELECT orders FROM agg_daily ORDER BY day").rows == ((1,), (1,))
    assert [(info.name, info.format, info.rows) for info in lake.tables()][-3:] == [
        ("agg_daily", "mart", 2), ("fct_heads", "mart", 2), ("fct_lines", "mart", 3),
    ]  # fmt: skip
    assert steps == list(report.steps)
    assert {(step.kind, step.name, step.status) for step in steps} >= {
        ("model", "fct_lines", "ok"), ("test", "not_null_fct_lines_product_id", "ok"),
    }  # fmt: skip
    mart = current(lake)["marts"]["fct_lines"]
    assert (mart["grain"], mart["unique_key"], mart["about"]) == (
        "one row per line of an order", ["order_id", "line_number"], "What was sold",
    )  # fmt: skip
    assert mart["columns"]["price"] == "DECIMAL(18,2)"


def test_nothing_is_built_until_tables_or_models_change(lake):
    first = lake.build()
    again = lake.build()
    assert (again.status, again.build, again.steps) == ("unchanged", first.build, ())
    assert [mart.rows for mart in again.marts] == [2, 2, 3]

    load(lake, "2", [order(3, "C")], NOON + SECOND)
    changed = lake.build()
    assert (changed.status, changed.full_refresh) == ("published", False)

    broken(lake, "agg_daily", "{{ config(materialized='table') }} select date '2024-01-01' as day")
    others = lake.build()
    assert (others.status, others.full_refresh) == ("published", True)
    assert {mart.name: mart.written for mart in others.marts} == {
        "agg_daily": True, "fct_heads": False, "fct_lines": False,
    }  # fmt: skip
    assert lake.build(full_refresh=True).status == "published"


def test_a_failing_test_publishes_nothing_and_shows_what_is_wrong(lake, capsys):
    lake.build()
    before = current(lake)
    broken(
        lake,
        "agg_daily",
        "{{ config(materialized='table') }} select date '2024-01-01' as day from range(2) as twice(n)",
    )
    load(lake, "2", [order(3, "C")], NOON + SECOND)
    assert main(["--project", str(lake.project.root), "build"]) == 65
    told = capsys.readouterr().err
    assert "failed   test unique_agg_daily_day" in told
    assert "1 test failed, so nothing was published\n- unique_agg_daily_day (models/sources.yml): 1 row" in told
    assert "unique_field=2024-01-01, n_records=2" in told
    assert "dbt.log" in told
    assert current(lake) == before
    assert len(rows(lake, "fct_heads")) == 2

    broken(lake, "agg_daily", FILES["models/marts/agg_daily.sql"])
    assert lake.build().status == "published"
    assert len(rows(lake, "fct_heads")) == 3


def test_a_model_that_cannot_be_built_is_named_with_the_reason(lake):
    broken(lake, "agg_daily", "{{ config(materialized='table') }} select no_such_column from {{ ref('fct_heads') }}")
    with pytest.raises(QueryError, match=r"1 model could not be built[^$]*agg_daily[^$]*no_such_column"):
        lake.build()
    assert not (lake.project.lake / "marts" / "current.json").exists()


def test_an_increment_is_the_full_refresh_whatever_was_loaded_and_whoever_was_killed(lake, monkeypatch):
    lake.build()
    rounds = {
        "new orders, and lines dropped": [
            ("new", [order(3, "C", "D"), order(4)], 2),
            ("dropped", [order(1, "B"), order(3, "C", "E", "F")], 5),
        ],
        "late older versions, and orders without lines": [
            ("late", [order(1, "X", "Y"), order(4, "Z"), order(5, "Q")], 1),
            ("none", [order(2), order(5, total="7.00")], 7),
        ],
        "the same again, and dbt killed between two models": [
            ("same", [order(2), order(1, "B")], 9),
            ("killed", [order(3), order(6, "C", "D")], 11),
        ],
    }
    found = {}
    for name, files in rounds.items():
        for file, records, seconds in files:
            load(lake, file, records, NOON + seconds * SECOND)
        if "killed" in name:
            kill_after(lake, "fct_lines", monkeypatch)
        increment = lake.build()
        found = {mart: rows(lake, mart) for mart in ("fct_lines", "fct_heads", "agg_daily")}
        assert (increment.status, increment.full_refresh) == ("published", False)
        lake.build(full_refresh=True)
        assert found == {mart: rows(lake, mart) for mart in found}, name
    assert [row[:3] for row in found["fct_lines"]] == [(1, 1, "B"), (6, 1, "C"), (6, 2, "D")]


def kill_after(lake, model, monkeypatch):
    """Build until this model is done, and kill dbt there; the published marts stay as they are."""
    before = current(lake)

    def die(step):
        if step.name == model:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(subprocess.Popen, "terminate", subprocess.Popen.kill)
        with pytest.raises(KeyboardInterrupt):
            lake.build(on_step=die)
    assert current(lake) == before


def test_models_that_dbt_cannot_read_are_a_matter_of_configuration(lake):
    broken(lake, "agg_daily", "select * from {{ ref('no_such_model') }}")
    with pytest.raises(ConfigError, match=r"dbt cannot build [^$]*no_such_model"):
        lake.build()


def test_what_is_loaded_in_the_middle_of_a_build_is_in_the_next_one_whole(lake):
    def meanwhile(step):
        if step.name == "stg_lines":
            load(lake, "2", [order(1, "C", "D", "E"), order(3, "F")], NOON + SECOND)

    lake.build(on_step=meanwhile)
    assert (len(rows(lake, "fct_lines")), len(rows(lake, "fct_heads"))) == (3, 2)
    assert lake.build().status == "published"
    assert (len(rows(lake, "fct_lines")), len(rows(lake, "fct_heads"))) == (5, 3)


def test_a_part_is_built_and_published_and_the_rest_stays(lake):
    lake.build()
    before = current(lake)
    load(lake, "2", [order(3, "C", day="2024-01-07")], NOON + SECOND)
    part = lake.build(["fct_lines"])
    assert {mart.name: mart.written for mart in part.marts} == {
        "agg_daily": False, "fct_heads": False, "fct_lines": True,
    }  # fmt: skip
    assert (len(rows(lake, "fct_lines")), len(rows(lake, "agg_daily"))) == (4, 2)
    assert current(lake)["sources"] == before["sources"]
    assert lake.build().status == "published"
    assert len(rows(lake, "agg_daily")) == 3


def test_a_part_that_names_no_model_is_refused_and_the_marts_stay(lake):
    lake.build()
    before = current(lake)
    with pytest.raises(ConfigError, match="nothing to build is selected by fct_lins"):
        lake.build(["fct_lins"])
    assert current(lake) == before


def test_the_documentation_is_one_page_and_needs_no_network(lake, capsys):
    assert main(["--project", str(lake.project.root), "build", "--docs"]) == 0
    page = lake.project.state / "dbt" / "docs" / "index.html"
    assert f"documentation: {page}" in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert "What was sold" in text
    results = json.loads((lake.project.state / "dbt" / "target" / "run_results.json").read_text("utf-8"))
    assert results["args"]["which"] == "build"  # those of the build stay


def test_the_command_tells_each_model_and_what_came_of_it(lake, capsys):
    assert main(["--project", str(lake.project.root), "build"]) == 0
    shown = capsys.readouterr()
    assert "ok       model fct_lines" in shown.err
    assert "not_null" not in shown.err
    assert "published 3 marts, 3 of them new: 2 tests passed" in shown.out
    assert main(["--project", str(lake.project.root), "build", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], len(told["marts"])) == ("unchanged", 3)

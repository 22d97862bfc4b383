"""`orderlake build`, and loads that build after them: what is asked of the machinery, and what is told. No dbt here."""

import json

import pytest

from orderlake.building.report import BuildReport, BuiltMart, Step
from orderlake.cli.watch import Stop
from orderlake.errors import CheckFailedError
from orderlake.lake import Lake

MARTS = [BuiltMart("fct_lines", 1200, written=True), BuiltMart("fct_orders", 3, written=False)]
STEPS = [
    Step("model", "fct_lines", "ok", 0.5, 1, 4),
    Step("test", "unique", "ok", 0.1, 2, 4),
    Step("test", "relates", "warned", 0.1, 3, 4),
    Step("exposure", "page", "ok", 0.0, 4, 4),
]


@pytest.fixture
def asked(monkeypatch):
    """What builds were asked for; each gives the same report."""
    calls = []

    def build(self, select=(), on_step=lambda _: None, *, full_refresh=False, docs=False):
        calls.append((list(select), full_refresh, docs))
        for step in STEPS:
            on_step(step)
        return BuildReport("published", "b1", MARTS, STEPS, full_refresh, 2.0, "/docs/index.html" if docs else None)

    monkeypatch.setattr(Lake, "build", build)
    return calls


def test_models_and_what_did_not_pass_are_told_as_they_are_done_and_the_marts_at_the_end(cli, project, asked):
    answer = cli("build")
    assert answer.code == 0
    assert asked == [([], False, False)]
    assert answer.err.splitlines() == [
        "ok       model fct_lines  (1 of 4, 0.50 s)",
        "warned   test relates  (3 of 4, 0.10 s)",
    ]
    assert [line.split() for line in answer.lines[2:4]] == [
        ["fct_lines", "1,200", "new"],
        ["fct_orders", "3", "as", "before"],
    ]
    assert answer.lines[-1] == "published 2 marts, 1 of them new: 1 test passed, 1 warned, 2.0 s"


def test_what_to_build_is_passed_on(cli, project, asked):
    answer = cli("build", "--select", "fct_orders+", "--select", "dim_dates", "--full-refresh", "--docs")
    assert asked == [(["fct_orders+", "dim_dates"], True, True)]
    assert answer.lines[-1] == "documentation: /docs/index.html"


def test_with_json_there_is_one_object_and_nothing_else(cli, project, asked):
    answer = cli("build", "--json")
    told = json.loads(answer.out)
    assert answer.err == ""
    assert (told["status"], told["build"], told["docs"]) == ("published", "b1", None)
    assert told["marts"][1] == {"name": "fct_orders", "rows": 3, "written": False}
    assert told["steps"][0]["status"] == "ok"


def test_models_are_copied_into_the_project_and_nothing_is_built(cli, project, asked):
    answer = cli("build", "--eject")
    assert answer.code == 0
    assert (project / "dbt" / "dbt_project.yml").is_file()
    assert asked == []
    assert cli("build", "--eject").code == 78
    assert "--eject only copies" in cli("build", "--eject", "--docs").err


def test_a_run_builds_after_its_loads_when_it_is_told_to(cli, project, put, asked):
    put("orders_1.json")
    answer = cli("run", "--build")
    assert answer.code == 0
    assert answer.lines[0].startswith("loaded")
    assert answer.lines[-1].startswith("published 2 marts")
    assert cli("run").code == 0
    assert len(asked) == 1
    assert len(json.loads(cli("run", "--build", "--json").out)) == 1


def test_a_rejected_file_does_not_keep_the_others_out_of_the_marts(cli, project, put, asked):
    put("orders_1.json", "[")
    assert cli("run", "--build").code == 65
    assert len(asked) == 1


def test_a_watch_builds_after_each_round_that_loaded_something(cli, project, put, asked, monkeypatch):
    todo = [lambda: put("orders_1.json"), lambda: None, lambda: None, lambda: None]

    def wait(self, seconds):
        if not todo:
            return True
        todo.pop(0)()
        return False

    monkeypatch.setattr(Stop, "wait", wait)
    answer = cli("watch", "--build", "--settle", "0")
    assert len(asked) == 1
    assert [line.split()[0] for line in answer.lines] == ["loaded", "published"]


def test_marts_that_fail_do_not_end_a_watch(cli, project, put, monkeypatch):
    todo = [lambda: put("orders_1.json"), lambda: None, lambda: put("orders_2.json"), lambda: None, lambda: None]

    def wait(self, seconds):
        if not todo:
            return True
        todo.pop(0)()
        return False

    def build(*_, **__):
        raise CheckFailedError("1 test failed")

    monkeypatch.setattr(Stop, "wait", wait)
    monkeypatch.setattr(Lake, "build", build)
    answer = cli("watch", "--build", "--settle", "0")
    assert answer.code == 0
    assert answer.err.count("1 test failed") == 2

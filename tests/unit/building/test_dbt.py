"""dbt as a process: a stand-in says what dbt says, and we hear it right."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from orderlake.building import dbt as module
from orderlake.building.dbt import Workshop, run_dbt
from orderlake.building.models import Models
from orderlake.building.report import Step
from orderlake.errors import ConfigError, TransientError


@pytest.fixture
def dbt(tmp_path, monkeypatch):
    """Run these lines of Python where dbt is run, and give what was told."""
    workshop = Workshop(tmp_path)

    def run(script, on_step=lambda _: None):
        monkeypatch.setattr(module, "_command", lambda *_: [sys.executable, "-c", script])
        return run_dbt(workshop, Models(Path("models"), {}, ""), ["build"], workshop.target, on_step)

    return run


def event(name, level="info", msg="", **data):
    return json.dumps({"info": {"name": name, "level": level, "msg": msg}, "data": data})


def node(status, kind="model", name="fct"):
    return {"resource_type": kind, "node_name": name, "node_status": status}


def saying(*lines, code=0):
    return f"import sys; print({chr(10).join(lines)!r}); sys.exit({code})"


def test_each_node_that_is_done_is_a_step_and_a_start_is_none(dbt):
    heard: list[Step] = []
    told = dbt(
        saying(
            "a warning of Python",
            event("MainReportVersion"),
            event("LogStartLine", index=1, total=3, node_info=node("started")),
            event("LogModelResult", index=1, total=3, execution_time=0.1234, node_info=node("success")),
            event(
                "LogTestResult",
                "error",
                index=2,
                num_models=3,
                execution_time=1,
                node_info=node("fail", "test", "unique"),
            ),
            event("SkippingDetails", index=3, total=3, node_info=node("skipped", name="agg")),
            code=1,
        ),
        heard.append,
    )
    assert (
        heard
        == told.steps
        == [
            Step("model", "fct", "ok", 0.123, 1, 3),
            Step("test", "unique", "failed", 1.0, 2, 3),
            Step("model", "agg", "skipped", 0.0, 3, 3),
        ]
    )


@pytest.mark.parametrize(
    ("level", "status", "heard"),
    [("info", "pass", "ok"), ("info", "started", "ok"), ("warn", "warn", "warned"), ("error", "error", "failed")],
)
def test_how_a_node_went_is_told_by_the_level_since_not_all_kinds_of_nodes_have_the_same_states(
    dbt, level, status, heard
):
    told = dbt(saying(event("LogTestResult", level, index=1, num_models=1, node_info=node(status))))
    assert [step.status for step in told.steps] == [heard]


def test_a_dbt_that_cannot_begin_says_why(dbt):
    with pytest.raises(ConfigError, match=r"dbt cannot build models: no such ref\nThe log: .*dbt\.log"):
        dbt(saying(event("MainEncounteredError", "error", "no such ref"), code=2))
    with pytest.raises(ConfigError, match="No module named dbt"):
        dbt(saying("No module named dbt", code=3))
    with pytest.raises(ConfigError, match="exit code 2"):
        dbt("import sys; sys.exit(2)")


def test_a_dbt_that_was_killed_may_be_run_again(dbt):
    with pytest.raises(TransientError, match="stopped by signal 9"):
        dbt("import os; os.kill(os.getpid(), 9)")


def test_dbt_does_not_outlive_whoever_waits_for_it(dbt, monkeypatch):
    started = []
    begin = subprocess.Popen.__init__

    def remembered(self, *args, **kwargs):
        started.append(self)
        begin(self, *args, **kwargs)

    monkeypatch.setattr(subprocess.Popen, "__init__", remembered)
    line = event("LogModelResult", index=1, total=2, node_info=node("success"))

    def stop(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dbt(f"print({line!r}, flush=True); import time; time.sleep(600)", stop)
    assert started[0].returncode is not None


def test_dbt_is_told_to_be_quiet_about_us_and_where_everything_lies(tmp_path):
    models = Models(Path("/models"), {"pipelines": ["orders"]}, "")
    command = module._command(Workshop(tmp_path), models, ["build"], tmp_path / "target")
    assert command[:4] == [sys.executable, "-m", "dbt.cli.main", "build"]
    said = dict(itertools.pairwise(command))
    assert (said["--project-dir"], said["--profiles-dir"]) == ("/models", str(tmp_path))
    assert json.loads(said["--vars"]) == {"pipelines": ["orders"]}
    assert "--no-send-anonymous-usage-stats" in command


def test_a_workshop_without_a_build_has_no_results(tmp_path):
    assert (Workshop(tmp_path).manifest(), Workshop(tmp_path).results()) == ({}, [])

"""`console`: what it refuses, and what it asks for."""

import json
import sys

import pytest

import orderlake
from orderlake.console import serve as serving


@pytest.fixture
def served(monkeypatch):
    """What would be served: (project, whether it may write, port); nothing is."""
    calls = []

    def serve(shown, bound, on_ready):
        calls.append((shown.name, shown.writable, bound.getsockname()[1]))
        bound.close()
        on_ready(f"http://127.0.0.1:{calls[-1][2]}")
        shown.close()

    monkeypatch.setattr(serving, "serve", serve)
    return calls


def test_it_is_read_only_unless_asked(cli, project, served):
    assert "read-only" in cli("console", "--port", "0").out
    assert "read and write" in cli("console", "--port", "0", "--write").out
    assert [writable for _, writable, _ in served] == [False, True]


def test_it_opens_a_browser_only_when_asked(cli, project, served, monkeypatch):
    opened: list[str] = []

    class Now:
        def __init__(self, target, args, **_):
            self.start = lambda: target(*args)

    monkeypatch.setattr("orderlake.cli.console.threading.Thread", Now)
    monkeypatch.setattr("webbrowser.open", opened.append)
    cli("console", "--port", "0")
    assert opened == []
    cli("console", "--port", "0", "--open")
    assert len(opened) == 1
    assert opened[0].startswith("http://127.0.0.1:")


def test_without_its_extra_it_says_how_to_install_it(cli, project, monkeypatch):
    # What is imported anew here takes the old one's place in its package, too, and must not stay there.
    monkeypatch.setattr(orderlake, "console", getattr(orderlake, "console", None), raising=False)
    for name in [name for name in sys.modules if name.startswith("orderlake.console")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    answer = cli("console")
    assert answer.code == 78
    assert "pip install 'orderlake[console]'" in answer.err


def test_a_pipeline_that_is_wrong_is_said_before_anything_is_served(cli, project, served):
    (project / "pipelines" / "orders.yaml").write_text("pipeline: [")
    answer = cli("console")
    assert answer.code == 78
    assert "orders.yaml" in answer.err
    assert served == []


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_a_usage_error(cli, project, port):
    assert cli("console", f"--port={port}").code == 2


def test_without_a_project_it_says_how_to_make_one(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = cli("console")
    assert answer.code == 66
    assert "orderlake init" in answer.err


def test_it_does_not_write_to_a_lake_on_aws(cli, project, served, monkeypatch):
    settings = {
        "name": "shop", "region": "eu-central-1", "raw": "s3://raw/raw", "lake": "s3://lake/lake",
        "pipelines": "s3://lake/pipelines", "table": "t", "database": "d",
    }  # fmt: skip
    (project / ".orderlake").mkdir(exist_ok=True)
    (project / ".orderlake" / "aws.json").write_text(json.dumps(settings))
    answer = cli("console", "--env", "aws", "--write")
    assert answer.code == 78
    assert "leave --write out" in answer.err
    assert served == []

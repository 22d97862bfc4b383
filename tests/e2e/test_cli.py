"""The command as a process: what a shell, a pipe and a signal see."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import orderlake
from orderlake.cli.main import VERBS

pytestmark = pytest.mark.e2e

SOURCE = Path(orderlake.__file__).parents[1]
HEAVY = ("duckdb", "yaml", "fastavro", "zstandard")


@pytest.fixture
def command(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}

    def run(*words: str, **options):
        call = [sys.executable, "-m", "orderlake", *words]
        return subprocess.run(
            call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False, **options
        )

    return run


def start(tmp_path, *words: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    call = [sys.executable, "-m", "orderlake", *words]
    return subprocess.Popen(
        call, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_from_nothing_to_an_answer(command):
    assert command("init", ".", "--pipeline", "orders").returncode == 0
    assert command("generate", "orders", "--orders", "50", "--out", "raw").returncode == 0
    (report,) = json.loads(command("run", "--json").stdout)
    assert report["loaded"] == 50
    done = command("query", "-", "--json", input="SELECT count(*) AS n FROM orders")
    assert json.loads(done.stdout) == [{"n": 50}]
    assert command("verify").returncode == 0
    assert command("doctor").returncode == 0


def test_a_refusal_reaches_the_shell(command):
    done = command("run")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr.startswith("orderlake: ")


def test_a_pipe_that_closes_early_is_quiet(command, tmp_path):
    command("init", ".", "--pipeline", "orders")
    process = start(tmp_path, "query", "SELECT * FROM range(300000)", "--format", "csv")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "range\n"
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_name_that_is_no_text_can_be_printed(command, tmp_path):
    command("init", ".", "--pipeline", "orders")
    path = os.fsencode(tmp_path / "raw") + b"/orders_\xff.json"
    with open(path, "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(b"[")
    done = command("run")
    assert done.returncode == 65
    assert "Traceback" not in done.stderr


def test_watch_ends_well_on_a_signal(command, tmp_path):
    command("init", ".", "--pipeline", "orders")
    command("generate", "orders", "--orders", "5", "--out", "raw")
    process = start(tmp_path, "watch", "--json", "--interval", "0.05", "--settle", "0")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["status"] == "loaded"
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")


def imported(command_line: list[str], folder: Path) -> set[str]:
    code = f"import sys\nfrom orderlake.cli import main\nmain({command_line!r})\nprint(*sys.modules, file=sys.stderr)"
    call = [sys.executable, "-c", code]
    done = subprocess.run(
        call, cwd=folder, env=os.environ | {"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stderr.split()} & set(HEAVY)


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS), ["--version"]], ids=" ".join)
def test_help_loads_nothing_heavy(words, tmp_path):
    assert imported(words, tmp_path) == set()


def test_a_run_of_what_is_loaded_loads_no_engine(command, tmp_path):
    command("init", ".", "--pipeline", "orders")
    command("generate", "orders", "--orders", "5", "--out", "raw")
    assert command("run").returncode == 0
    assert imported(["run"], tmp_path) <= {"yaml"}

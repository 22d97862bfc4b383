"""Documentation that cannot lie: what README and docs/ show is run, parsed, or looked up here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from orderlake.cli.main import VERBS
from orderlake.model.pipeline import parse_pipeline
from orderlake.wiring import bundled_pipelines

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sysconfig.get_path("scripts"))


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "ORDERLAKE": str(BIN / "orderlake")}


def test_every_command_of_the_readme_runs_and_the_lake_it_makes_verifies(tmp_path):
    commands = [line for block in _blocks(README, "sh") for line in block.splitlines() if line.startswith("orderlake")]
    assert len(commands) >= 5
    outputs = []
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        outputs.append(done.stdout)
    assert all(outputs)
    assert outputs[-1].startswith("ok")


def test_the_make_goals_of_the_readme_exist():
    goals = set(re.findall(r"make ([a-z]+)", README))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= goals
    for goal in goals & {"demo", "test", "check", "bench", "help"}:
        assert re.search(rf"^{goal}:", makefile, re.MULTILINE), goal


def test_the_demo_shows_the_answers_and_the_second_time_nothing_doubles(tmp_path):
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "demo.sh", tmp_path / "examples")
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            ["bash", "examples/demo.sh"], cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(done.stdout)
    assert "12 read = 12 loaded" in outputs[0]
    assert "3 read = 2 loaded + 1 duplicate" in outputs[0]
    assert "20,000 read = 20,000 loaded" in outputs[0]
    assert "delivery_performance" in outputs[0]
    assert "unchanged" in outputs[1]
    assert "nothing new: 10 files loaded already" in outputs[1]
    for command in ("console", "report"):
        assert f"orderlake --project demo {command}" in outputs[1]

    def answers(text: str) -> list[str]:
        return re.findall(r"^\d{4}-\d\d-\d\d +\d+ +\d+\.\d\d$", text, re.MULTILINE)

    assert answers(outputs[0]) == answers(outputs[1]) != []


def test_the_python_of_the_readme_runs(tmp_path):
    (block,) = _blocks(README, "python")
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "((0,),)" in done.stdout


@pytest.mark.parametrize("file", ["README.md", "docs/pipelines.md"])
def test_every_yaml_shown_is_a_pipeline(file):
    blocks = _blocks((ROOT / file).read_text(encoding="utf-8"), "yaml")
    assert blocks
    for block in blocks:
        parse_pipeline(yaml.safe_load(block), file)


def test_every_verb_is_in_the_readme_and_its_help_ends_with_an_example():
    for verb in VERBS:
        assert re.search(rf"orderlake {verb}\b|`{verb}`|, `{verb}", README) or verb in README, verb
        done = subprocess.run(
            [str(BIN / "orderlake"), verb, "--help"], env=_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert (
            f"orderlake {verb}" in done.stdout.splitlines()[-1] or "orderlake" in done.stdout.rstrip().splitlines()[-1]
        ), verb


def test_every_bundled_pipeline_is_in_the_readme():
    for name in bundled_pipelines():
        assert f"`{name}`" in README


def test_links_inside_the_project_lead_somewhere():
    for file in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_architecture_is_one_page_and_names_what_exists():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    for path in re.findall(r"`((?:tests|kernel|tables)/[a-z_./]+)`", text):
        assert (ROOT / path).exists() or (ROOT / "src/orderlake" / path).exists(), path

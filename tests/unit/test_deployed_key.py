"""The key of personal data on its way to AWS: whose it is, where it is not, and when a deployment is refused."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orderlake.config import load_project
from orderlake.deployment import Deployment
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.secret import VARIABLE

OURS = "a key of this project, that nobody may see"
THEIRS = "a key of the deployment, likewise"
PLAIN = """
pipeline: things
sources:
  things:
    match: ["things*"]
    format: json
    key: id
    tables:
      things: {columns: {id: bigint required, %s}}
"""
TERRAFORM = """
import json, os, pathlib, sys
words = [word for word in sys.argv[1:] if not word.startswith("-chdir")]
told = {"words": words, "key": os.environ.get("TF_VAR_pii_key")}
with pathlib.Path("LOG").open("a") as log:
    print(json.dumps(told), file=log)
if words[0] == "plan":
    print("Error: AWS refuses", told["key"])
    sys.exit(CODE)
print(json.dumps({"resource_changes": []}))
"""


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    Lake.init(tmp_path / "shop", ["orders"]).close()
    (tmp_path / "shop" / "pipelines" / "orders.yaml").unlink()
    (tmp_path / "shop" / "pipelines" / "things.yaml").write_text(PLAIN % "name: string pii(hash)")
    return tmp_path / "shop"


@pytest.fixture
def key_file(project: Path) -> Path:
    return project / ".orderlake" / "pii.key"


@pytest.fixture
def deploy(project: Path, aws: Any) -> Callable[..., Deployment]:
    """The project's deployment, with these variables from the command line."""
    return lambda **given: Deployment(load_project(project), {"name": "shop", "region": aws.region, **given})


@pytest.fixture
def standing(aws: Any) -> Any:
    """Functions that have this key are deployed, under a name of their own."""

    def deployed(key: str) -> str:
        name: str = aws.deploy().name
        aws.make_loader(name, **({VARIABLE: key} if key else {}))
        return name

    return deployed


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[dict[str, Any]]]:
    """A program in Terraform's place, whose plans end with this code; gives what it was called with, when read."""
    log = tmp_path / "log"

    def placed(code: int) -> list[dict[str, Any]]:
        program = tmp_path / "bin" / "terraform"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}{TERRAFORM}".replace("LOG", str(log)).replace("CODE", str(code)))
        program.chmod(0o755)
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(Deployment, "_build", lambda self: self.folder.mkdir(parents=True, exist_ok=True))
    return placed


def test_it_is_made_when_a_pipeline_disguises_data_and_told_of_but_not_shown(deploy, key_file):
    told: list[str] = []
    made = deploy()
    made.tell = told.append
    assert made._key == key_file.read_text().strip()
    assert len(made._key) == 64
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert "pii.key: keep a copy" in " ".join(told)
    assert made._key not in " ".join(told)
    assert deploy()._key == made._key


def test_a_pipeline_with_a_person_wants_one_too(deploy, project, key_file):
    body = (PLAIN % "name: string pii").replace("key: id", "key: id\n    person: {id: name}")
    (project / "pipelines" / "things.yaml").write_text(body)
    assert deploy()._key == key_file.read_text().strip() != ""


def test_none_is_made_where_no_pipeline_wants_one(deploy, project, key_file):
    (project / "pipelines" / "things.yaml").write_text(PLAIN % "name: string")
    assert deploy()._key == ""
    assert not key_file.exists()


def test_the_environment_s_comes_before_the_file_s_and_the_file_s_goes_along_wanted_or_not(
    deploy, project, key_file, monkeypatch
):
    (project / "pipelines" / "things.yaml").write_text(PLAIN % "name: string")
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_text(f"{OURS}\n")
    assert deploy()._key == OURS
    monkeypatch.setenv(VARIABLE, THEIRS)
    assert deploy()._key == THEIRS


def test_one_that_this_machine_has_lost_is_not_made_anew(deploy, project, key_file):
    (project / "raw" / "things.json").write_text('{"id": 1, "name": "Ada"}')
    with Lake(project) as lake:
        assert [report.status for report in lake.run()] == ["loaded"]
    key_file.unlink()
    with pytest.raises(ConfigError, match=r"put .* back as it was"):
        _ = deploy()._key


def test_that_of_the_deployment_becomes_the_project_s(deploy, standing, key_file):
    name = standing(THEIRS)
    assert deploy(name=name)._key == THEIRS
    assert key_file.read_text().strip() == THEIRS
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_that_of_the_deployment_stays_where_this_machine_has_lost_its_own(deploy, standing, project, key_file):
    (project / "raw" / "things.json").write_text('{"id": 1, "name": "Ada"}')
    with Lake(project) as lake:
        lake.run()
    key_file.unlink()
    assert deploy(name=standing(THEIRS))._key == THEIRS
    assert not key_file.exists()


def test_functions_without_a_key_get_the_project_s(deploy, standing, key_file):
    assert deploy(name=standing(""))._key == key_file.read_text().strip()


def test_another_than_the_deployment_has_is_refused_and_neither_is_shown(deploy, standing, monkeypatch):
    monkeypatch.setenv(VARIABLE, OURS)
    with pytest.raises(ConfigError, match="with another key") as refused:
        _ = deploy(name=standing(THEIRS))._key
    assert OURS not in str(refused.value)
    assert THEIRS not in str(refused.value)


def test_terraform_has_it_in_the_environment_of_its_plan_and_nothing_else_has_it(
    deploy, terraform, project, monkeypatch
):
    monkeypatch.setenv(VARIABLE, OURS)
    monkeypatch.setenv("TF_VAR_pii_key", THEIRS)  # whoever deploys by hand says so; the command does not listen
    lines: list[str] = []
    terraform(2)
    made = deploy()
    made.detail = lines.append
    assert made.plan() == []
    called = {each["words"][0]: each for each in terraform(2)}
    assert called["plan"]["key"] == OURS
    assert OURS not in json.dumps([each["words"] for each in terraform(2)])
    assert called["show"]["key"] == THEIRS
    made._remember()
    files = [file for file in project.rglob("*") if file.is_file()]
    assert [file for file in files if OURS.encode() in file.read_bytes()] == []
    assert lines[-1:] == ["Error: AWS refuses (sensitive value)"]
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700


def test_an_error_of_terraform_does_not_tell_it(deploy, terraform, monkeypatch):
    monkeypatch.setenv(VARIABLE, OURS)
    terraform(1)
    with pytest.raises(ConfigError, match="AWS refuses") as failed:
        deploy().plan()
    assert OURS not in str(failed.value)


def test_git_does_not_take_it_and_what_people_had_git_ignore_stays(deploy, project):
    _ = deploy()._key
    ignored = project / ".orderlake" / ".gitignore"
    assert ignored.read_text().splitlines() == ["pii.key", "deploy/"]
    ignored.write_text("*\n")
    _ = deploy()._key
    assert ignored.read_text() == "*\n"


def test_it_is_refused_on_the_command_line_and_in_the_project_s_file(deploy, terraform, project):
    terraform(0)
    with pytest.raises(ConfigError, match="does not belong in a file that others read") as refused:
        deploy(pii_key=OURS).plan()
    assert OURS not in str(refused.value)
    with (project / "orderlake.yaml").open("a", encoding="utf-8") as file:
        file.write(f"aws:\n  pii_key: {OURS}\n")
    with pytest.raises(ConfigError, match="put it into ORDERLAKE_PII_KEY"):
        deploy().plan()

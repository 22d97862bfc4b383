"""Terraform as orderlake runs it: what it says, what it refuses, where it finds its provider and our module."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orderlake import errors
from orderlake.deploy.terraform import Terraform, error_of, module_folder, provider_mirror
from tests.e2e.ministack import ENDPOINT, REGION
from tests.e2e.terraform.plans import MODULE, ROOT

pytestmark = pytest.mark.e2e


def test_without_terraform_one_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.ConfigError, match="install Terraform"):
        Terraform(tmp_path, {}).init()


def test_what_terraform_refuses_is_told_in_its_own_words(terraform):
    lines: list[str] = []
    made = terraform(name="Shop!")
    made._tell = lines.append
    with pytest.raises(
        errors.ConfigError, match=r"terraform plan: Error: Invalid value for variable[^$]+lower-case letters"
    ):
        made.plan()
    assert any("lower-case letters" in line for line in lines)


def test_a_plan_shows_no_secret(terraform, tmp_path):
    wheel = tmp_path / "orderlake.whl"
    wheel.touch()
    lines: list[str] = []
    made = terraform(spark_wheel=str(wheel))
    made._tell = lines.append
    made._veiled = lambda line: line
    made.secrets["pii_key"] = "a key of personal data"
    assert made.plan()
    said = "\n".join(lines)
    assert "aws_ssm_parameter.pii_key[0]" in said
    assert "a key of personal data" not in said
    assert "a key of personal data" not in (made.folder / "variables.tfvars.json").read_text()
    made.secrets["pii_key"] = "too short"
    with pytest.raises(errors.ConfigError, match="16 characters or more"):
        made.plan()


def test_when_aws_is_away_it_is_worth_another_try(terraform, monkeypatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    with pytest.raises(errors.TransientError, match="connection refused"):
        terraform().plan()


def test_interrupted_terraform_still_writes_down_what_it_made(tmp_path, monkeypatch):
    slow = tmp_path / "terraform"
    slow.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, signal, sys\n"
        "def stop(*_):\n"
        f"    pathlib.Path({str(tmp_path / 'written')!r}).write_text('all of it')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "print('creating', flush=True)\n"
        "signal.pause()\n"
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Terraform(tmp_path / "state", {}, interrupt).init()
    assert (tmp_path / "written").read_text() == "all of it"


def test_a_state_may_be_kept_elsewhere(terraform):
    made = terraform()
    elsewhere = made.folder / "elsewhere.tfstate"
    (made.folder / "backend.tf").write_text(f'terraform {{\n  backend "local" {{\n    path = "{elsewhere}"\n  }}\n}}\n')
    fresh = Terraform(made.folder, {"name": "shop", "region": REGION})
    fresh.init()
    assert str(elsewhere) in (made.folder / "data" / "terraform.tfstate").read_text()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (["Error: creating S3 Bucket: BucketAlreadyExists"], errors.ConfigError),
        (["Acquiring", "Error: Error acquiring the state lock", "", "another one has it"], errors.TransientError),
        (["╷", "│ Error: ThrottlingException: Rate exceeded", "╵"], errors.TransientError),
        ([], errors.ConfigError),
    ],
)
def test_an_error_is_chosen_by_what_can_be_done_about_it(said, kind):
    error = error_of("apply", said)
    assert type(error) is kind
    assert "│" not in str(error)


@pytest.mark.parametrize(
    "file", ["5.9.9/{here}/terraform-provider-aws_v5.9.9", "terraform-provider-aws_5.9.9_{here}.zip"]
)
def test_a_provider_is_found_in_a_folder_of_this_machine(cloud, tmp_path, file):
    mirror = provider_mirror()
    assert mirror is not None
    here = json.loads(subprocess.run(["terraform", "version", "-json"], capture_output=True, check=True).stdout)[
        "platform"
    ]
    assert provider_mirror({}, [str(tmp_path)]) is None
    kept = tmp_path / "plugins" / "registry.example" / "hashicorp" / "aws" / file.format(here=here)
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert provider_mirror({}, [str(tmp_path)]) == tmp_path / "plugins"
    assert provider_mirror({"TF_PLUGIN_DIR": str(tmp_path / "plugins")}, []) == tmp_path / "plugins"
    assert provider_mirror({"TF_PLUGIN_DIR": str(tmp_path / "empty")}, [str(tmp_path)]) is None


def test_the_module_comes_with_the_wheel(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "infra"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--ignore-installed", "--prefix", tmp_path / "there", wheel], check=True)
    (packages,) = (tmp_path / "there").glob("lib/python*/site-packages")
    ask = "from orderlake.deploy.terraform import module_folder; print(module_folder())"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(packages)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = Path(done.stdout.strip())
    assert found.is_relative_to(tmp_path / "there")
    files = {str(file.relative_to(MODULE)) for pattern in ("*.tf", "queries/*.sql") for file in MODULE.glob(pattern)}
    assert {str(file.relative_to(found)) for file in found.rglob("*") if file.is_file()} == files
    assert module_folder() == MODULE

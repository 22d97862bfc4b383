"""A deployment before Terraform is reached: what was chosen, what is wrong, and what it leaves in AWS by itself."""

import json

import pytest

from orderlake.config import load_project
from orderlake.deployment import Deployment, empty_bucket
from orderlake.errors import ConfigError, StorageUnavailableError, TransientError
from orderlake.lake import Lake
from orderlake.samples import sample_paths


@pytest.fixture
def root(tmp_path):
    Lake.init(tmp_path / "shop", ["orders"]).close()
    return tmp_path / "shop"


@pytest.fixture
def deploy(root):
    """The deployment with these variables from the command line."""
    return lambda **given: Deployment(load_project(root), given)


@pytest.fixture
def standing(deploy):
    """It was applied once, with these variables."""

    def applied(**given):
        made = deploy(**given)
        made.folder.mkdir(parents=True, exist_ok=True)
        made._remember()

    return applied


def test_what_the_last_apply_was_given_holds_on(deploy, standing):
    standing(region="eu-west-1", name="store", encryption="KMS", memory=1024)
    assert deploy(memory=2048).variables == deploy().variables | {"memory": 2048}
    found = deploy().variables
    assert {key: found[key] for key in ("region", "name", "encryption", "memory")} == {
        "region": "eu-west-1", "name": "store", "encryption": "KMS", "memory": 1024,
    }  # fmt: skip


def test_the_project_file_goes_before_what_was_given_once(deploy, standing, root):
    standing(region="eu-west-1", memory=1024)
    with (root / "orderlake.yaml").open("a", encoding="utf-8") as file:
        file.write("aws:\n  memory: 512\n")
    assert deploy().variables["memory"] == 512


def test_null_takes_back_what_was_given_once(deploy, standing):
    standing(region="eu-west-1", memory=1024)
    assert deploy(memory=None).variables["memory"] is None
    standing(memory=None)
    assert "memory" not in deploy().variables


@pytest.mark.parametrize("other", [{"region": "us-east-1"}, {"name": "other"}])
def test_name_and_region_cannot_change_while_it_stands(deploy, standing, other):
    standing(region="eu-west-1")
    with pytest.raises(ConfigError, match="deployed as shop in eu-west-1"):
        _ = deploy(**other).variables


def test_the_environment_s_region_does_not_move_what_stands(deploy, standing, monkeypatch):
    standing(region="eu-west-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert deploy().variables["region"] == "eu-west-1"


def test_a_region_that_is_none_is_refused_at_once(deploy):
    with pytest.raises(ConfigError, match="'mars' is no region"):
        _ = deploy(region="mars").variables


@pytest.fixture
def terraform_there(tmp_path, monkeypatch):
    """A program of that name; it is never run."""
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))


@pytest.mark.usefixtures("terraform_there")
def test_a_variable_that_there_is_not_is_refused_before_anything_is_built(deploy, root):
    with pytest.raises(ConfigError, match="no variable 'memroy' of a deployment: did you mean memory"):
        deploy(region="eu-west-1", memroy=1024).plan()
    assert not (root / ".orderlake" / "deploy").exists()


def test_without_terraform_nothing_is_built(deploy, root, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"install Terraform 1\.9"):
        deploy(region="eu-west-1").plan()
    assert not (root / ".orderlake" / "deploy").exists()


def test_the_account_is_that_of_the_credentials(deploy, aws):
    assert deploy(region=aws.region).account == "123456789012"


def test_the_sample_is_gone_from_the_new_files_whether_it_was_loaded_or_not(deploy, aws):
    settings = aws.deploy()
    with pytest.raises(TransientError, match="was not loaded within 0 s"):
        deploy(region=aws.region).smoke(settings, sample_paths("orders")[0].read_bytes(), seconds=0)
    bucket = settings.raw.removeprefix("s3://").partition("/")[0]
    found = aws.client("s3").list_object_versions(Bucket=bucket)
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_a_bucket_that_keeps_an_object_is_not_taken_for_empty(aws, monkeypatch):
    bucket = aws.make_bucket("kept-by-a-lock")
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    refused = {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "object lock"}]}

    def refuse(parsed, **_):
        parsed.clear()
        parsed.update(refused)

    s3.meta.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(StorageUnavailableError, match="a cannot be deleted: object lock"):
        empty_bucket(bucket, aws.region)


def test_what_it_remembers_is_for_people_to_read(standing, root):
    standing(region="eu-west-1", tags={"team": "data"})
    kept = json.loads((root / ".orderlake" / "deploy" / "chosen.json").read_text("utf-8"))
    assert kept == {"name": "shop", "region": "eu-west-1", "tags": {"team": "data"}}

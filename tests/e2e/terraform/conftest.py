"""Plans of the Terraform module, made once, and a deployment's Terraform; all against an emulator of one's own."""

import shutil
import zipfile

import pytest

from orderlake.deploy.terraform import Terraform, provider_mirror
from tests.e2e.ministack import ACCOUNT, REGION, ministack

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1b2c3d4e"
EVERYTHING = {
    "crawler": True,
    "tracing": True,
    "monthly_budget_usd": 20,
    "alarm_email": "ops@shop.example",
    "alerts": True,
    "alert_email": "data@shop.example",
}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """The environment in which AWS is an emulator."""
    if shutil.which("terraform") is None or provider_mirror() is None:
        pytest.skip(
            "wants terraform and the AWS provider in a folder: `terraform providers mirror DIR`, TF_PLUGIN_DIR=DIR"
        )
    with ministack(tmp_path_factory.mktemp("ministack")) as environment:
        yield environment


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """A package whose functions answer as those of orderlake do, so that the wiring around them can be seen to work."""
    file = tmp_path_factory.mktemp("package") / "package.zip"
    code = (
        "def handler(event, context):\n"
        "    task = event.get('task')\n"
        "    if task == 'plan':\n"
        "        return {'groups': ['00001', '00002', '00003'], 'objects': 3}\n"
        "    if task == 'load' and event['group'] == '00002':\n"
        "        raise ValueError('a bad group')\n"
        "    if task == 'report':\n"
        "        return {'ok': not any('error' in each for each in event['state']['loads'])}\n"
        "    return {'task': task, 'group': event.get('group')}\n"
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orderlake/__init__.py", "")
        archive.writestr("orderlake/aws/__init__.py", "")
        for part in ("ingest", "scan", "workflow"):
            archive.writestr(f"orderlake/aws/{part}.py", code)
    return file


@pytest.fixture(scope="session")
def prepare(cloud, package, tmp_path_factory):
    def prepared(**variables):
        settings = {"name": "shop", "region": REGION, "package": str(package), "architecture": "x86_64"}
        made = Terraform(tmp_path_factory.mktemp("terraform"), settings | variables)
        made.init()
        return made

    return prepared


@pytest.fixture(scope="session")
def plain(cloud, prepare):
    """The plan with everything on that can be, encrypted by S3."""
    return planned(cloud, prepare)


@pytest.fixture(scope="session")
def with_kms(cloud, prepare):
    """The same, encrypted with a key."""
    return planned(cloud, prepare, encryption="KMS", kms_key_arn=KEY)


def planned(cloud, prepare, **variables):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.items():
            patch.setenv(name, value)
        made = prepare(**EVERYTHING, **variables)
        made.secrets["pii_key"] = "a key of personal data"
        assert made.plan()
        return made.show()


@pytest.fixture
def terraform(cloud, prepare, monkeypatch):
    """Terraform for a deployment with these variables; for the test, AWS is the emulator."""
    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    return prepare

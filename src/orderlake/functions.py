"""What the functions of a deployment have: the key that personal data is hashed with, and the pipelines."""

from __future__ import annotations

from orderlake.clients import client, translated
from orderlake.config import AwsSettings, Project
from orderlake.deploy.contents import TRIAL_FILE, contents
from orderlake.errors import ConfigError
from orderlake.secret import FILE, VARIABLE
from orderlake.storage.s3 import S3Store

_APPLY = "`orderlake deploy apply` brings them together"


def loader(name: str) -> str:
    """The function of a deployment that loads files."""
    return f"{name}-ingest"


def deployed_key(name: str, region: str) -> str | None:
    """The key that the functions have, empty while they have none; None where there are no functions."""
    function = loader(name)
    try:
        with translated(f"the function {function}"):
            found = client("lambda", region).get_function_configuration(FunctionName=function).get("Environment", {})
    except ConfigError as error:
        if "ResourceNotFoundException" in str(error.__cause__):
            return None
        raise
    if "Error" in found:
        raise ConfigError(f"the environment of {function} cannot be read: {found['Error'].get('Message', '')}")
    return str(found.get("Variables", {}).get(VARIABLE, "")).strip()


def refuse_others(project: Project, settings: AwsSettings, key: bytes) -> None:
    """ConfigError where the functions have another key than this, or other pipelines than the project."""
    there = deployed_key(settings.name, settings.region)
    if there == "":
        raise ConfigError(f"the functions have no key of personal data, so they could forget nobody: {_APPLY}")
    if there is not None and there.encode() != key:
        raise ConfigError(
            f"the functions have another key of personal data than this project: put theirs into {VARIABLE}, or into "
            f"{project.state / FILE} (the function {loader(settings.name)} has it in its environment)"
        )
    store = S3Store(settings.region)
    listed = [found.location for found in store.list(settings.pipelines)]
    deployed = {
        name: store.read(location)
        for location in listed
        if "/" not in (name := location.removeprefix(f"{settings.pipelines}/")) and name.endswith((".yaml", ".yml"))
    }
    own = {name: file.read_bytes() for name, file in contents(project).items() if "/" not in name}
    deployed.setdefault(TRIAL_FILE.name, own[TRIAL_FILE.name])  # of no matter here
    other = sorted(name for name in {*own, *deployed} if own.get(name) != deployed.get(name))
    if other:
        raise ConfigError(
            f"the functions load by other pipelines than this project has ({', '.join(other)}), and may not know what "
            f"is personal: {_APPLY}"
        )

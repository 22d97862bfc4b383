"""The project file `orderlake.yaml`: where things lie and what a load may use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from orderlake.errors import ConfigError, NotFoundError

PROJECT_FILE: Final = "orderlake.yaml"
_KEYS: Final = {"raw", "lake", "memory_mb", "workers", "aws", "lineage", "alerts", "maintenance"}
DEFAULT_MEMORY_MB: Final = 192
ENVIRONMENTS: Final = ("local", "aws")
AWS_FILE: Final = "aws.json"
"""In a project's `.orderlake`: the outputs of its deployment, by the names of AwsSettings."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """A deployment on AWS, as Terraform's outputs or a Lambda function's environment name its parts.

    `raw` and `lake` and `pipelines` are `s3://bucket/prefix` without a slash at the end, `table` is the DynamoDB table
    of heads, leases and loads, `database` the Glue database. Alerts of the kinds `alerts_on` (with
    commas) go to the SNS topic `alerts_topic`, if there is one.
    """

    name: str
    region: str
    raw: str
    lake: str
    pipelines: str
    table: str
    database: str
    workgroup: str = ""
    queue_url: str = ""
    dead_letter_url: str = ""
    state_machine: str = ""
    crawler: str = ""
    alerts_topic: str = ""
    alerts_on: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder and its settings; `memory_mb` is MiB for the engine, `workers` None for one per core."""

    root: Path
    raw: Path
    lake: Path
    memory_mb: int = DEFAULT_MEMORY_MB
    workers: int | None = None
    aws: AwsSettings | None = None
    """Where the lake is on AWS; None for a lake in folders."""
    deploy: Mapping[str, Any] = field(default_factory=dict)
    """How the project is to be deployed: variables of the Terraform module, by name."""
    lineage: Mapping[str, str] = field(default_factory=dict)
    """Where OpenLineage events go: to a `file` or a `url`; and the `namespace` of the project's jobs."""
    alerts: Sequence[Any] = ()
    """Where alerts go; orderlake.alerts.settings reads them."""
    maintenance: Any = None
    """How tables are looked after; orderlake.maintain.settings reads it."""

    @property
    def state(self) -> Path:
        """The folder of the catalog, the ledger and work in progress."""
        return self.root / ".orderlake"

    @property
    def pipelines(self) -> Path:
        """The folder of pipeline files."""
        return self.root / "pipelines"


def find_project(start: Path) -> Path:
    """The nearest folder upward that holds `orderlake.yaml`; NotFoundError says how to make one."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise NotFoundError(
        f"no {PROJECT_FILE} in {start} or above it: "
        "make a project with `orderlake init DIR`, or name one with --project DIR"
    )


def load_project(root: Path, *, is_kept: bool = True) -> Project:
    """Read a project's settings; ConfigError says what is wrong, NotFoundError when there is no project.

    What was read is kept in the project for the next time, unless nothing may be written.
    """
    root = root.resolve()
    file = root / PROJECT_FILE
    if not file.is_file():
        raise NotFoundError(f"there is no {PROJECT_FILE} in {root}: make a project with `orderlake init {root}`")
    document = read_yaml(file, root / ".orderlake" / "cache" if is_kept else None)
    settings = {} if document is None else document
    if not isinstance(settings, dict):
        raise ConfigError(f"{file}: expected `name: value` lines")
    unknown = {str(key) for key in settings} - _KEYS
    if unknown:
        raise ConfigError(f"{file}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}")
    memory = _whole(file, settings, "memory_mb")
    return Project(
        root,
        root / str(settings.get("raw", "raw")),
        root / str(settings.get("lake", "lake")),
        DEFAULT_MEMORY_MB if memory is None else memory,
        _whole(file, settings, "workers"),
        deploy=_mapping(file, settings, "aws"),
        lineage=_lineage(file, settings),
        alerts=_alerts(settings),
        maintenance=settings.get("maintenance"),
    )


def aws_settings(values: Mapping[str, Any], where: str) -> AwsSettings:
    """Settings from Terraform's outputs or from an environment; ConfigError names what is missing or unsafe."""
    known = [each.name for each in fields(AwsSettings)]
    needed = [each.name for each in fields(AwsSettings) if each.default is MISSING]
    missing = [key for key in needed if not values.get(key)]
    if missing:
        raise ConfigError(f"{where}: {', '.join(missing)} is missing")
    found = {key: str(values[key]).rstrip("/") for key in known if values.get(key)}
    for key in ("raw", "lake", "pipelines"):
        if not found[key].startswith("s3://"):
            raise ConfigError(f"{where}: {key} must be an s3:// location, not {found[key]!r}")
    refuse_loop(found["raw"], found["lake"], where)
    return AwsSettings(**found)


def refuse_loop(raw: str, lake: str, where: str) -> None:
    """ConfigError when what is written to the lake would land where new files are looked for, and load itself."""
    a, b = f"{raw.rstrip('/')}/", f"{lake.rstrip('/')}/"
    if a.startswith(b) or b.startswith(a):
        raise ConfigError(
            f"{where}: raw ({raw}) and lake ({lake}) lie in each other, so that what a load writes would be loaded "
            "again, without end: give them buckets or prefixes of their own"
        )


def lambda_settings(environment: Mapping[str, str]) -> AwsSettings:
    """The settings of a Lambda function: ORDERLAKE_RAW, ORDERLAKE_LAKE and so on, and AWS_REGION."""
    values = {each.name: environment.get(f"ORDERLAKE_{each.name.upper()}", "") for each in fields(AwsSettings)}
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
    return aws_settings({**values, "region": values["region"] or region}, "the environment (ORDERLAKE_…)")


def deployed(root: Path) -> AwsSettings:
    """The deployment of a project, as `orderlake deploy apply` left its outputs; NotFoundError when there is none."""
    file = root / ".orderlake" / AWS_FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"{root} is not deployed on AWS from here: there is no {file}; `orderlake deploy apply` makes it"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{file}: {error}: `orderlake deploy apply` writes it again") from error
    return aws_settings(values, str(file))


def in_environment(project: Project, env: str | None = None) -> Project:
    """The project as it is in an environment: `local`, or `aws` where it is deployed; by default ORDERLAKE_ENV's."""
    chosen = env or os.environ.get("ORDERLAKE_ENV") or "local"
    if chosen not in ENVIRONMENTS:
        raise ConfigError(f"there is no environment {chosen!r}: say {' or '.join(ENVIRONMENTS)}")
    return project if chosen == "local" else replace(project, aws=deployed(project.root))


def _mapping(file: Path, settings: dict[str, Any], key: str) -> Mapping[str, Any]:
    value = settings.get(key) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: {key} must be `name: value` lines, such as region: eu-central-1")
    return {str(name): each for name, each in value.items()}


def _lineage(file: Path, settings: dict[str, Any]) -> Mapping[str, str]:
    value = settings.get("lineage") or {}
    known, texts = {"file", "url", "namespace"}, isinstance(value, dict)
    if not texts or not set(value) <= known or not all(isinstance(each, str) for each in value.values()):
        raise ConfigError(f"{file}: lineage takes `file: PATH` or `url: http://…`, and `namespace: NAME`")
    if value and ("file" in value) == ("url" in value):
        raise ConfigError(f"{file}: lineage goes to one place: give it a `file` or a `url`")
    if "url" in value and not value["url"].startswith(("http://", "https://")):
        raise ConfigError(f"{file}: lineage's url must begin with http:// or https://, not {value['url']!r}")
    return dict(value)


def _alerts(settings: dict[str, Any]) -> tuple[Any, ...]:
    """One mapping is a list of one."""
    value = settings.get("alerts")
    return tuple(value) if isinstance(value, list) else () if value is None else (value,)


def _whole(file: Path, settings: dict[str, Any], key: str) -> int | None:
    value = settings.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{file}: {key} must be a whole number above 0, not {value!r}")
    return value


def read_yaml(file: Path, cache: Path | None = None) -> object:
    """Load a YAML file; ConfigError names the line that is wrong.

    With a `cache` folder the parsed document is kept there as JSON, for as long as the file does not change: importing
    a YAML parser takes longer than saying that a file is loaded already.
    """
    found = file.stat()
    kept = None
    if cache is not None:
        digest = hashlib.sha256(f"{file}\0{found.st_mtime_ns}\0{found.st_size}".encode()).hexdigest()[:24]
        kept = cache / f"{digest}.json"
        with suppress(OSError, ValueError):
            return json.loads(kept.read_bytes())
    document = _parse_yaml(file)
    if kept is not None:
        with suppress(OSError, TypeError):  # the cache may be read-only, or the document hold what JSON has no word for
            text = json.dumps(document)
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f"{kept.name}.{os.getpid()}")
            part.write_text(text, encoding="utf-8")
            part.replace(kept)
    return document


def _parse_yaml(file: Path) -> object:
    import yaml  # noqa: PLC0415 - see read_yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error

"""Which dbt project is built: the bundled one, or the project's own; of which pipelines; whether it has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from orderlake.building.origin import declared_columns
from orderlake.config import Project
from orderlake.errors import ConfigError, MissingExtraError
from orderlake.wiring import Backends, bundled_pipelines, load_pipeline

OWN: Final = "dbt"
"""The folder in a project that is used instead of the bundled models."""
_MADE: Final = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
"""Folders that dbt makes in a project."""


@dataclass(frozen=True, slots=True)
class Models:
    """A dbt project: its folder, its variables, and a text that changes when anything that makes its rows does."""

    folder: Path
    variables: Mapping[str, Any]
    digest: str


def models_of(backends: Backends, adapter: str) -> Models:
    """The models of a project for a dbt adapter (`dbt-duckdb`).

    MissingExtraError without dbt, ConfigError when no bundled pipeline is there to build of.
    """
    versions = {package: _version(package, adapter) for package in ("dbt-core", adapter)}
    own = backends.project.root / OWN
    tables = declared_columns(backends)
    if (own / "dbt_project.yml").is_file():
        folder, pipelines = own, _present(tables)
    else:
        folder, pipelines = _bundled(), _whole(tables)
    variables = {"pipelines": pipelines}
    return Models(folder, variables, _digest(folder, {"versions": versions, "tables": tables, **variables}))


def eject(project: Project) -> Path:
    """Copy the bundled models into the project, to be changed there; ConfigError when it has models already."""
    own = project.root / OWN
    if own.exists():
        raise ConfigError(f"{own} is there already, and is what `orderlake build` uses: nothing was copied")
    return shutil.copytree(_bundled(), own)


def _bundled() -> Path:
    return Path(__file__).parent.parent / "dbt"


def _version(package: str, adapter: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        extra, make = ("dbt-athena", "") if adapter == "dbt-athena" else ("dbt", " (in a checkout: make dbt)")
        raise MissingExtraError(f"marts need {package}: pip install 'orderlake[{extra}]'{make}") from error


def _present(tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The bundled pipelines whose Iceberg tables the project declares, whatever the name of its pipeline file."""
    return [name for name, needed in _needed().items() if needed.keys() <= tables.keys()]


def _whole(tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The same, where nothing is missing that the bundled models read."""
    found = _present(tables)
    if not found:
        raise ConfigError(
            f"there are marts for the pipelines {', '.join(_needed())}, and this project has none of them: "
            "`orderlake build --eject` copies the models into dbt/, to be changed for other tables"
        )
    for pipeline in found:
        for table, columns in _needed()[pipeline].items():
            missing = [column for column, kind in columns.items() if tables[table].get(column) != kind]
            if missing:
                raise ConfigError(
                    f"table {table} has no column {missing[0]} {columns[missing[0]]}, which the marts are made of: put "
                    "it back into the pipeline, or change the models (`orderlake build --eject` copies them into dbt/)"
                )
    return found


def _needed() -> dict[str, dict[str, dict[str, str]]]:
    """Per bundled pipeline its Iceberg tables, with columns and types."""
    return {
        name: {
            spec.name: {column.name: column.type.sql for column in spec.columns}
            for stream in load_pipeline(file).streams
            for spec in stream.tables
            if spec.format == "iceberg"
        }
        for name, file in bundled_pipelines().items()
    }


def _digest(folder: Path, more: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(more, sort_keys=True).encode())
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part in _MADE or part.startswith(".") for part in parts):
            digest.update(f"\0{'/'.join(parts)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()

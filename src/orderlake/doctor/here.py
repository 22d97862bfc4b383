"""This machine, a project, and a lake in its folders."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib import import_module, metadata
from typing import Final

from orderlake.catalog.sqlite import strangers
from orderlake.config import Project
from orderlake.database import may_not_write
from orderlake.doctor.change import changes
from orderlake.doctor.check import Check
from orderlake.errors import ConfigError, LakeError
from orderlake.model.pipeline import Pipeline
from orderlake.processes import is_alive
from orderlake.sources import LocalSources, stream_of
from orderlake.wiring import Backends, load_pipeline

_PYTHON: Final = (3, 11)
_SQLITE: Final = (3, 24)
"""The first with upserts."""
_PACKAGES: Final = {"duckdb": "duckdb", "fastavro": "fastavro", "pyyaml": "yaml", "zstandard": "zstandard"}
_DUCKDB: Final = "2.0."
_LITTLE: Final = 1 << 30
_TOO_LITTLE: Final = 100 << 20
_NAMED: Final = 3


def machine() -> list[Check]:
    """Python, the packages, SQLite."""
    return [_python(), *_packages(), _sqlite()]


def lake(project: Project, pipelines: Sequence[Pipeline]) -> list[Check]:
    """A lake in folders of this machine."""
    databases = list(_databases(project))
    whole = all(check.status == "ok" for check in databases)
    return [
        *_folders(project),
        _disk(project),
        *_raw(project, pipelines),
        *databases,
        *(changes(project, pipelines) if whole else ()),
        *_work(project),
    ]


def _python() -> Check:
    name = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON:
        return Check("python", "fail", f"Python {name}", "install Python 3.11 or newer")
    return Check("python", "ok", f"Python {name}")


def _packages() -> Iterator[Check]:
    for package, module in _PACKAGES.items():
        try:
            import_module(module)
            version = metadata.version(package)
        except (ImportError, metadata.PackageNotFoundError) as error:
            yield Check(
                package,
                "fail",
                f"{package} cannot be used: {error}",
                f"pip install --upgrade --force-reinstall {package}",
            )
            continue
        if package == "duckdb" and not version.startswith(_DUCKDB):
            yield Check(
                package,
                "warn",
                f"duckdb {version} is not the {_DUCKDB}x that orderlake is made for",
                f"pip install 'duckdb=={_DUCKDB}*'",
            )
        else:
            yield Check(package, "ok", f"{package} {version}")


def _sqlite() -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _SQLITE:
        return Check("sqlite", "fail", f"SQLite {version} is too old", "use a Python whose SQLite is 3.24 or newer")
    return Check("sqlite", "ok", f"SQLite {version}")


def pipelines_of(project: Project) -> tuple[Sequence[Pipeline], list[Check]]:
    """The project's pipelines, none when one of them is wrong, and a check for each."""
    files = sorted(project.pipelines.glob("*.y*ml"))
    checks: list[Check] = []
    for file in files:
        try:
            pipeline = load_pipeline(file)
        except (LakeError, OSError) as error:
            checks.append(Check("pipeline", "fail", str(error), f"correct {file}"))
        else:
            tables = [table.name for stream in pipeline.streams for table in stream.tables]
            checks.append(Check("pipeline", "ok", f"pipeline {pipeline.name}: {', '.join(tables)}"))
    if not files:
        return (), [
            Check(
                "pipeline",
                "warn",
                f"there is no pipeline in {project.pipelines}",
                "put a bundled one in: `orderlake init . --pipeline orders`",
            )
        ]
    if any(check.status == "fail" for check in checks):
        return (), checks
    try:
        return Backends(project).pipelines, checks
    except ConfigError as error:
        return (), [*checks, Check("pipeline", "fail", str(error), "rename the table in one of them")]


def _folders(project: Project) -> Iterator[Check]:
    if not project.raw.is_dir():
        yield Check("raw", "warn", f"there is no folder {project.raw}", f"mkdir -p {project.raw}")
    elif not os.access(project.raw, os.R_OK | os.X_OK):
        yield Check("raw", "fail", f"{project.raw} cannot be read", "give yourself the right to read it")
    for what, folder in (("lake", project.lake), ("state", project.state)):
        place = next(parent for parent in (folder, *folder.parents) if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=place):
                yield Check(what, "ok", f"{folder} can be written" if place == folder else f"{folder} can be made")
        except OSError as error:
            yield Check(
                what, "fail", f"{place} cannot be written: {error.strerror}", "give yourself the right to write there"
            )


def _disk(project: Project) -> Check:
    place = next(parent for parent in (project.lake, *project.lake.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    message = f"{free / 1e9:.1f} GB free for the lake"
    if free < _LITTLE:
        return Check(
            "disk",
            "fail" if free < _TOO_LITTLE else "warn",
            message,
            "free some space: a load needs room for what it writes, twice",
        )
    return Check("disk", "ok", message)


def _raw(project: Project, pipelines: Sequence[Pipeline]) -> Iterator[Check]:
    if not pipelines or not project.raw.is_dir():
        return
    sources = LocalSources(project).find(())
    strangers: list[str] = []
    for source in sources:
        try:
            stream_of(pipelines, source, None)
        except ConfigError:
            strangers.append(source.uri)
    if not strangers:
        yield Check("files", "ok", f"every file in {project.raw} fits a pipeline ({len(sources)} in all)")
        return
    named = ", ".join(strangers[:_NAMED]) + (", …" if len(strangers) > _NAMED else "")
    yield Check(
        "files",
        "warn",
        f"{len(strangers)} of {len(sources)} in {project.raw} fit no pipeline: {named}",
        "widen `match` in a pipeline, or load them by name: `orderlake run FILE --pipeline NAME`",
    )


def _databases(project: Project) -> Iterator[Check]:
    remedies = {
        "catalog": "restore it from a copy: it says which files are the tables",
        "ledger": "restore it from a copy, or move it away: a load then sees from the tables what they hold",
    }
    for what, remedy in remedies.items():
        file = project.state / f"{what}.db"
        if not file.exists():
            yield Check(what, "ok", f"{what}: none yet, the first load makes it")
            continue
        try:
            with closing(sqlite3.connect(file, timeout=5)) as connection:
                found = str(connection.execute("PRAGMA quick_check").fetchone()[0])
                if what == "catalog" and found == "ok":
                    heads = connection.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
                    elsewhere = strangers([head for (head,) in heads], project.lake)
                    found, remedy = elsewhere or (found, remedy)  # noqa: PLW2901
        except sqlite3.Error as error:
            found = str(error)
            if may_not_write(error):  # nothing is wrong with the file
                remedy = "give yourself the right to write there"  # noqa: PLW2901
        yield (
            Check(what, "ok", f"{what} {file} is whole")
            if found == "ok"
            else Check(what, "fail", f"{what} {file}: {found}", remedy)
        )


def _work(project: Project) -> Iterator[Check]:
    work = project.state / "work"
    owners = [folder.name.split("-", 1)[0] for folder in work.iterdir()] if work.is_dir() else []
    dead = [owner for owner in owners if not owner.isdigit() or not is_alive(int(owner))]
    if dead:
        yield Check(
            "work",
            "warn",
            f"loads that were broken off: {len(dead)}; the tables are whole",
            "nothing to do: the next load clears them away, and goes on with what is staged of large files",
        )
    else:
        yield Check("work", "ok", "no load was broken off, or all was cleared up")

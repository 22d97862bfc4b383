"""Whether the tables of a lake can become what its pipelines declare, and what the next load will change of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from orderlake.config import Project
from orderlake.doctor.check import Check
from orderlake.errors import ConfigError, LakeError
from orderlake.model.pipeline import Pipeline
from orderlake.wiring import Backends


def changes(project: Project, pipelines: Sequence[Pipeline]) -> Iterator[Check]:
    """A check per source whose tables the next load changes, or cannot; nothing of a lake that is not loaded yet."""
    if not (project.state / "catalog.db").exists():
        return
    from orderlake.tables.declared import check  # noqa: PLC0415 - `doctor` of a new project needs no tables

    with closing(Backends(project)) as backends:
        for stream in (stream for pipeline in pipelines for stream in pipeline.streams):
            what = f"{stream.pipeline}.{stream.name}"
            try:
                wanted = check(stream, backends.house)
            except ConfigError as error:
                for line in str(error).splitlines():
                    fault, _, remedy = line.partition(": ")
                    yield Check("change", "fail", fault, remedy)
            except LakeError as error:
                yield Check("change", "fail", f"{what}: {error}", "orderlake verify")
            else:
                if wanted.changes:
                    yield Check("change", "ok", f"{what}, with the next load: {'; '.join(wanted.changes)}")

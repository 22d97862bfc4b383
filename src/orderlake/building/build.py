"""A build of the marts, from the question whether anything has changed to the pointer that readers follow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orderlake.building.builder import Builder, Options
from orderlake.building.dbt import Workshop
from orderlake.building.local import LocalBuilder
from orderlake.building.models import models_of
from orderlake.building.report import BuildReport, BuiltMart, Step
from orderlake.tables.published import published
from orderlake.wiring import Backends

TURN: Final = "marts"
"""The name of the lease that lets one builder at a time work."""
EVERYTHING: Final = Options()


def build(
    backends: Backends, options: Options = EVERYTHING, on_step: Callable[[Step], None] = lambda _: None
) -> BuildReport:
    """Build, test and publish the marts of a lake; nothing is done when nothing has changed.

    Raises CheckFailedError or QueryError when a test or a model fails (nothing is published then), ConfigError or
    MissingExtraError when dbt cannot begin, TransientError when the private database is in use.
    """
    started = time.perf_counter()
    builder = _builder(backends, options, on_step)
    with backends.ledger.turn(TURN):
        last = published(backends.store, backends.root)
        if last is not None and builder.is_current(last):
            marts = [BuiltMart(mart.name, mart.rows, written=False) for mart in last.marts.values()]
            report = BuildReport("unchanged", last.build, marts)
        else:
            report = builder.run(last)
        docs = builder.document() if options.docs else None
    return replace(report, docs=docs, seconds=time.perf_counter() - started)


def _builder(backends: Backends, options: Options, on_step: Callable[[Step], None]) -> Builder:
    project = backends.project
    if project.aws is None:
        models = models_of(backends, "dbt-duckdb")
        return LocalBuilder(backends, Workshop(project.state / "dbt"), models, options, on_step)
    from orderlake.building.athena import AthenaBuilder  # noqa: PLC0415 - needs the extra `dbt-athena`

    models = models_of(backends, "dbt-athena")
    there = replace(models, variables={**models.variables, "source_schema": project.aws.database})
    return AthenaBuilder(backends, Workshop(project.state / "dbt-aws"), there, options, on_step)

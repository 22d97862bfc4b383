"""What Athena keeps of a lake: its answers to questions, and the marts that dbt has built there."""

from __future__ import annotations

from collections.abc import Iterator

from orderlake.clients import catalog_errors, client, translated
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError
from orderlake.tables.published import FOLDER
from orderlake.wiring import Backends


def answers(backends: Backends) -> Iterator[str]:
    """Where the answers lie that the deployment's workgroup has written down."""
    place = answers_place(_settings(backends))
    if place:
        yield from (found.location for found in backends.store.list(place, hidden=True))


def answers_place(settings: AwsSettings) -> str:
    """The location of a workgroup's answers, `s3://bucket/prefix`; empty when the deployment has no workgroup."""
    if not settings.workgroup:
        return ""
    with translated(f"the Athena workgroup {settings.workgroup}"):
        group = client("athena", settings.region).get_work_group(WorkGroup=settings.workgroup)["WorkGroup"]
    place = group.get("Configuration", {}).get("ResultConfiguration", {}).get("OutputLocation", "")
    place = str(place).rstrip("/")
    for kept in (settings.raw, settings.lake, settings.pipelines):
        if f"{kept}/".startswith(f"{place}/") or f"{place}/".startswith(f"{kept}/"):
            raise ConfigError(
                f"the Athena workgroup {settings.workgroup} writes its answers to {place}, where {kept} is too: they "
                "cannot be told apart; give it a place of its own"
            )
    return place


def drop_marts(backends: Backends) -> None:
    """Let Glue know no mart any more, so that the next build makes each from scratch."""
    settings = _settings(backends)
    glue, place = client("glue", settings.region), f"{settings.lake}/{FOLDER}/"
    with catalog_errors(f"the Glue database {settings.database}"):
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=settings.database)
        found = [table for page in pages for table in page["TableList"]]
        for table in found:
            if table.get("StorageDescriptor", {}).get("Location", "").startswith(place):
                glue.delete_table(DatabaseName=settings.database, Name=table["Name"])


def _settings(backends: Backends) -> AwsSettings:
    if backends.project.aws is None:
        raise ConfigError("the lake is not on AWS")
    return backends.project.aws

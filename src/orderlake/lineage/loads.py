"""Loads as OpenLineage events: START when a load begins, COMPLETE when it is committed, FAIL for a rejected file.

A run is a load, and its id is the load's; what is sent again is the same run.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    RunFacet,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
)

from orderlake.lineage.facets import PRODUCER, OrderlakeRecordsRunFacet, declared_lineage, table
from orderlake.lineage.places import Places
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport, added

Schemas = Mapping[str, Mapping[str, str]]
"""Columns and types of each table."""
_QUARANTINE: Final = "quarantine"


def run_id(load: str) -> str:
    """The run of a load: its own id, which is a UUID as a rule.

    >>> run_id("21ca2c54ea17448d808e7f41eedb6937"), run_id("load 7")
    ('21ca2c54-ea17-448d-808e-7f41eedb6937', 'a7cb420e-74c9-57bb-b769-8de90fdedd41')
    """
    try:
        return str(uuid.UUID(load))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:orderlake:load:{load}"))


def started(places: Places, job: str, load: str, sources: Sequence[str], at: str) -> RunEvent:
    """A load of these sources (uris) has begun."""
    inputs = [_input(places, uri) for uri in sources]
    return _event(RunState.START, places, job, load, at, inputs=inputs)


def begun(places: Places, reports: Sequence[LoadReport]) -> RunEvent:
    """The load of these reports had begun, which nobody told of then."""
    first = reports[0]
    job = job_name(first.pipeline, first.stream)
    return started(places, job, first.load_id, [report.source for report in reports], first.at)


def aborted(places: Places, job: str, load: str, reason: str, at: str) -> RunEvent:
    """A load has ended without an account of any file: it was interrupted, or its files were tried one by one."""
    return _event(RunState.ABORT, places, job, load, at, facets={"errorMessage": _error(reason)})


def ended(places: Places, stream: Stream | None, reports: Sequence[LoadReport], schemas: Schemas) -> RunEvent:
    """A load has ended as its reports say, all of them of one load: COMPLETE, or FAIL when nothing of it was loaded."""
    loaded = [report for report in reports if report.status == "loaded"]
    first = reports[0]
    job = job_name(first.pipeline, first.stream)
    inputs = [_input(places, report.source, report) for report in reports]
    at = max(report.at for report in reports)
    if not loaded:
        reasons = "\n".join(f"{report.source}: {report.reason or 'it cannot be read'}" for report in reports)
        return _event(
            RunState.FAIL, places, job, first.load_id, at, inputs=inputs, facets={"errorMessage": _error(reasons)}
        )
    return _event(
        RunState.COMPLETE,
        places,
        job,
        first.load_id,
        at,
        inputs=inputs,
        outputs=_outputs(places, stream, loaded, schemas),
        facets={"orderlake_records": OrderlakeRecordsRunFacet(**added(loaded), producer=PRODUCER)},
    )


def job_name(pipeline: str, stream: str) -> str:
    """The job of a stream; a file that fits no pipeline is the job `load`'s.

    >>> job_name("orders", "orders"), job_name("", "")
    ('orders.orders', 'load')
    """
    return ".".join(part for part in (pipeline, stream) if part) or "load"


def _outputs(
    places: Places, stream: Stream | None, reports: Sequence[LoadReport], schemas: Schemas
) -> list[OutputDataset]:
    rows: Counter[str] = Counter()
    for report in reports:
        rows.update(report.tables)
    specs = {} if stream is None else {spec.name: spec for spec in stream.tables}
    files = [places.source(report.source) for report in reports]
    found = [
        table(
            places.table(name),
            places.alias(name),
            schemas.get(name, {}),
            declared_lineage(stream, specs[name], files) if stream is not None and name in specs else None,
            rows[name],
        )
        for name in (*specs, *(name for name in rows if name not in specs))
    ]
    if any(report.quarantined for report in reports):
        aside = sum(report.quarantined for report in reports)
        at, alias = places.table(_QUARANTINE), places.alias(_QUARANTINE)
        found.append(table(at, alias, schemas.get(_QUARANTINE, {}), rows=aside))
    return found


def _input(places: Places, uri: str, report: LoadReport | None = None) -> InputDataset:
    at = places.source(uri)
    found = InputDataset(at.namespace, at.name)
    if report is not None:
        statistics = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=report.read, size=report.bytes, fileCount=1, producer=PRODUCER
        )
        found.inputFacets = {"inputStatistics": statistics}
    return found


def _error(reason: str) -> error_message_run.ErrorMessageRunFacet:
    return error_message_run.ErrorMessageRunFacet(message=reason, programmingLanguage="Python", producer=PRODUCER)


def _event(  # noqa: PLR0913 - an event has as many parts
    state: RunState,
    places: Places,
    job: str,
    load: str,
    at: str,
    *,
    inputs: Sequence[InputDataset] = (),
    outputs: Sequence[OutputDataset] = (),
    facets: Mapping[str, RunFacet] | None = None,
) -> RunEvent:
    kind = job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="ORDERLAKE", jobType="LOAD", producer=PRODUCER
    )
    return RunEvent(
        eventTime=at,
        producer=PRODUCER,
        eventType=state,
        run=Run(run_id(load), dict(facets or {})),
        job=Job(places.jobs, job, {"jobType": kind}),
        inputs=list(inputs),
        outputs=list(outputs),
    )

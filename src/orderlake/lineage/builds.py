"""Builds of the marts as OpenLineage events, from what dbt leaves behind: its manifest and its results.

A build is a run, and each model is a run below it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    documentation_job,
    error_message_run,
    job_type_job,
    parent_run,
    sql_job,
    test_run,
)

from orderlake.lineage.facets import PRODUCER, computed_lineage, table
from orderlake.lineage.places import Place, Places
from orderlake.lineage.upstream import Upstream

_DONE: Final = ("success", "pass", "warn", "no-op")
_JOB: Final = "build"
_MARTS: Final = "marts"
"""The schema of the models that are published."""


def told(places: Places, folder: str) -> list[RunEvent]:
    """The events of the build whose artifacts lie in a folder; none when there are none."""
    try:
        manifest = json.loads((Path(folder) / "manifest.json").read_bytes())
        results = json.loads((Path(folder) / "run_results.json").read_bytes())
    except FileNotFoundError:
        return []
    return build_events(places, manifest, results)


def build_events(
    places: Places,
    manifest: Mapping[str, Any],
    results: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, str]] | None = None,
) -> list[RunEvent]:
    """START and COMPLETE or FAIL of a build and of each of its models, in the order of their times."""
    nodes: Mapping[str, Any] = {**manifest.get("nodes", {}), **manifest.get("sources", {})}
    nodes = {**nodes, **manifest.get("unit_tests", {})}
    outcomes = [(result, nodes[result["unique_id"]]) for result in results["results"] if result["unique_id"] in nodes]
    models = [
        (result, node)
        for result, node in outcomes
        if node["resource_type"] == "model" and result["status"] != "skipped"
    ]
    build = str(uuid.UUID(results["metadata"]["invocation_id"]))
    times = [time for result, _ in models for time in _times(result, results)] or [_generated(results)]
    tests = [_test(result, node) for result, node in outcomes if node["resource_type"] in ("test", "unit_test")]
    failed = [result for result in results["results"] if result["status"] not in (*_DONE, "skipped")]
    ended: dict[str, RunFacet] = {"tests": test_run.TestRunFacet(tests=tests, producer=PRODUCER)} if tests else {}
    if failed:
        ended["errorMessage"] = _error(failed)
    parent = Job(places.jobs, _JOB, {"jobType": _kind("BUILD")})
    events = [
        RunEvent(
            eventTime=min(times, key=datetime.fromisoformat),
            producer=PRODUCER,
            eventType=RunState.START,
            run=Run(build),
            job=parent,
        )
    ]
    run = _Build(places, nodes, Upstream(manifest, declared or {}), build)
    for result, node in models:
        events += run.model(result, node, _times(result, results))
    state = RunState.FAIL if failed else RunState.COMPLETE
    last = max([*times, _generated(results)], key=datetime.fromisoformat)
    events.append(RunEvent(eventTime=last, producer=PRODUCER, eventType=state, run=Run(build, ended), job=parent))
    return events


@dataclass(frozen=True, slots=True)
class _Build:
    """One build: its nodes, where their columns come from, and its run."""

    places: Places
    nodes: Mapping[str, Any]
    upstream: Upstream
    run: str

    def model(self, result: Mapping[str, Any], node: Mapping[str, Any], times: tuple[str, str]) -> list[RunEvent]:
        """A model begins and ends."""
        parent = parent_run.ParentRunFacet(
            run=parent_run.Run(self.run), job=parent_run.Job(self.places.jobs, _JOB), producer=PRODUCER
        )
        run = str(uuid.uuid5(uuid.UUID(self.run), str(node["unique_id"])))
        facets: dict[str, JobFacet] = {"jobType": _kind("MODEL")}
        if node.get("compiled_code"):
            facets["sql"] = sql_job.SQLJobFacet(query=node["compiled_code"], producer=PRODUCER)
        if node.get("description"):
            said = documentation_job.DocumentationJobFacet(description=node["description"], producer=PRODUCER)
            facets["documentation"] = said
        job = Job(self.places.jobs, f"{_JOB}.{_name(node)}", facets)
        sources = {
            _name(self.nodes[each]): self._place(self.nodes[each])
            for each in node["depends_on"].get("nodes", ())
            if each in self.nodes
        }
        inputs = [InputDataset(at.namespace, at.name) for at in sources.values()]
        done = result["status"] in _DONE
        ended: dict[str, RunFacet] = (
            {"parent": parent} if done else {"parent": parent, "errorMessage": _error([result])}
        )
        state = RunState.COMPLETE if done else RunState.FAIL
        return [
            _event(RunState.START, times[0], Run(run, {"parent": parent}), job, inputs, []),
            _event(
                state, times[1], Run(run, ended), job, inputs, [self._output(result, node, sources)] if done else []
            ),
        ]

    def _output(
        self, result: Mapping[str, Any], node: Mapping[str, Any], sources: Mapping[str, Place]
    ) -> OutputDataset:
        columns = {name: str(each.get("data_type") or "") for name, each in node.get("columns", {}).items()}
        origins = {
            column: [(sources[table], field) for table, field in found if table in sources]
            for column, found in self.upstream.columns(_name(node)).items()
        }
        alias = self.places.alias(_name(node)) if _is_mart(node) else None
        return table(self._place(node), alias, columns, computed_lineage(origins), _rows(result))

    def _place(self, node: Mapping[str, Any]) -> Place:
        """A loaded table or a mart by where it lies; a staging model has no place that others could look at."""
        if node["resource_type"] == "source":
            return self.places.table(_name(node))
        if _is_mart(node):
            return self.places.mart(_name(node))
        return Place(self.places.jobs, f"{node.get('schema') or 'staging'}.{_name(node)}")


def _is_mart(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "model" and bool(node.get("schema") == _MARTS)


def _event(  # noqa: PLR0913, PLR0917 - an event has as many parts
    state: RunState, at: str, run: Run, job: Job, inputs: list[InputDataset], outputs: list[OutputDataset]
) -> RunEvent:
    return RunEvent(eventTime=at, producer=PRODUCER, eventType=state, run=run, job=job, inputs=inputs, outputs=outputs)


def _kind(kind: str) -> job_type_job.JobTypeJobFacet:
    return job_type_job.JobTypeJobFacet(processingType="BATCH", integration="DBT", jobType=kind, producer=PRODUCER)


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("alias") or node.get("identifier") or node["name"])


def _rows(result: Mapping[str, Any]) -> int | None:
    rows = (result.get("adapter_response") or {}).get("rows_affected")
    return rows if isinstance(rows, int) and rows >= 0 else None


def _times(result: Mapping[str, Any], results: Mapping[str, Any]) -> tuple[str, str]:
    """When a node began and ended, by its own account."""
    timing = [time for time in result.get("timing", ()) if time.get("started_at") and time.get("completed_at")]
    if not timing:
        return _generated(results), _generated(results)
    began, ended = ([time[which] for time in timing] for which in ("started_at", "completed_at"))
    return min(began, key=datetime.fromisoformat), max(ended, key=datetime.fromisoformat)


def _generated(results: Mapping[str, Any]) -> str:
    return str(results["metadata"]["generated_at"])


def _test(result: Mapping[str, Any], node: Mapping[str, Any]) -> test_run.TestExecution:
    status = "pass" if result["status"] in _DONE else "skip" if result["status"] == "skipped" else "fail"
    return test_run.TestExecution(
        name=str(node["name"]),
        status=status,
        severity=str((node.get("config") or {}).get("severity", "error")).lower(),
        type=str((node.get("test_metadata") or {}).get("name") or "custom_sql"),
    )


def _error(results: Sequence[Mapping[str, Any]]) -> error_message_run.ErrorMessageRunFacet:
    said = "\n".join(f"{result['unique_id']}: {result.get('message') or result['status']}" for result in results)
    return error_message_run.ErrorMessageRunFacet(message=said, programmingLanguage="SQL", producer=PRODUCER)

"""Events as the official client understands them: each is parsed with its classes, facet by facet."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import attr
import openlineage.client.generated
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

_MODULES = [
    import_module(f"openlineage.client.generated.{found.name}")
    for found in iter_modules(openlineage.client.generated.__path__)
]
FACETS = {
    kind._get_schema(): kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and hasattr(kind, "_get_schema")
}


def facet(document: dict[str, Any]) -> Any:
    """A facet as the class of its schema; a field that the class does not know is an error."""
    kind = FACETS[document["_schemaURL"]]
    fields = {name: value for name, value in document.items() if name != "_schemaURL"}
    return kind(**{name.lstrip("_") if name == "_producer" else name: value for name, value in fields.items()})


def facets(documents: dict[str, Any]) -> dict[str, Any]:
    """Facets by name; ours is not the client's."""
    return {name: facet(document) for name, document in documents.items() if name != "orderlake_records"}


def event(document: dict[str, Any]) -> RunEvent:
    """A run event as the client's own class, whose validators hold for it."""
    run, job = document["run"], document["job"]
    assert {name for name in document if name != "schemaURL"} <= {field.name for field in attr.fields(RunEvent)}
    return RunEvent(
        eventTime=document["eventTime"],
        producer=document["producer"],
        eventType=RunState(document["eventType"]),
        run=Run(run["runId"], facets(run["facets"])),
        job=Job(job["namespace"], job["name"], facets(job["facets"])),
        inputs=[
            InputDataset(each["namespace"], each["name"], facets(each["inputFacets"]), facets=facets(each["facets"]))
            for each in document["inputs"]
        ],
        outputs=[
            OutputDataset(each["namespace"], each["name"], facets(each["outputFacets"]), facets=facets(each["facets"]))
            for each in document["outputs"]
        ],
    )

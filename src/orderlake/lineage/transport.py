"""Ways to deliver an event, by the OpenLineage client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport

from orderlake.errors import ConfigError
from orderlake.lineage.send import Deliver


def append(file: str, event: object) -> None:
    """Append an event to a file as one line of JSON, by one write: several loads may append to one file."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    line = f"{Serde.to_json(event)}\n".encode()
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if os.write(handle, line) != len(line):
            raise OSError(f"{file}: only a part of an event could be written")
    finally:
        os.close(handle)


def http(url: str, environment: Mapping[str, str], timeout: float) -> Deliver:
    """Post events to an endpoint, each once: the queue must not wait for one that is away.

    OPENLINEAGE_ENDPOINT and OPENLINEAGE_API_KEY are of the environment, as the client itself has them.
    """
    settings: dict[str, Any] = {"url": url, "timeout": timeout, "retry": {"total": 0, "connect": 0, "read": 0}}
    if environment.get("OPENLINEAGE_ENDPOINT"):
        settings["endpoint"] = environment["OPENLINEAGE_ENDPOINT"]
    if environment.get("OPENLINEAGE_API_KEY"):
        settings["auth"] = {"type": "api_key", "apiKey": environment["OPENLINEAGE_API_KEY"]}
    return HttpTransport(HttpConfig.from_dict(settings)).emit


def configured() -> Deliver:
    """Deliver as OPENLINEAGE_CONFIG or OPENLINEAGE__TRANSPORT__… say; ConfigError when they name no transport."""
    client = OpenLineageClient(config={"facets": {"source_code_location": {"disabled": True}}})
    if not (client.config.transport or {}).get("type"):
        raise ConfigError("OPENLINEAGE_CONFIG names no transport: give it `transport:` with a `type`")
    return client.emit

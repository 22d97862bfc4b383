"""What an invocation cost: its own requests, counted as they leave, and its memory for as long as it ran."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from orderlake.aws.telemetry import logger
from orderlake.clients import client
from orderlake.cost.meter import Meter, Usage, cost_of
from orderlake.model.report import LoadReport

_SERVICES: Final = ("s3", "dynamodb", "glue")
_MEMORY_MB: Final = 512


@lru_cache(maxsize=1)
def meter(region: str) -> Meter:
    """The meter of this process, attached to the clients that a load uses."""
    found = Meter()
    found.attach(*(client(service, region) for service in _SERVICES))
    return found


@dataclass(slots=True)
class Bill:
    """One invocation's, from its making to `publish`. One runs at a time, so all that is counted is its own."""

    region: str
    clock: Callable[[], float] = time.perf_counter
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        meter(self.region).take()
        self._began = self.clock()

    def usage(self) -> Usage:
        """What it used so far."""
        memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _MEMORY_MB))
        used = meter(self.region).take((self.clock() - self._began) * memory / 1024)
        architecture = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
        return Usage(used.requests, used.units, used.gb_seconds, used.invocations, used.scanned, architecture)

    def publish(self, reports: Iterable[LoadReport]) -> None:
        """Log dollars, as if nothing were free, in all and for a thousand of the records that were read."""
        read = sum(report.read for report in reports if report.status == "loaded")
        used = self.usage()
        dollars = cost_of(used)
        logger().info(
            "cost",
            usd=f"{dollars:.8f}",
            usd_per_thousand=f"{dollars * 1000 / read:.8f}" if read else None,
            records=read,
            gb_seconds=round(used.gb_seconds, 4),
            requests=dict(sorted(used.requests.items())),
        )

"""What a function says of itself: lines of JSON, metrics among them (EMF), traces where they are switched on."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools.tracing import Tracer

NAMESPACE: Final = "orderlake"
TRACE_DISABLED: Final = "POWERTOOLS_TRACE_DISABLED"
"""Set to `true` where the function has no active tracing: the X-Ray SDK takes a third of a second to import."""


@lru_cache(maxsize=1)
def logger() -> Logger:
    """The function's logger; POWERTOOLS_LOG_LEVEL says how much it tells."""
    return Logger(service=_service())


def begin(context: object) -> Logger:
    """The logger for one invocation: each of its lines names the request. The start is over with the first."""
    if not gc.isenabled():
        gc.freeze()  # what a start makes stays: no collection needs to look at it again
        gc.enable()
    log = logger()
    log.append_keys(request_id=str(getattr(context, "aws_request_id", "")))
    return log


def publish(values: Mapping[str, float]) -> None:
    """Write counts as one line of EMF, by service.

    Each name and set of dimensions is a metric, which CloudWatch bills by the month: so only what an alarm or the
    dashboard watches, or what is rare, is one. All else, and what is of one pipeline, is in the lines of the log.
    """
    if not values:
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=_service())
    for name, value in values.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    metrics.flush_metrics()


@contextmanager
def traced(name: str) -> Iterator[None]:
    """Show what is done within as a part of the trace, where tracing is on."""
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ or os.environ.get(TRACE_DISABLED, "").lower() in {"1", "true"}:
        yield
        return
    with _tracer().provider.in_subsegment(f"## {name}"):
        yield


@lru_cache(maxsize=1)
def _tracer() -> Tracer:
    from aws_lambda_powertools.tracing import Tracer  # noqa: PLC0415 - see TRACE_DISABLED

    return Tracer(service=_service(), patch_modules=["botocore"])


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or os.environ.get("ORDERLAKE_NAME") or NAMESPACE

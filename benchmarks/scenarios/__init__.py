"""The scenarios by name: each takes the settings and gives an outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.report import Outcome
from benchmarks.scenarios.all_three import all_three
from benchmarks.scenarios.array_ndjson import array_ndjson
from benchmarks.scenarios.checks import checks
from benchmarks.scenarios.correction import correction
from benchmarks.scenarios.lambda_start import lambda_start
from benchmarks.scenarios.large import large
from benchmarks.scenarios.lifecycle import lifecycle
from benchmarks.scenarios.maintained import maintained
from benchmarks.scenarios.many_loads import many_loads
from benchmarks.scenarios.memory import memory
from benchmarks.scenarios.pages import pages
from benchmarks.scenarios.small import small
from benchmarks.scenarios.spark import spark
from benchmarks.scenarios.unchanged import unchanged
from benchmarks.scenarios.wide import wide
from benchmarks.settings import Settings

SCENARIOS: dict[str, Callable[[Settings], Outcome]] = {
    "wide-array": partial(wide, layout="json"),
    "wide-ndjson": partial(wide, layout="ndjson"),
    "all-three": all_three,
    "array-ndjson": array_ndjson,
    "checks": checks,
    "memory": memory,
    "small": small,
    "many-loads": many_loads,
    "correction": correction,
    "unchanged": unchanged,
    "lambda-start": lambda_start,
    "large": large,
    "pages": pages,
    "maintained": maintained,
    "lifecycle": lifecycle,
    "spark": spark,
}

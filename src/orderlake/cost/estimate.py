"""What a month will cost, from orders, sizes and rates: a charge per price, with and without what is free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from orderlake.cost.prices import Charge, PriceTable, bill
from orderlake.cost.workload import HOURS, PerLoad, Workload, assumed

ATHENA_LEAST: Final = 10_000_000
"""Bytes that a query is billed for at least; 10 MB taken as 10^7 bytes."""
_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """The charges of a month."""

    workload: Workload
    table: PriceTable
    charges: tuple[Charge, ...]

    @property
    def full(self) -> Decimal:
        """Dollars a month where nothing is free."""
        return sum((charge.full for charge in self.charges), Decimal(0))

    @property
    def due(self) -> Decimal:
        """Dollars a month after the free tier, where nothing else in the account uses it."""
        return sum((charge.due for charge in self.charges), Decimal(0))


@dataclass(frozen=True, slots=True)
class Crawler:
    """A month of the original's crawler with so many DPUs, and how far its own estimate was off."""

    dpus: int
    dollars: Decimal

    @property
    def factor(self) -> Decimal:
        """Times the original's estimate."""
        return self.dollars / assumed("crawler_original")


def estimate(workload: Workload, table: PriceTable) -> Estimate:
    """A month of a workload at the prices of a table."""
    return Estimate(workload, table, tuple(bill(_quantities(workload), table)))


def crawler(dpus: int, table: PriceTable) -> Crawler:
    """A month of hourly crawls that each last no longer than they are billed for at least."""
    hours = assumed("crawler_runs") * assumed("crawler_minutes") / 60 * dpus
    return Crawler(dpus, hours * table["glue.crawler"].usd)


def largest(workload: Workload, table: PriceTable, dollars: Decimal, of: Callable[[Estimate], Decimal]) -> int | None:
    """The most orders a month that cost at most so many dollars, in files as large as these; None when none do."""
    if of(estimate(workload.scaled(0), table)) > dollars:
        return None
    low, high = 0.0, 1.0
    while of(estimate(workload.scaled(high), table)) <= dollars and high < 10**6:
        low, high = high, high * 2
    for _ in range(40):
        middle = (low + high) / 2
        if of(estimate(workload.scaled(middle), table)) <= dollars:
            low = middle
        else:
            high = middle
    return workload.scaled(low).orders


def _quantities(load: Workload) -> dict[str, Decimal]:
    files, queries, scans, each = Decimal(load.files), Decimal(load.queries), _scans(), PerLoad()
    seconds = files * assumed("load_seconds") + Decimal(load.orders) / 10_000 * assumed("seconds_per_10k")
    seconds += scans * assumed("scan_seconds")
    pages = -(-load.files_kept // _LISTED)
    kept = load.raw_gb * load.months
    puts = files * (each.puts + 1) + scans * pages + queries * assumed("query_puts")
    gets = files * each.gets + queries * assumed("query_gets")
    found = {
        f"lambda.{load.architecture}": seconds * load.memory_mb / 1024,
        "lambda.requests": files + scans,
        "s3.storage": kept * (1 + assumed("lake_ratio")) + load.raw_gb * assumed("old_versions"),
        "s3.put": puts,
        "s3.get": gets,
        "sqs.requests": files * assumed("sqs_per_file") + _idle_polls(),
        "dynamodb.write": files * each.dynamodb_writes,
        "dynamodb.read": files * each.dynamodb_reads + _looked_up(load),
        "dynamodb.storage": _ledger_gb(load),
        "dynamodb.recovery": _ledger_gb(load),
        "glue.objects": assumed("tables"),
        "glue.requests": files * each.glue + queries * assumed("query_glue"),
        "athena.scanned": queries * max(ATHENA_LEAST, round(load.scan_mb * 1_000_000)),
        "scheduler.invocations": scans,
    }
    if load.kms:
        found |= {"kms.keys": Decimal(1), "kms.requests": (puts + gets) * assumed("kms_share")}
    return found | _watched(load)


def _watched(load: Workload) -> dict[str, Decimal]:
    """Logs, metrics, alarms; a metric is billed for the hours in which it is sent, here another hour for each file."""
    busy = Decimal(min(HOURS, load.files)) / HOURS
    logs = (Decimal(load.files) + _scans()) * assumed("log_kb") / 10**6
    return {
        "cloudwatch.logs": logs,
        "cloudwatch.log_storage": logs * 7 / 30,
        "cloudwatch.metrics": assumed("load_metrics") * busy,
        "cloudwatch.alarms": assumed("alarms"),
        "cloudwatch.dashboards": assumed("dashboards"),
        "sns.requests": assumed("alerts"),
        "sns.emails": assumed("alerts"),
    }


def _scans() -> Decimal:
    return assumed("scans") + assumed("full_scans")


def _looked_up(load: Workload) -> Decimal:
    return assumed("scans") * load.files_scanned + assumed("full_scans") * load.files_kept


def _idle_polls() -> Decimal:
    return assumed("pollers") * HOURS * 3600 / assumed("poll_seconds")


def _ledger_gb(load: Workload) -> Decimal:
    return Decimal(load.files_kept) * assumed("ledger_kb") / 10**6

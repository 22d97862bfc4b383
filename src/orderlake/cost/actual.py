"""What a load or a query did cost, from its own measured figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orderlake.cost.estimate import ATHENA_LEAST
from orderlake.cost.meter import Usage, cost_of
from orderlake.cost.prices import PriceTable, price_table
from orderlake.cost.workload import PerLoad
from orderlake.model.report import LoadReport


@dataclass(frozen=True, slots=True)
class LoadCost:
    """A load and its dollars, as if nothing were free; `per_thousand` orders, None where it read none."""

    report: LoadReport
    usage: Usage
    dollars: Decimal

    @property
    def per_thousand(self) -> Decimal | None:
        """Dollars for 1,000 records read."""
        return self.dollars * 1000 / self.report.read if self.report.read else None


def load_usage(report: LoadReport, memory_mb: int = 512, architecture: str = "arm64") -> Usage:
    """What a load used: its own seconds times the function's memory, and its requests by the count of a load like it.

    Requests are in no report. Where the handler counted its own (Meter), take that usage instead.
    """
    each = PerLoad().of(len(report.tables))
    return Usage(
        requests={"s3.PutObject": each.puts, "s3.GetObject": each.gets, "glue.UpdateTable": each.glue, "sqs.Any": 3},
        units={"dynamodb.write": each.dynamodb_writes, "dynamodb.read": each.dynamodb_reads},
        gb_seconds=report.seconds * memory_mb / 1024,
        invocations=1,
        architecture=architecture,
    )


def load_costs(
    reports: Sequence[LoadReport], memory_mb: int = 512, architecture: str = "arm64", table: PriceTable | None = None
) -> list[LoadCost]:
    """What each of these files did cost to load, in their order.

    Files that came in one load have its seconds and its commit together, so each bears its share by the records read.
    """
    loads: dict[str, list[LoadReport]] = {}
    for report in reports:
        loads.setdefault(report.load_id, []).append(report)
    whole = {load: _together(files, memory_mb, architecture) for load, files in loads.items()}
    dollars = {load: cost_of(usage, table) for load, usage in whole.items()}

    def share(report: LoadReport) -> Decimal:
        files = loads[report.load_id]
        read = sum(each.read for each in files)
        return Decimal(report.read) / read if read else Decimal(1) / len(files)

    return [LoadCost(each, whole[each.load_id], dollars[each.load_id] * share(each)) for each in reports]


def _together(files: Sequence[LoadReport], memory_mb: int, architecture: str) -> Usage:
    """What one load of these files used: what the longest did, and for each other its look-up and its bytes."""
    longest = max(files, key=lambda report: report.seconds)
    more = len(files) - 1
    requests = {"s3.ListObjectVersions": more, "s3.GetObject": more, "sqs.Any": 3 * more}
    return load_usage(longest, memory_mb, architecture) + Usage(requests, architecture=architecture)


def query_cost(scanned: int, table: PriceTable | None = None) -> Decimal:
    """Dollars for a query that scanned so many bytes; Athena bills 10 MB at least.

    >>> query_cost(1), query_cost(2_000_000_000_000)
    (Decimal('0.000050000000'), Decimal('10.000000000000'))
    """
    return max(ATHENA_LEAST, scanned) * (table or price_table())["athena.scanned"].usd

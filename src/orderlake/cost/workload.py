"""How much there is to do in a month, and every assumption that an estimate rests on, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

HOURS: Final = 730
"""Hours of a month, as AWS counts."""
SQS_DOCS: Final = (
    "https://aws.amazon.com/blogs/compute/understanding-how-aws-lambda-scales-when-subscribed-to-amazon-sqs-queues/"
)
MEASURED: Final = "measured: the bundled pipeline `orders` on emulators of S3, DynamoDB and Glue"
LAMBDA: Final = "CPU measured by the benchmark lambda-start; 30 ms for a request are assumed"
DEPLOYED: Final = "infra/terraform, its defaults"
ASSUMED: Final = "assumption"


@dataclass(frozen=True, slots=True)
class PerLoad:
    """Requests of a load of a pipeline with three tables and checks; `gets` grow with the snapshots kept."""

    puts: int = 19
    gets: int = 38
    dynamodb_writes: int = 14
    dynamodb_reads: int = 25
    glue: int = 7

    def of(self, tables: int) -> PerLoad:
        """In proportion for another number of tables, which overstates it."""
        parts = (self.puts, self.gets, self.dynamodb_writes, self.dynamodb_reads, self.glue)
        return PerLoad(*(-(-part * max(1, tables) // 3) for part in parts))


@dataclass(frozen=True, slots=True)
class Workload:
    """A month: `files` hold `orders` of `bytes_per_order`, `queries` each scan `scan_mb` (10^6 bytes).

    `months` is how long files have been coming, and stay; `scan_days` how far back the hourly scan looks, 0 for all.
    """

    orders: int = 10_000
    files: int = 300
    bytes_per_order: int = 460
    queries: int = 100
    scan_mb: float = 10.0
    months: int = 12
    memory_mb: int = 512
    architecture: str = "arm64"
    kms: bool = False
    scan_days: int = 3

    def scaled(self, factor: float) -> Workload:
        """The same shop with so many times the orders, in as many more files."""
        return Workload(
            max(1, round(self.orders * factor)), max(1, round(self.files * factor)), self.bytes_per_order, self.queries,
            self.scan_mb, self.months, self.memory_mb, self.architecture, self.kms, self.scan_days,
        )  # fmt: skip

    @property
    def raw_gb(self) -> Decimal:
        """Gigabytes of new files in a month."""
        return Decimal(self.orders * self.bytes_per_order) / 10**9

    @property
    def files_kept(self) -> int:
        """Files of all months: what a full scan looks up."""
        return self.files * self.months

    @property
    def files_scanned(self) -> int:
        """Files that each hourly scan looks up."""
        return min(-(-self.files * self.scan_days // 30), self.files_kept) if self.scan_days else self.files_kept


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that an estimate takes, what for, and where it is from."""

    name: str
    value: Decimal
    meaning: str
    source: str


def _a(name: str, value: str, meaning: str, source: str) -> Assumption:
    return Assumption(name, Decimal(value), meaning, source)


ASSUMPTIONS: Final = {
    one.name: one
    for one in (
        _a("load_seconds", "2", "seconds of a load: half of CPU, for a cold start, and 31 requests in a row", LAMBDA),
        _a("seconds_per_10k", "0.3", "seconds more for each 10,000 orders: 0.083 of CPU, at 0.29 of one", LAMBDA),
        _a("scan_seconds", "3", "seconds of a scan", ASSUMED),
        _a("scans", str(HOURS), "scans of new files a month: one an hour", DEPLOYED),
        _a("full_scans", "4.35", "scans of all files a month: one in seven days", DEPLOYED),
        _a("lake_ratio", "0.4", "bytes in the lake per byte of new files (0.37 measured, three tables)", MEASURED),
        _a("old_versions", "0.4", "bytes of overwritten versions, kept for 30 days, per byte of new files", ASSUMED),
        _a("pollers", "5", "long polls that Lambda keeps open on a queue that is empty", SQS_DOCS),
        _a("poll_seconds", "20", "seconds of a long poll", DEPLOYED),
        _a("sqs_per_file", "3", "requests for a file's message: send, receive, delete", ASSUMED),
        _a("query_puts", "2", "objects that Athena writes for a query: rows and their description", ASSUMED),
        _a("query_gets", "30", "GETs of a query: metadata, manifests, the parts of Parquet files it needs", ASSUMED),
        _a("query_glue", "2", "Glue requests of a query", ASSUMED),
        _a("log_kb", "6", "kB of logs of a load or a scan, metrics included", ASSUMED),
        _a("load_metrics", "4", "metrics sent with each load: those that the dashboard shows", "aws/ingest.py"),
        _a("alarms", "8", "alarms", DEPLOYED),
        _a("alerts", "4", "alerts of loads a month, each published and mailed once, with `alerts` on", ASSUMED),
        _a("dashboards", "1", "dashboards", DEPLOYED),
        _a("ledger_kb", "2", "kB that DynamoDB keeps for each load, for ever", ASSUMED),
        _a("tables", "6", "tables and databases in Glue", ASSUMED),
        _a("kms_share", "0.1", "KMS requests for each request to S3, with bucket keys", ASSUMED),
        _a("crawler_minutes", "10", "minutes that a run of a crawler is billed for at least", "prices.json"),
        _a("crawler_runs", str(HOURS), "runs of the original's crawler in a month: one an hour", "its schedule"),
        _a("crawler_original", "0.44", "dollars a month by the original's own estimate of its crawler", "its README"),
    )
}  # fmt: skip


def assumed(name: str) -> Decimal:
    """The value of an assumption."""
    return ASSUMPTIONS[name].value

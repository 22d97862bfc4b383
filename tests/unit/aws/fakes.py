"""A lake on AWS that loads what it is told to, and fails where it is told to: for the handlers' own logic."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orderlake.config import AwsSettings
from orderlake.errors import QueryError
from orderlake.events.rewritten import Written
from orderlake.maintain import MaintainReport, TableUpkeep
from orderlake.marts import Mart
from orderlake.model.pipeline import Pipeline
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.verify import Finding, VerifyReport
from orderlake.wiring import bundled_pipelines, load_pipeline

SETTINGS = AwsSettings(
    name="shop",
    region="eu-central-1",
    raw="s3://shop-raw/raw",
    lake="s3://shop-lake/lake",
    pipelines="s3://shop-ops/pipelines",
    table="shop",
    database="shop",
    queue_url="https://sqs/ingest",
    dead_letter_url="https://sqs/dead-letters",
)
SECOND = 1_000_000_000
NOW = 1_700_000_000


def source(key: str, tag: str = "v1", version: int = NOW * SECOND, size: int = 10) -> SourceObject:
    uri = f"s3://shop-raw/{key}"
    return SourceObject(uri, uri, size, version, tag)


def report_of(found: SourceObject, status: str = "loaded", **values: object) -> LoadReport:
    basis = LoadReport(
        found.uri, "orders", "loaded", found.identity, "load", found.version, "2024-01-05T10:00:00.000+00:00", bytes=10
    )
    return replace(basis, status=status, **values)  # type: ignore[arg-type]


@dataclass
class FakeSources:
    objects: list[SourceObject] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    asked: list[object] = field(default_factory=list)

    def find(self, given: Sequence[str]) -> list[SourceObject]:
        self.asked.append(tuple(given))
        return [each for each in self.objects if not given or each.uri.startswith(tuple(given))]

    def each(self, location: str) -> Iterator[SourceObject]:
        self.asked.append(location)
        return (each for each in self.objects if each.uri.startswith(location))

    def rewritten(self) -> dict[str, Written]:
        return {}

    def resolve(
        self, bucket: str, key: str, version_id: str | None, apart: Mapping[str, Written] | None = None
    ) -> SourceObject | None:
        uri = f"s3://{bucket}/{key}"
        if uri in self.errors:
            raise self.errors[uri]
        fits = [each for each in self.objects if each.uri == uri and version_id in {None, each.tag}]
        return fits[-1] if fits else None


@dataclass
class FakeLedger:
    done: dict[str, LoadReport] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    fault: Exception | None = None

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        return {each: self.done[each] for each in identities if each in self.done}

    def once(self, name: str, seconds: int) -> bool:
        if self.fault is not None:
            raise self.fault
        first = name not in self.taken
        self.taken.add(name)
        return first


@dataclass
class FakeLake:
    """`bad` objects are rejected; `raising` ones raise when they are in a load, whoever is with them."""

    sources: FakeSources = field(default_factory=FakeSources)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    bad: dict[str, str] = field(default_factory=dict)
    raising: dict[str, BaseException] = field(default_factory=dict)
    loads: list[list[str]] = field(default_factory=list)
    group: int = 1000
    pipelines: tuple[Pipeline, ...] = field(
        default_factory=lambda: tuple(load_pipeline(path) for path in bundled_pipelines().values())
    )
    wrong_mart: str = ""
    findings: tuple[str, ...] = ()
    closed: int = 0

    def put(self, *keys: str) -> list[SourceObject]:
        made = [source(key) for key in keys]
        self.sources.objects += made
        return made

    def load(
        self, sources: Sequence[SourceObject], on_report: Callable[[LoadReport], None], proceed: Callable[[], bool]
    ) -> list[LoadReport]:
        self.loads.append([each.uri.rsplit("/", 1)[-1] for each in sources])
        reports = []
        for start in range(0, len(sources), self.group):
            if not proceed():
                break
            group = sources[start : start + self.group]
            for each in group:
                if each.name in self.raising:
                    raise self.raising[each.name]
            for each in group:
                reports.append(self._loaded(each))
                on_report(reports[-1])
        return reports

    def _loaded(self, found: SourceObject) -> LoadReport:
        before = self.ledger.done.get(found.identity)
        if before is not None:
            return replace(before, status="unchanged" if before.status != "rejected" else "rejected", read=0, loaded=0)
        made = report_of(found, read=12, loaded=12, seconds=0.5, at="9999")
        if found.name in self.bad:
            made = report_of(found, "rejected", reason=self.bad[found.name], at="9999")
        self.ledger.done[found.identity] = made
        return made

    def verify(self) -> VerifyReport:
        return VerifyReport(1, 12, 1, 1, tuple(Finding("gone", each, "") for each in self.findings))

    def marts(self) -> Sequence[Mart]:
        if self.wrong_mart:
            raise QueryError(self.wrong_mart)
        return [Mart("daily", 3)]

    def maintain(self, proceed: Callable[[], bool]) -> MaintainReport:
        return MaintainReport((TableUpkeep("orders", 9, 1, is_done=proceed()),))

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeContext:
    """What Lambda says of an invocation; its time runs out as it is told to."""

    remaining: list[int] = field(default_factory=lambda: [900_000])
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining.pop(0) if len(self.remaining) > 1 else self.remaining[0]

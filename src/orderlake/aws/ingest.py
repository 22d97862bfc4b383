"""The ingest function: a batch of messages in, the messages that have to come again out.

The whole batch is one load, so it commits at most once per stream; then each message is answered for by itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, TypeVar

from orderlake.aws import crawler
from orderlake.aws.attempt import Attempt, outcome_of
from orderlake.aws.bill import Bill
from orderlake.aws.screen import objection
from orderlake.aws.settings import Context, OpenLake, container
from orderlake.aws.telemetry import begin, logger, publish, traced
from orderlake.clients import client
from orderlake.config import AwsSettings
from orderlake.errors import TransientError
from orderlake.events.announcement import ObjectRef
from orderlake.events.sqs import Message, is_batch, messages
from orderlake.model.report import COUNTS, LoadReport
from orderlake.model.source import SourceObject

if TYPE_CHECKING:
    from orderlake.events.rewritten import Written

T = TypeVar("T")
_SERVICES: Final = ("s3", "dynamodb", "glue")
_LOOKUPS: Final = 8
_SUSPECT: Final = 3
"""A message that comes the third time may have killed the function twice: its objects are loaded one by one."""
_MARGIN_MS: Final = 60_000
_MARGIN_SHARE: Final = 5
_SAID: Final = (
    "status", "source", "reason", "load_id", "pipeline", *COUNTS, "bytes", "seconds", "resumed_parts",
)  # fmt: skip

_Version = tuple[str, str, str | None]


def handler(event: object, context: Context) -> dict[str, Any]:
    """Load what the messages announce. Raises ConfigError when the deployment is wrong: the whole batch comes again."""
    begin(context)
    box = container()
    bill = Bill(box.settings.region)
    with traced("ingest"):
        ingest = Ingest(box.lake(), box.settings, deadline(context))
        found = messages(event)
        ingest.take(found)
        ingest.publish(found)
    bill.publish(ingest.attempt.reports.values())
    return ingest.failures(found) if is_batch(event) else ingest.summary(found)


def deadline(context: Context) -> Callable[[], bool]:
    """Whether there is time for one more group: a fifth of the time is kept back for it, a minute at most."""
    margin = min(_MARGIN_MS, context.get_remaining_time_in_millis() // _MARGIN_SHARE)
    return lambda: context.get_remaining_time_in_millis() > margin


@dataclass
class Ingest:
    """One batch on its way into the lake, and what became of each of its objects."""

    lake: OpenLake
    settings: AwsSettings
    proceed: Callable[[], bool]
    now: Callable[[], str] = field(default=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    attempt: Attempt = field(init=False)
    _sources: dict[_Version, SourceObject] = field(default_factory=dict)
    _dismissed: dict[_Version, str] = field(default_factory=dict)
    """Objects that need no load, and why."""
    _failed: dict[_Version, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    _began: str = ""

    def __post_init__(self) -> None:
        self.attempt = Attempt(self.lake, self.proceed)
        self._began = self.now()

    def take(self, batch: Sequence[Message]) -> None:
        """Load all that a batch announces, each object version once."""
        receives: dict[_Version, int] = {}
        refs: dict[_Version, ObjectRef] = {}
        for message in batch:
            self._tell(message)
            for ref in message.said.objects:
                refs.setdefault(ref.version, ref)
                receives[ref.version] = min(message.receives, receives.get(ref.version, message.receives))
        self._resolve([ref for ref in refs.values() if self._wanted(ref)])
        fresh = {source.identity: source for at, source in self._sources.items() if receives[at] < _SUSPECT}
        suspects = [(receives[at], source) for at, source in self._sources.items() if source.identity not in fresh]
        with traced("load"):
            self.attempt.run(list(fresh.values()), _in_turn(suspects))

    def trouble(self, message: Message) -> str | None:
        """Why a message has to come again, and in the end is a dead letter; None when all of it is done."""
        reasons = list(message.said.faults)
        for ref in message.said.objects:
            reason = self._trouble(ref)
            if reason is not None:
                reasons.append(f"{ref.uri}: {reason}")
        return "; ".join(reasons) or None

    def failures(self, batch: Sequence[Message]) -> dict[str, Any]:
        """The answer to SQS: the messages that are not done."""
        failed = [{"itemIdentifier": message.id or ""} for message in batch if self.trouble(message) is not None]
        return {"batchItemFailures": failed}

    def summary(self, batch: Sequence[Message]) -> dict[str, Any]:
        """The answer to a caller without a queue. Raises TransientError when some of it has to be tried again."""
        again = {
            source.uri: self.attempt.reason_of(source)
            for source in self._sources.values()
            if self.attempt.report_of(source) is None
        } | {f"s3://{at[0]}/{at[1]}": reason for at, reason in self._failed.items()}
        if again:
            raise TransientError("; ".join(f"{uri}: {reason}" for uri, reason in again.items()))
        return {
            "reports": [report.as_dict() for report in self.attempt.reports.values()],
            "ignored": {f"s3://{at[0]}/{at[1]}": reason for at, reason in self._dismissed.items()},
            "faults": [fault for message in batch for fault in message.said.faults],
        }

    def publish(self, batch: Sequence[Message]) -> None:
        """Log each file and each failure, and count everything."""
        log = logger()
        reports = list(self.attempt.reports.values())
        for report in reports:
            log.info("file", extra={name: getattr(report, name) for name in _SAID})
        if reports:
            publish(self._measured(reports))
        for message in batch:
            trouble = self.trouble(message)
            if trouble is not None:
                self._counts["MessagesFailed"] += 1
                log.warning(
                    "a message has to come again", message_id=message.id, receives=message.receives, reason=trouble
                )
        publish(dict(self._counts))

    def _measured(self, reports: Sequence[LoadReport]) -> dict[str, int]:
        """The metrics of a batch; a file that was rejected before is not counted once more."""
        loaded = [report for report in reports if report.status == "loaded"]
        return {
            "FilesLoaded": len(loaded),
            "FilesRejected": sum(report.status == "rejected" and report.at >= self._began for report in reports),
            "Loaded": sum(report.loaded for report in loaded),
            "Quarantined": sum(report.quarantined for report in loaded),
        }

    def _tell(self, message: Message) -> None:
        """Say what is not understood, and what is of no concern."""
        for fault in message.said.faults:
            self._counts["Unreadable"] += 1
            logger().error("a message cannot be understood", message_id=message.id, reason=fault)
        for each in message.said.ignored:
            self._counts["Ignored"] += 1
            logger().info("ignored", object=each.what, reason=each.reason)

    def _wanted(self, ref: ObjectRef) -> bool:
        found = objection(ref, self.settings)
        if found is None and crawler.is_foreign(ref, self.settings, self.lake.pipelines):
            self._dismiss(ref, "Foreign", "it is foreign: the crawler catalogues it")
            crawler.start(self.settings, self.lake.ledger)
            return False
        if found is not None:
            self._dismiss(ref, *found)
        return found is None

    def _dismiss(self, ref: ObjectRef, metric: str, reason: str) -> None:
        self._dismissed[ref.version] = reason
        self._counts[metric] += 1
        logger().warning("not loaded", object=ref.uri, reason=reason, metric=metric)

    def _resolve(self, refs: Sequence[ObjectRef]) -> None:
        """Find the object versions, several at a time: each costs a round trip or two."""
        if not refs:
            return
        with ThreadPoolExecutor(min(_LOOKUPS, len(refs))) as pool:
            found = list(pool.map(self._found, refs, repeat({})))
            # Once for all: what is not in it by now was not rewritten when it was looked up.
            apart = _tried(self.lake.sources.rewritten)
            if isinstance(apart, Exception):
                found = [apart] * len(refs)
            else:
                again = [at for at, ref in enumerate(refs) if ref.uri in apart]
                for at, source in zip(
                    again, pool.map(self._found, [refs[at] for at in again], repeat(apart)), strict=True
                ):
                    found[at] = source
        for ref, source in zip(refs, found, strict=True):
            if isinstance(source, SourceObject):
                self._sources[ref.version] = source
            elif source is None:
                self._dismiss(ref, "Vanished", "it is gone: it was deleted after it was announced")
            else:
                self._failed[ref.version] = f"{type(source).__name__}: {source}"

    def _found(self, ref: ObjectRef, apart: Mapping[str, Written]) -> SourceObject | Exception | None:
        return _tried(lambda: self.lake.sources.resolve(ref.bucket, ref.key, ref.version_id, apart))

    def _trouble(self, ref: ObjectRef) -> str | None:
        if ref.version in self._failed:
            return self._failed[ref.version]
        source = self._sources.get(ref.version)
        if source is None:
            return None
        report = self.attempt.report_of(source)
        if report is None:
            return self.attempt.reason_of(source)
        return (report.reason or "it cannot be read") if report.status == "rejected" else None


def _tried(ask: Callable[[], T]) -> T | Exception:
    """What it gives, or why some messages have to come again; what is wrong with all of them is raised."""
    try:
        return ask()
    except Exception as error:
        if outcome_of(error) == "raise":
            raise
        return error


def _in_turn(suspects: Iterable[tuple[int, SourceObject]]) -> list[SourceObject]:
    """Suspects in the order of their names, and backwards every other time.

    So what stands behind one that kills the function has its turn before it at the next delivery.
    """
    found = list(suspects)
    backwards = bool(found) and max(receives for receives, _ in found) % 2 == 0
    chosen = {source.identity: source for _, source in found}
    return sorted(chosen.values(), key=lambda source: (source.uri, source.version), reverse=backwards)


def _warm_up() -> None:
    """Load what a batch needs while the function starts: it has a whole processor then, and a share of one later."""
    for service in _SERVICES:
        client(service, os.environ.get("AWS_REGION"))
    with ThreadPoolExecutor(1) as aside:
        aside.submit(lambda: container().lake().pipelines)  # what is wrong, the first batch will say
        import duckdb  # noqa: F401, PLC0415 - only where a function starts

        import orderlake.kernel.stage  # noqa: PLC0415 - same
        import orderlake.storage.filesystem  # noqa: PLC0415 - same
        import orderlake.tables.batch  # noqa: PLC0415 - same
        import orderlake.tables.commit  # noqa: F401, PLC0415 - same


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    _warm_up()

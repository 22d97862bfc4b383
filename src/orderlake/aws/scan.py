"""The scan function: events get lost on every bus, so it looks for what none announced and announces it itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from orderlake.aws import crawler
from orderlake.aws.screen import objection
from orderlake.aws.settings import Context, OpenLake, bucket_and_prefix, container
from orderlake.aws.telemetry import begin, logger, traced
from orderlake.clients import client, translated
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.events.announcement import ObjectRef
from orderlake.events.envelope import own_message
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject

_YOUNG_SECONDS: Final = 120
_AT_ONCE: Final = 10_000
_MESSAGE_OBJECTS: Final = 50
_MESSAGE_BYTES: Final = 200_000
_CALL_MESSAGES: Final = 10
_CALL_BYTES: Final = 250_000
_TRIES: Final = 6


def handler(event: object, context: Context) -> dict[str, int]:
    """Put on the ingest queue what lies under raw and is in no load.

    `event` may hold `min_age_seconds` (120: younger objects have their own event on the way), `days` (only objects that
    came in so many days; all without it) and `prefix` (`s3://…` under raw).
    """
    begin(context)
    box = container()
    options = event if isinstance(event, dict) else {}
    with traced("scan"):
        counts = Scan(box.lake(), box.settings).run(
            prefix=str(options.get("prefix") or box.settings.raw),
            min_age=float(options.get("min_age_seconds", _YOUNG_SECONDS)),
            max_age=float(options["days"]) * 86_400 if options.get("days") else None,
        )
    logger().info("scan", extra=counts)
    return counts


@dataclass
class Scan:
    """One look at the raw location."""

    lake: OpenLake
    settings: AwsSettings
    clock: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep
    _definitions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._definitions = frozenset(pipeline.fingerprint for pipeline in self.lake.pipelines)

    def run(self, prefix: str, min_age: float = _YOUNG_SECONDS, max_age: float | None = None) -> dict[str, int]:
        """Send what is missing, and count: each object seen is ignored, too young, too old, foreign, known or sent."""
        counts = dict.fromkeys(("seen", "ignored", "young", "old", "foreign", "known", "sent", "messages"), 0)
        found = self.lake.sources.each(f"{prefix.rstrip('/')}/")
        due = (source for source in found if self._is_due(source, min_age, max_age, counts))
        sender = Sender(self.settings.queue_url, self.settings.region, self.wait)
        while some := list(islice(due, _AT_ONCE)):  # there may be millions of objects: no more than these are held
            before = self.lake.ledger.applied(source.identity for source in some)
            missing = [source for source in some if not self._is_settled(before.get(source.identity))]
            bodies = list(packed([ref_of(source) for source in missing]))
            sender.send(bodies)
            for name, number in (
                ("known", len(some) - len(missing)), ("sent", len(missing)), ("messages", len(bodies)),
            ):  # fmt: skip
                counts[name] += number
        return counts

    def _is_due(self, source: SourceObject, min_age: float, max_age: float | None, counts: dict[str, int]) -> bool:
        ref = ref_of(source)
        age = self.clock() - source.version / 1e9
        counts["seen"] += 1
        if objection(ref, self.settings) is not None:
            counts["ignored"] += 1
        elif age < min_age:
            counts["young"] += 1
        elif max_age is not None and age > max_age:
            counts["old"] += 1
        elif crawler.is_foreign(ref, self.settings, self.lake.pipelines):
            counts["foreign"] += 1
        else:
            return True
        return False

    def _is_settled(self, before: LoadReport | None) -> bool:
        """Whether another load would change nothing: it is loaded, or rejected by a pipeline that is as it was.

        Without a definition no pipeline fitted its name; that may have changed with any of them, so it is sent again
        only when some pipeline fits it now.
        """
        if before is None:
            return False
        if before.status != "rejected":
            return True
        if before.definition:
            return before.definition in self._definitions
        name = before.source.rsplit("/", 1)[-1]
        return all(stream.fit(name) is None for pipeline in self.lake.pipelines for stream in pipeline.streams)


@dataclass
class Sender:
    """Puts messages on a queue, each at least once."""

    queue_url: str
    region: str
    wait: Callable[[float], None] = time.sleep

    def send(self, bodies: Sequence[str]) -> None:
        """Send all of them. StorageUnavailableError when some do not go after all tries; ConfigError when refused."""
        for batch in _calls(bodies):
            left = {str(number): body for number, body in enumerate(batch)}
            for attempt in range(_TRIES):
                left = self._sent(left)
                if not left:
                    break
                self.wait(0.1 * 2**attempt)
            if left:
                raise StorageUnavailableError(
                    f"{self.queue_url}: {len(left)} messages were not taken, {_TRIES} times over"
                )

    def _sent(self, bodies: dict[str, str]) -> dict[str, str]:
        """Send one batch and give back what was not taken."""
        entries = [{"Id": number, "MessageBody": body} for number, body in bodies.items()]
        with translated(self.queue_url):
            answer = client("sqs", self.region).send_message_batch(QueueUrl=self.queue_url, Entries=entries)
        failed = answer.get("Failed", ())
        refused = [each for each in failed if each.get("SenderFault")]
        if refused:
            raise ConfigError(
                f"{self.queue_url} refuses a message: {refused[0].get('Message') or refused[0].get('Code')}"
            )
        return {each["Id"]: bodies[each["Id"]] for each in failed}


def ref_of(source: SourceObject) -> ObjectRef:
    """A source object as an event would announce it; an ETag (in quotes) stands for no version."""
    bucket, _ = bucket_and_prefix(source.location)
    key = source.location.removeprefix(f"s3://{bucket}/")
    version = source.tag if source.tag and not source.tag.startswith('"') else None
    return ObjectRef(bucket, key, version, size=source.size)


def packed(refs: Sequence[ObjectRef]) -> Iterator[str]:
    """Messages that announce these objects, each small enough for SQS and few enough to load at once."""
    group: list[ObjectRef] = []
    size = 0
    for ref in refs:
        more = len(json.dumps([ref.bucket, ref.key, ref.version_id], ensure_ascii=False).encode()) + 40
        if group and (len(group) == _MESSAGE_OBJECTS or size + more > _MESSAGE_BYTES):
            yield own_message(group)
            group, size = [], 0
        group.append(ref)
        size += more
    if group:
        yield own_message(group)


def _calls(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Messages in the numbers and sizes that one call may have."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        more = len(body.encode())
        if batch and (len(batch) == _CALL_MESSAGES or size + more > _CALL_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += more
    if batch:
        yield batch

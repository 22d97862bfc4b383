"""Dead letters: messages that failed so often that SQS set them aside. Seen and sent again, never lost.

A dead letter is an event. A record that was set aside is in quarantine, a file that cannot be read is rejected; an
event about a rejected file becomes a dead letter, and the reason is the file's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from orderlake.aws.settings import OpenLake
from orderlake.clients import client, translated
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError, LakeError
from orderlake.events.announcement import ObjectRef
from orderlake.events.envelope import read

_HIDDEN_SECONDS: Final = 60
"""How long a message that is looked at is hidden from others; given back at the end, and by SQS if we die."""
_WAIT_SECONDS: Final = 1
_AT_ONCE: Final = 10
_LOOKUPS: Final = 8


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was set aside. `objects` are what it announces, `reasons` why it failed."""

    id: str
    sent: str
    receives: int
    objects: tuple[str, ...]
    reasons: tuple[str, ...]
    body: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "id": self.id,
            "sent": self.sent,
            "receives": self.receives,
            "objects": list(self.objects),
            "reasons": list(self.reasons),
            "body": self.body,
        }


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was sent to the ingest queue again: the number, and whether SQS is still at it."""

    messages: int
    in_progress: bool = False
    missing: tuple[str, ...] = ()
    """Ids that were asked for and not found."""


@dataclass
class DeadLetters:
    """The dead-letter queue of a deployment."""

    settings: AwsSettings
    lake: OpenLake
    _sqs: Any = field(init=False)

    def __post_init__(self) -> None:
        for what, url in (("dead_letter_url", self.settings.dead_letter_url), ("queue_url", self.settings.queue_url)):
            if not url:
                raise ConfigError(
                    f"the deployment {self.settings.name} has no {what}: `orderlake deploy apply` makes it"
                )
        self._sqs = client("sqs", self.settings.region)

    def list(self, most: int) -> Sequence[DeadLetter]:
        """At most so many messages, oldest first, each with why it failed; all stay where they are."""
        found = self._received(most)
        self._give_back(found.values())
        with ThreadPoolExecutor(_LOOKUPS) as pool:
            letters = list(pool.map(self._letter, found.values()))
        return sorted(letters, key=lambda letter: (letter.sent, letter.id))

    def redrive(self, ids: Collection[str] | None, *, most: int, dry_run: bool = False) -> Redriven:
        """Send messages to the ingest queue again: those of `ids`, or all. `dry_run` only counts them."""
        if ids is None and not dry_run:
            count = self._about()
            if count == 0 or self._move_task():
                return Redriven(count, in_progress=count > 0)
        found = self._received(most, until=None if ids is None else frozenset(ids))
        chosen = {id_: message for id_, message in found.items() if ids is None or id_ in ids}
        missing = () if ids is None else tuple(sorted(set(ids) - set(chosen)))
        moved: set[str] = set()
        try:
            if not dry_run:
                for id_, message in chosen.items():
                    self._move(message)
                    moved.add(id_)
        finally:
            self._give_back(message for id_, message in found.items() if id_ not in moved)
        return Redriven(len(chosen), missing=missing)

    def _received(self, most: int, until: frozenset[str] | None = None) -> dict[str, Mapping[str, Any]]:
        """Messages by id, hidden from others for now: until the queue has no more, or all of `until` are there."""
        found: dict[str, Mapping[str, Any]] = {}
        while len(found) < most and (until is None or not until <= set(found)):
            with translated(self.settings.dead_letter_url):
                answer = self._sqs.receive_message(
                    QueueUrl=self.settings.dead_letter_url,
                    MaxNumberOfMessages=min(_AT_ONCE, most - len(found)),
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    WaitTimeSeconds=_WAIT_SECONDS,  # asks all of SQS's servers, so that empty means empty
                    MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                    MessageAttributeNames=["All"],
                )
            messages = answer.get("Messages", ())
            seen = {message["MessageId"]: message for message in messages}
            if not messages or seen.keys() <= found.keys():
                found |= seen  # the newest receipt is the one that counts
                break
            found |= seen
        return found

    def _give_back(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Let others see the messages at once."""
        for some in _tens(
            [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
        ):
            entries = [entry | {"VisibilityTimeout": 0} for entry in some]
            with translated(self.settings.dead_letter_url):
                self._sqs.change_message_visibility_batch(QueueUrl=self.settings.dead_letter_url, Entries=entries)

    def _move(self, message: Mapping[str, Any]) -> None:
        """Send, then delete: dying in between leaves the message twice, which loads once."""
        attributes = {
            name: {key: part for key, part in value.items() if key in {"DataType", "StringValue", "BinaryValue"}}
            for name, value in message.get("MessageAttributes", {}).items()
        }
        with translated(self.settings.queue_url):
            self._sqs.send_message(
                QueueUrl=self.settings.queue_url, MessageBody=message["Body"], MessageAttributes=attributes
            )
        with translated(self.settings.dead_letter_url):
            self._sqs.delete_message(QueueUrl=self.settings.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])

    def _move_task(self) -> bool:
        """Let SQS move all messages by itself; False when it will not: they can be sent one by one all the same."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

        source, target = map(self._arn, (self.settings.dead_letter_url, self.settings.queue_url))
        with translated(self.settings.dead_letter_url):
            try:
                self._sqs.start_message_move_task(SourceArn=source, DestinationArn=target)
            except ClientError:
                return False  # it may be moving for all that: then a message goes twice, which loads once
        return True

    def _arn(self, url: str) -> str:
        return self._attribute(url, "QueueArn")

    def _about(self) -> int:
        return int(self._attribute(self.settings.dead_letter_url, "ApproximateNumberOfMessages"))

    def _attribute(self, url: str, name: str) -> str:
        with translated(url):
            return str(self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def _letter(self, message: Mapping[str, Any]) -> DeadLetter:
        said = read(message["Body"])
        attributes = message.get("Attributes", {})
        sent = datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC)
        reasons = [f"unreadable message: {fault}" for fault in said.faults]
        reasons += [reason for ref in said.objects if (reason := self._reason(ref)) is not None]
        return DeadLetter(
            message["MessageId"],
            sent.isoformat(timespec="milliseconds"),
            int(attributes.get("ApproximateReceiveCount", 0)),
            tuple(ref.uri for ref in said.objects),
            tuple(reasons) or ("nothing is left to load: all of it is loaded or gone",),
            message["Body"],
        )

    def _reason(self, ref: ObjectRef) -> str | None:
        """Why an object is not loaded; None when it is, or is gone."""
        try:
            source = self.lake.sources.resolve(ref.bucket, ref.key, ref.version_id)
        except LakeError as error:
            return f"{ref.uri}: {error}"
        if source is None:
            return None
        report = self.lake.ledger.applied([source.identity]).get(source.identity)
        if report is None:
            return f"{ref.uri}: not loaded, and no reason is recorded: the log of the ingest function names the error"
        return (
            f"{ref.uri}: rejected file: {report.reason or 'it cannot be read'}" if report.status == "rejected" else None
        )


def _tens(entries: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(entries), _AT_ONCE):
        yield entries[start : start + _AT_ONCE]

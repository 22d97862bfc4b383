"""Lambda's side of an event source mapping: takes batches off a queue, calls the function, deletes what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.emulators.runtime import Runtime


@dataclass
class Poller:
    """Takes messages of `queue` (a URL) to a function; those that it names as failures come again at once."""

    sqs: Any
    queue: str
    function: Runtime
    calls: int = 0

    def poll(self, most: int = 100) -> int:
        """Call the function once with up to `most` messages; gives how many there were."""
        messages: list[dict[str, Any]] = []
        while len(messages) < most:
            got = self.sqs.receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=min(10, most - len(messages)),
                AttributeNames=["All"],
                VisibilityTimeout=120,
                WaitTimeSeconds=0,
            ).get("Messages", [])
            if not got:
                break
            messages += got
        if messages:
            self.calls += 1
            answer, _ = self.function.invoke({"Records": [_record(message) for message in messages]})
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for message in messages:
                where = {"QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"]}
                if message["MessageId"] in failed:
                    self.sqs.change_message_visibility(**where, VisibilityTimeout=0)
                else:
                    self.sqs.delete_message(**where)
        return len(messages)

    def drain(self, most: int = 100) -> None:
        """Poll until nothing comes any more."""
        while self.poll(most):
            pass


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:ingest",
        "awsRegion": "eu-central-1",
    }

"""An alert as a message to a topic of SNS: JSON for programs, lines for people who have subscribed by mail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.alerts.alert import Alert, Kind
from orderlake.alerts.target import UndeliveredError
from orderlake.clients import client, translated
from orderlake.errors import LakeError

_SUBJECT: Final = 100
"""Characters that SNS allows, all of them ASCII."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, by its ARN; botocore retries what may be retried."""

    arn: str
    region: str
    on: Sequence[Kind]

    @property
    def name(self) -> str:
        """The topic's name."""
        return f"topic {self.arn.rsplit(':', 1)[-1]}"

    def deliver(self, alert: Alert) -> None:
        """Publish it."""
        body = json.dumps(alert.as_dict())
        subject = alert.subject.encode("ascii", "replace").decode()[:_SUBJECT]
        message = json.dumps(
            {"default": body, "email": f"{alert.text}\n\n`orderlake loads` and `quarantine` tell more."}
        )
        try:
            with translated(self.name):
                client("sns", self.region).publish(
                    TopicArn=self.arn, Subject=subject, Message=message, MessageStructure="json"
                )
        except LakeError as error:
            raise UndeliveredError(str(error)) from error

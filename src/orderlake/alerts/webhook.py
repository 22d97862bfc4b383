"""An alert as a POST of JSON, whose `text` Slack and those like it show."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from orderlake.alerts.alert import Alert, Kind
from orderlake.alerts.target import Secret, UndeliveredError

_BUSY: Final = frozenset({408, 425, 429})
_FAULTS: Final = 500
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""As Slack wants them, so that no name of a file mentions anybody."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what is in the request is for this address alone."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """None: the answer that leads elsewhere is the answer."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that is told within `seconds`; what is secret of it is shown nowhere."""

    url: Secret
    headers: Mapping[str, Secret]
    on: Sequence[Kind]
    seconds: float

    @property
    def name(self) -> str:
        """Its host, or the variables that it is made of."""
        names = self.url.variables
        if names:
            return f"webhook ${{{names[0]}}}"
        return f"webhook {urlsplit(self.url.text).hostname}"

    def deliver(self, alert: Alert) -> None:
        """Post it."""
        url = self.url.value()
        headers = {name: secret.value() for name, secret in self.headers.items()}
        if not url.startswith(("http://", "https://")):
            raise UndeliveredError("the address begins with neither http:// nor https://")
        text = "".join(_ESCAPES.get(mark, mark) for mark in alert.text)
        body = json.dumps({**alert.as_dict(), "text": text}, ensure_ascii=False).encode(errors="replace")
        try:
            request = urllib.request.Request(  # noqa: S310 - http and https alone, see above
                url, body, {"Content-Type": "application/json", "User-Agent": "orderlake", **headers}, method="POST"
            )
            with urllib.request.build_opener(_Stay).open(request, timeout=self.seconds) as answer:
                answer.read(1)
        except urllib.error.HTTPError as error:
            error.close()
            again = error.code in _BUSY or error.code >= _FAULTS
            raise UndeliveredError(f"it answered {error.code}", again=again) from None
        except (OSError, http.client.HTTPException) as error:
            raise UndeliveredError(_said(error), again=True) from None
        except ValueError:  # of a URL or a header that is none, which the message would show
            raise UndeliveredError("its address or a header cannot be sent as it is") from None


def _said(error: Exception) -> str:
    """What went wrong, without the address."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "it did not answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__

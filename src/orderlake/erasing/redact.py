"""A record's text as it may be shown: without what the pipeline stores otherwise."""

from __future__ import annotations

from orderlake.erasing.json_text import NotJsonError, redacted
from orderlake.model.pipeline import Stream

HIDDEN = "(its text holds personal data: look into its file)"


def shown(text: str, stream: Stream) -> str:
    """The text of a record with stars for fields that have a policy; a word instead of it where they cannot be told."""
    policies = stream.policies
    if not policies:
        return text
    if stream.format == "csv":
        return HIDDEN
    try:
        return redacted(text, policies)
    except NotJsonError:
        return HIDDEN

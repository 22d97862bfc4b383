"""Whether a file's one object is an envelope around its records, and under which key they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from orderlake.errors import UnreadableObjectError
from orderlake.infer.parse import parsed
from orderlake.kernel import scan
from orderlake.kernel.sniff import CHUNK
from orderlake.kernel.split import envelope_at

HEAD: Final = 1 << 18
"""How far from a file's beginning (bytes) the records of an envelope may begin, as the reader has it."""
_LIKELY: Final = re.compile(
    r"orders?|data|items|records?|rows|results?|values?|hits|docs|documents|entries|content|payload|objects|customers"
    r"|products|sales|transactions|invoices",
    re.IGNORECASE,
)
_ABOUT: Final = re.compile(
    r"\W*(count|total\w*|page\w*|per_?page|next\w*|prev\w*|first|last|cursor|offset|limit|size|has_?more|_?links?|meta\w*"
    r"|status|success|ok|errors?|message|version|generated\w*|export\w*|timestamp|took|odata.*|object|url|request\w*"
    r"|pagination|info|header|schema|source|shop)\W*",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{')


def envelope_of(path: Path, *, is_whole: bool) -> str | None:
    """The key of the records in a file's only value, an object; None when it is a record itself.

    It is an envelope when one field holds objects, and nothing else is there but what is said about such a list.
    `is_whole` tells whether the path holds a file to its end.
    """

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    try:
        first = list(islice(scan.records(scan.Text(chunks, "values")), 2))
        if first:
            return _key(parsed(first[0].text)) if len(first) == 1 and is_whole else None
    except (scan.UnbalancedError, UnreadableObjectError):
        pass  # it is longer than a record may be, or than what was looked at: an envelope, or nothing that can be read
    except (ValueError, RecursionError):
        return None
    with path.open("rb") as file:
        head = file.read(HEAD)
    for found in _OPENING.finditer(head):
        key = found[1].decode(errors="replace")
        if _LIKELY.fullmatch(key) and envelope_at(head, (key,)) is not None:
            return key
    return None


def _key(record: Any) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(record, dict):
        return None
    lists = [key for key, value in record.items() if isinstance(value, list) and value and _are_objects(value)]
    if len(lists) == 1 and all(_ABOUT.fullmatch(key) for key in record if key not in lists):
        return str(lists[0])
    if len(record) == 1:
        ((key, value),) = record.items()
        return str(key) if isinstance(value, dict) and value else None
    return None


def _are_objects(value: list[Any]) -> bool:
    return all(isinstance(each, dict) for each in value)

"""Which records of the quarantine are meant: by id, by place, or by what they have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.engine import quote

STATUSES: Final = ("open", "fixed", "replaced", "dropped")


@dataclass(frozen=True, slots=True)
class Which:
    """Those that fit all of it: `source` and `reason` are held by its own, `ids` and `status` are its own.

    With a `position`, `source` is the whole name. Empty and None mean any; `limit` keeps the newest so many.
    """

    ids: tuple[str, ...] = ()
    status: str = ""
    source: str = ""
    reason: str = ""
    position: int | None = None
    version: int | None = None
    limit: int | None = None

    @property
    def where(self) -> str:
        """The condition in SQL, over the columns of Quarantined."""
        parts = [f"id IN {texts(self.ids)}"] if self.ids else []
        parts += [f"status = {quote(self.status)}"] if self.status else []
        if self.source:
            is_whole = self.position is not None
            parts += [f"source = {quote(self.source)}" if is_whole else f"contains(source, {quote(self.source)})"]
        parts += [f"contains(lower(reason), {quote(self.reason.lower())})"] if self.reason else []
        parts += [f"position = {self.position}"] if self.position is not None else []
        parts += [f"version = {self.version}"] if self.version is not None else []
        return f"WHERE {' AND '.join(parts)}" if parts else ""


def texts(values: Iterable[str]) -> str:
    """A subquery of texts, as one literal: a statement of thousands takes long to parse."""
    return f"(SELECT unnest(from_json({quote(json.dumps(list(values)))}, '[\"VARCHAR\"]')))"


def table_of(rows: Sequence[Sequence[object]], columns: Mapping[str, str]) -> str:
    """A FROM item of rows, as one literal."""
    data = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
    return f"(SELECT unnest(from_json({quote(data)}, {quote(json.dumps([columns]))}), recursive := true))"

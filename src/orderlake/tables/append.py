"""Append rows to a table that no load writes: committed like a load, and looked at again when another was faster."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import CatalogUnavailableError, CommitConflictError
from orderlake.tables.lakehouse import Lakehouse, Move, Opened
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import Change, rewrite

_ATTEMPTS: Final = 20


def append(engine: Engine, house: Lakehouse, layout: TableLayout, rows: Callable[[Opened], str]) -> int:
    """Add what `rows` selects, given the table as it is; give the number of rows added.

    When another writer was faster, or the reply to the commit was lost, it is asked again: so it must leave out what is
    there already, and doing it twice is doing it once. CommitConflictError when others were faster each time.
    """
    added = 0

    def appended() -> Move | None:
        nonlocal added
        opened = house.open([layout])[layout.name]
        name = uuid.uuid4().hex
        change = Change(rows(opened))
        done = rewrite(engine, house.store, opened.layout, opened.live, change, location=opened.location, attempt=name)
        added = done.rows
        if not done.added:
            return None
        house.store.sync(file.location for file in done.added)
        return house.move(opened, done, {"orderlake.operation": "append"}, name)

    house.land(appended, _ATTEMPTS, (CommitConflictError, CatalogUnavailableError))
    return added

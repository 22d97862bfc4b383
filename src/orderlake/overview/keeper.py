"""Keeps the cubes of a lake's shops: counted once per state of their tables, in the background, and found again later.

While the new state is counted the last one is served, and says so. Cubes lie under `.orderlake/overview/`, so that a
restart finds them; they can be deleted at any time.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.errors import LakeError, StorageUnavailableError, TransientError
from orderlake.overview.cube import about, build, complete, is_complete
from orderlake.overview.shop import Shop, shops_of
from orderlake.query.duckdb import QueryTable, cursor_over
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

    from orderlake.engine import Engine

_GENERATIONS: Final = 2
"""Cubes that stay of a shop: the newest, and the one that somebody may still be reading."""
_TO_ANSWER: Final = 4
_IN_BACKGROUND: Final = 1
"""Threads that count while pages are asked for: the other cores are theirs."""
_TRIES, _PAUSE = 50, 0.1
_AGAIN: Final = 10.0
"""Seconds after which is tried once more what failed for a reason that may have passed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A cube: where it lies, when it was counted (ISO, UTC), and whether it is of the tables as they are now."""

    folder: Path
    at: str
    amounts: tuple[str, ...]
    fresh: bool


class Keeper:
    """The cubes of one lake. Threads may share it.

    `tables` gives the tables that can be asked, as they are now, `token` a text that changes when any of them does.
    """

    def __init__(
        self, backends: Backends, tables: Callable[[], Sequence[QueryTable]], token: Callable[[], str]
    ) -> None:
        self._backends, self._tables, self._token = backends, tables, token
        self._folder = backends.project.state / "overview"
        self._lock = threading.Lock()
        self._counting: dict[str, threading.Thread] = {}
        self._failed: dict[tuple[str, str], tuple[LakeError, float]] = {}
        self._cursors: dict[str, duckdb.DuckDBPyConnection] = {}
        self._engine: Engine | None = None
        self.revision = 0
        """Counts up when a cube is done, or cannot be made."""

    @property
    def engine(self) -> Engine:
        """The DuckDB that answers from cubes, opened with the first question."""
        with self._lock:
            if self._engine is None:
                self._engine = self._open("overview")
                self._engine.connection.execute(f"SET threads = {_TO_ANSWER}")
            return self._engine

    def shops(self) -> list[Shop]:
        """The shops that the lake has tables of, those with data first."""
        return shops_of(_by_name(self._tables()), self._backends.project.root / "overview")

    def kept(self, shop: Shop, patience: float = 0.0) -> Kept | None:
        """The shop's newest cube. One that is not fresh is being counted anew; None: that is the first.

        Waits up to `patience` seconds for a fresh one. Raises what went wrong when it cannot be made.
        """
        tables = list(self._tables())
        key = self._key(shop, tables)
        fresh = self._fresh(shop, key)
        if fresh is not None:
            return fresh
        thread = self._start(shop, tables, key)
        if thread is not None and patience > 0:
            thread.join(patience)
        fresh = self._fresh(shop, key)
        if fresh is not None:
            return fresh
        failure = self._failure(shop, key)
        if failure is not None:
            raise failure.with_traceback(None)
        return self._last(shop)

    def counted(self, shop: Shop) -> Kept:
        """The shop's cube of the tables as they are now, counted here when there is none."""
        tables = list(self._tables())
        key = self._key(shop, tables)
        if self._fresh(shop, key) is None:
            self._count(shop, tables, key)
        return _kept(self._folder / shop.name / key, fresh=True)

    def close(self) -> None:
        """Break off what is being counted, and give back the engine."""
        import duckdb  # noqa: PLC0415 - 0.1 s, which who only asks what shops there are need not pay

        for name, thread in list(self._counting.items()):
            for _ in range(_TRIES):  # between two statements an interruption is not heard
                if not thread.is_alive():
                    break
                if name in self._cursors:
                    with suppress(duckdb.ConnectionException):  # it has just ended
                        self._cursors[name].interrupt()
                thread.join(_PAUSE)
        with self._lock:
            if self._engine is not None:
                _put_away(self._engine)
                self._engine = None

    def _key(self, shop: Shop, tables: Sequence[QueryTable]) -> str:
        """What the shop's tables hold now. Files of Iceberg tables never change; others do, under the same name."""
        kept = {spec.name for _, spec in self._backends.specs if spec.format == "iceberg"}
        return shop.key(_by_name(tables), "" if shop.needs <= kept else self._token())

    def _fresh(self, shop: Shop, key: str) -> Kept | None:
        folder = self._folder / shop.name / key
        return _kept(folder, fresh=True) if is_complete(folder) else None

    def _last(self, shop: Shop) -> Kept | None:
        found = complete(self._folder / shop.name)
        return _kept(found[-1], fresh=False) if found else None

    def _start(self, shop: Shop, tables: Sequence[QueryTable], key: str) -> threading.Thread | None:
        """The thread that counts the shop: one at a time, of the state in which it began."""
        with self._lock:
            running = self._counting.get(shop.name)
            if running is not None and running.is_alive():
                return running
            if self._failure(shop, key) is not None:
                return None
            thread = threading.Thread(
                target=self._try, args=(shop, tables, key), name=f"orderlake-overview-{shop.name}", daemon=True
            )
            self._counting[shop.name] = thread
            thread.start()
            return thread

    def _failure(self, shop: Shop, key: str) -> LakeError | None:
        """Why this state cannot be counted; of what may pass, a full disk say, only for a while."""
        error, at = self._failed.get((shop.name, key), (None, 0.0))
        passes = isinstance(error, TransientError) and time.monotonic() - at > _AGAIN
        return None if passes else error

    def _try(self, shop: Shop, tables: Sequence[QueryTable], key: str) -> None:
        try:
            self._count(shop, tables, key, _IN_BACKGROUND)
        except LakeError as error:
            self._failed[shop.name, key] = error, time.monotonic()
        except OSError as error:
            failure = StorageUnavailableError(f"{self._folder}: {error.strerror or error}")
            self._failed[shop.name, key] = failure, time.monotonic()
        finally:
            self.revision += 1

    def _count(self, shop: Shop, tables: Sequence[QueryTable], key: str, threads: int | None = None) -> None:
        engine = self._open("count")  # its own: questions to the lake need not share their memory with it
        try:
            cursor = cursor_over(engine, [table for table in tables if table.name in shop.needs])
            if threads is not None:
                cursor.execute(f"SET threads = {threads}")
                self._cursors[shop.name] = cursor
            build(cursor, shop, self._folder / shop.name / key, engine.spill.parent / "cube")
        finally:
            _put_away(engine)
        stay = complete(self._folder / shop.name)[-_GENERATIONS:]
        for old in (self._folder / shop.name).iterdir():
            if old not in stay:
                shutil.rmtree(old, ignore_errors=True)

    def _open(self, purpose: str) -> Engine:
        folder = f"{os.getpid()}-{purpose}-{uuid.uuid4().hex[:8]}"  # swept when this process is dead
        return self._backends.engine(self._backends.project.state / "work" / folder)


def _put_away(engine: Engine) -> None:
    engine.close()
    shutil.rmtree(engine.spill.parent, ignore_errors=True)


def _kept(folder: Path, *, fresh: bool) -> Kept:
    at, amounts = about(folder)
    return Kept(folder, at, amounts, fresh)


def _by_name(tables: Sequence[QueryTable]) -> dict[str, QueryTable]:
    return {table.name: table for table in tables}

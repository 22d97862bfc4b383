"""Records of the quarantine without the personal data of some people, and what was said when one was dropped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orderlake.engine import Engine, name
from orderlake.erasing.people import People
from orderlake.erasing.records import Finder
from orderlake.model.data_file import DataFile
from orderlake.tables.evolve import stored_layout
from orderlake.tables.lakehouse import Move, Opened
from orderlake.tables.layout import TableLayout, drops_layout, quarantine_layout
from orderlake.tables.rewrite import Rewrite
from orderlake.tables.write import Source, Writer
from orderlake.wiring import Backends

_AT_ONCE: Final = 5_000
_STARS: Final = b"***"
Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Takes people out of the tables of records that were set aside."""

    backends: Backends
    engine: Engine
    people: People
    is_dry: bool

    def records(self) -> int:
        """Rewrite the quarantine; give how many records lose something."""
        streams = {(stream.pipeline, stream.name): stream for stream in self.backends.streams}
        loads = {
            (load.load_id, load.source): streams.get((load.pipeline, load.stream))
            for load in self.backends.ledger.loads()
            if load.quarantined
        }

        def without(row: Row) -> str:
            load, source, text = str(row[0]), str(row[1]), str(row[-1])
            stream = loads.get((load, source))
            if stream is None or stream.format == "csv":
                finder = Finder(stream or self.backends.streams[0], self.people)
                return finder.without_letters(text, _size)
            return Finder(stream, self.people).without(text, _size) if stream.person else text

        return self._changed(quarantine_layout(), ("load_id", "source", "version", "position"), "record", without)

    def reasons(self) -> int:
        """Rewrite what was said of dropped records."""
        pattern = self.people.pattern()

        def without(row: Row) -> str:
            return pattern.sub(_STARS, str(row[-1]).encode()).decode(errors="replace")

        return self._changed(drops_layout(), ("source", "version", "position"), "reason", without)

    def _changed(self, layout: TableLayout, key: Sequence[str], column: str, without: Callable[[Row], str]) -> int:
        """Rewrite one text column of a table, in one commit."""
        count = 0

        def moved() -> Move | None:
            nonlocal count
            opened = self.backends.house.open([layout])[layout.name]
            if opened.metadata is None:
                return None
            opened = replace(opened, layout=stored_layout(layout, opened.metadata))
            changes = list(self._changes(opened, key, column, without))
            count = len(changes)
            if self.is_dry:
                return None
            done = self._rewrite(opened, (key, column), changes) if changes else Rewrite(anew=True)
            return self.backends.house.move(opened, done, {"orderlake.operation": "forget"}, uuid.uuid4().hex)

        self.backends.house.land(moved, 20)
        return count

    def _changes(
        self, opened: Opened, key: Sequence[str], column: str, without: Callable[[Row], str]
    ) -> Iterator[tuple[Row, str]]:
        if not opened.live:
            return
        columns = ", ".join(f"t.{name(each)}" for each in (*key, column))
        found = self.engine.cursor().execute(
            f"SELECT {columns} FROM {self._read(opened, opened.live)} AS t WHERE t.{name(column)} IS NOT NULL"
        )
        pattern = self.people.pattern()
        while some := found.fetchmany(_AT_ONCE):
            for row in some:
                data = str(row[-1]).encode(errors="surrogatepass")
                if pattern.search(data) is None and b"\\u00" not in data:
                    continue
                new = without(row)
                if new != row[-1]:
                    yield row[:-1], new

    def _read(self, opened: Opened, files: Sequence[DataFile]) -> str:
        store = self.backends.store
        return opened.layout.rows(store.engine_path(file.location) for file in files)

    def _rewrite(self, opened: Opened, told: tuple[Sequence[str], str], changes: Sequence[tuple[Row, str]]) -> Rewrite:
        """All files are written again: there are few, and what is set aside is little."""
        key, column = told
        cursor, types = self.engine.cursor(), opened.layout.columns
        own = ", ".join(f"{name(each)} {types[each].sql}" for each in key)
        cursor.execute(f"CREATE OR REPLACE TABLE changed ({own}, new VARCHAR)")
        marks = ", ".join("?" * (len(key) + 1))
        cursor.executemany(f"INSERT INTO changed VALUES ({marks})", [[*row, new] for row, new in changes])
        on = " AND ".join(f"t.{name(each)} = c.{name(each)}" for each in key)

        def value(each: str) -> str:
            return f"coalesce(c.new, t.{name(each)}) AS {name(each)}" if each == column else f"t.{name(each)}"

        columns = ", ".join(map(value, types))

        def rows(files: Sequence[DataFile]) -> list[str]:
            return [f"SELECT {columns} FROM {self._read(opened, files)} AS t LEFT JOIN changed AS c ON {on}"]

        writer = Writer(self.engine, self.backends.store, opened.layout, opened.location, uuid.uuid4().hex)
        added = writer.write(Source(None, {}, opened.live, rows))
        self.backends.store.sync(file.location for file in added)
        return Rewrite(tuple(added), tuple(file.location for file in opened.live), anew=True)


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def told_of_rescued(texts: Sequence[str], without: Callable[[str], str | None]) -> Mapping[str, str | None]:
    """Of texts of `_rescued`, those that change, and what they become."""
    changed = ((text, without(text)) for text in texts)
    return {old: new for old, new in changed if new != old}

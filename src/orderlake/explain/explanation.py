"""Why a record is as it is: the file, position and load that it is from, what it outdid, and what was set aside."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import quote
from orderlake.errors import NotFoundError
from orderlake.explain.asked import Asked, Where, asked
from orderlake.explain.trace import Look, Origin, Rows, origin_of, same, trace
from orderlake.explain.versions import Search, Searcher, Unseen, Version, holds, pattern_of
from orderlake.tables.batch import source_of
from orderlake.tables.layout import index_layout
from orderlake.values import counted

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.model.report import LoadReport
    from orderlake.model.source import SourceObject
    from orderlake.wiring import Backends

_SET_ASIDE: Final = 1_000
"""Records of the quarantine that are looked through."""
_AT_RAW: Final = 200
"""Files that no load has taken that are looked through."""
SetAside = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """The version that stands: its record, its place among versions, and the file of a later one with equal content."""

    record: Origin
    version: int
    confirmed_by: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One record by its key: what stands of it (None when nothing does), and all that is known of its other versions.

    `sequence` is the column that orders its versions, empty where the times of files do.
    """

    pipeline: str
    stream: str
    key: Mapping[str, str]
    sequence: str
    standing: Standing | None
    rows: tuple[Rows, ...]
    versions: tuple[Version, ...]
    looked_into: int
    unseen: tuple[Unseen, ...]
    set_aside: tuple[SetAside, ...]

    @property
    def lost(self) -> tuple[Version, ...]:
        """The versions that do not stand."""
        return tuple(version for version in self.versions if version.fate != "stands")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All records that a key may mean; `waiting` are files with that text that no load has taken, each with why."""

    entities: tuple[Entity, ...]
    waiting: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(slots=True)
class Explainer:
    """Explains records of one lake. `set_aside` gives the records in quarantine that fit a condition, with status."""

    backends: Backends
    look: Look
    engine: Engine
    set_aside: Callable[[str], Sequence[SetAside]]

    def explain(self, key: Sequence[str], where: Where) -> Explanation:
        """All that is known of the records with this key.

        NotFoundError says where it was looked, when there is nothing; ConfigError when no key can be that.
        """
        wanted = asked(self.look.pipelines, key, where)
        loads = self.look.ledger.loads()
        entities = [entity for one in wanted if (entity := self._entity(one, loads, where)) is not None]
        waiting = tuple(self._waiting(wanted, loads)) if not entities else ()
        if not entities and not waiting:
            raise NotFoundError(_nowhere(key, wanted, loads))
        return Explanation(tuple(entities), waiting)

    def _entity(self, one: Asked, loads: Sequence[LoadReport], where: Where) -> Entity | None:
        stream = one.stream
        found = trace(self.look, stream.pipeline, one.values, where.table)
        index = self._index(one)
        aside = tuple(self._aside(one))
        if index is None and not aside:
            return None
        standing, search = None, Search((), 0, ())
        if index is not None:
            version, source, number, file = index
            record = next((each for each in found.origins if each.source == source.uri), None)
            if record is None:  # its tables do not tell, or it has no row in them
                load_id = next((each.load_id for each in loads if each.identity == source.identity), "")
                record = origin_of(self.look, stream, source.uri, number, load_id)
            standing = Standing(record, version, file if file != source.uri else "")
            search = self._search(one, loads, source)
            search = replace(search, versions=tuple(_not_standing(each, record) for each in search.versions))
        return Entity(
            stream.pipeline,
            stream.name,
            one.values,
            "" if stream.sequence_by is None else stream.sequence_by.name,
            standing,
            found.found if index is not None else (),
            search.versions,
            search.looked_into,
            search.unseen,
            aside,
        )

    def _index(self, one: Asked) -> tuple[int, SourceObject, int, str] | None:
        """Of the version that stands: its order, the file its rows are from, and its newest place (number, file)."""
        layout = index_layout(one.stream)
        index = self.backends.house.open([layout])[layout.name]
        if not index.live:
            return None
        files = index.layout.rows(self.backends.store.engine_path(file.location) for file in index.live)
        kinds = zip(layout.columns.items(), one.values.values(), strict=False)
        conditions = " AND ".join(same(column, kind.sql, value) for (column, kind), value in kinds)
        row = (
            self.engine.cursor()
            .execute(
                f"SELECT _version, _credit, _source_row, _source_file FROM {files} WHERE {conditions} "
                "ORDER BY _version DESC, _time DESC, _source_file DESC, _source_row DESC LIMIT 1"
            )
            .fetchone()
        )
        return None if row is None else (int(row[0]), source_of(row[1]), int(row[2]), str(row[3]))

    def _search(self, one: Asked, loads: Sequence[LoadReport], standing: SourceObject) -> Search:
        parent = self.look.project.state / "work"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            key = self.backends.key_for(one.stream)
            searcher = Searcher(self.look.project, self.engine, one.stream, loads, Path(folder), key)
            return searcher.search(list(one.values.values()), standing.identity)

    def _aside(self, one: Asked) -> Iterator[SetAside]:
        """Records in quarantine that have this key; where a text is no record, that hold its values."""
        patterns = [pattern_of(value) for value in one.values.values()]
        likely = " AND ".join(f"contains(record, {quote(value)})" for value in one.values.values())
        paths = [column.path for column in one.stream.key]
        streams = {load.load_id: load.stream for load in self.look.ledger.loads()}
        for record in self.set_aside(f"pipeline = {quote(one.stream.pipeline)} AND {likely} LIMIT {_SET_ASIDE}"):
            if streams.get(record["load_id"], one.stream.name) != one.stream.name:
                continue
            if _has(record["record"] or "", paths, list(one.values.values()), patterns):
                yield record

    def _waiting(self, wanted: Sequence[Asked], loads: Sequence[LoadReport]) -> Iterator[tuple[str, str]]:
        """Files of raw/ that were rejected or not loaded yet, and hold the values."""
        if self.backends.is_remote:
            return
        known = {load.identity: load for load in loads}
        sources = [
            source
            for source in self.backends.sources.find(())
            if source.identity not in known or known[source.identity].status == "rejected"
        ]
        for source in sources[-_AT_RAW:]:
            for one in wanted:
                if holds(Path(source.location), [pattern_of(value) for value in one.values.values()]):
                    load = known.get(source.identity)
                    yield source.uri, "it was not loaded yet" if load is None else f"it was rejected: {load.reason}"
                    break


def _not_standing(version: Version, record: Origin) -> Version:
    """What is taken to stand, because the one that does could not be seen, was replaced by that."""
    if version.fate != "stands" or version.source == record.source:
        return version
    return replace(version, fate="replaced", by=f"record {record.number} of {record.source}")


def _has(
    text: str, paths: Sequence[Sequence[str]], values: Sequence[str], patterns: Sequence[re.Pattern[bytes]]
) -> bool:
    """Whether a record's text has this key; one that is no JSON has, when it holds the values."""
    try:
        record = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raw = text.encode(errors="backslashreplace")
        return all(pattern.search(raw) for pattern in patterns)
    for path, value in zip(paths, values, strict=True):
        at = record
        for part in path:
            at = at.get(part) if isinstance(at, dict) else None
        if str(at).strip() != value and str(at).lstrip("0") != value.lstrip("0"):
            return False
    return True


def _nowhere(key: Sequence[str], wanted: Sequence[Asked], loads: Sequence[LoadReport]) -> str:
    tables = dict.fromkeys(table.name for one in wanted for table in one.stream.tables)
    keys = dict.fromkeys(", ".join(one.values) for one in wanted)
    return (
        f"there is nothing of {' '.join(key)}: looked for by {' or '.join(keys)} in {', '.join(tables)}, in "
        f"quarantine, and in files under raw/ that no load has taken; the history knows {counted(len(loads), 'file')}"
    )

"""Who is forgotten: hashes made with the project's key, and files read without the personal data of these people.

So a file that is loaded again, or an old one that turns up, brings nobody back: it is staged as if it were rewritten.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import mmap
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.erasing.people import People, digest
from orderlake.erasing.records import Finder, Plain, as_known, edits, found_in, plain_of, rewritten, texts
from orderlake.errors import ConfigError, DataError, NotFoundError, StorageUnavailableError
from orderlake.kernel import read_csv, read_json
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.scan import UnbalancedError
from orderlake.kernel.split import readable, shares
from orderlake.kernel.worker import is_short
from orderlake.model.column import Column, ColumnType
from orderlake.model.contract import DEFAULT
from orderlake.model.person import Kind
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.ports import Objects
from orderlake.model.source import RemoteFile

if TYPE_CHECKING:
    import duckdb

    from orderlake.engine import Engine

_FORMAT: Final = 1
_AT_ONCE: Final = 10_000
_HEAD: Final = 1 << 16
_ROOM: Final = 2
"""For a file as it is and as it becomes."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The people who are forgotten in a project: kinds and hashes, and the key that these are made with."""

    people: frozenset[tuple[Kind, str]] = frozenset()
    key: bytes = field(default=b"", repr=False)

    def has(self, kind: Kind, text: str) -> bool:
        """Whether somebody known so is forgotten."""
        return (kind, digest(self.key, kind, text)) in self.people

    def cleaned(self, engine: Engine, stream: Stream, file: Path | RemoteFile, work: Path) -> Path | RemoteFile:
        """A file without the personal data of who is forgotten: itself when it has none, else a plain copy in `work`.

        A file that does not tell its records is left: it cannot be loaded either. What is elsewhere is looked at here;
        StorageUnavailableError when there is no room for that.
        """
        if not self.people or not stream.person:
            return file
        if isinstance(file, Path):
            return self._cleaned(engine, stream, file, work)
        copy = _copied(file, work)
        found = self._cleaned(engine, stream, copy, work)
        copy.unlink(missing_ok=True)
        return file if found == copy else found

    def _cleaned(self, engine: Engine, stream: Stream, path: Path, work: Path) -> Path:
        try:
            plain = plain_of(path, stream, work)
            people = People.of(self._among(engine.cursor(), plain, stream, work))
            changes = list(edits(plain, Finder(stream, people))) if people else []
            target = work / "without-the-forgotten"
            if changes:
                rewritten(plain, changes, target)
                return target
        except (DataError, UnbalancedError):
            pass
        except OSError as error:
            if is_short(error):
                raise StorageUnavailableError(f"no room to look for people who are forgotten: {error}") from error
        shutil.rmtree(work, ignore_errors=True)
        return path

    def _among(
        self, cursor: duckdb.DuckDBPyConnection, plain: Plain, stream: Stream, work: Path
    ) -> Iterator[tuple[Kind, str]]:
        """Who of them a file tells of, as it names them."""
        import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

        try:
            told: Iterable[tuple[Kind, str]] = list(self._known(_named(cursor, plain, stream, work), stream))
        except (duckdb.Error, UnicodeDecodeError):  # a record is at fault: all are looked at with care
            told = self._known(_with_care(plain, stream), stream)
        yield from told

    def _known(self, named: Iterable[tuple[Kind, str]], stream: Stream) -> Iterator[tuple[Kind, str]]:
        whole = Finder(stream, People(frozenset())).whole
        for kind, text in named:
            shown = as_known(text) if kind in whole else text
            if self.has(kind, shown):
                yield kind, shown


def _copied(file: RemoteFile, work: Path) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(work).free
    if room < _ROOM * file.size:
        raise StorageUnavailableError(
            f"people are forgotten in this project, so a file is looked at before it is loaded: for its {file.size:,} "
            f"bytes there is no room here ({room:,} bytes free, {_ROOM * file.size:,} wanted): load it with "
            "`orderlake --env aws run` on a machine that has it"
        )
    copy = work / "whole"
    try:
        file.save(copy)
    except OSError as error:
        raise StorageUnavailableError(f"no room to look for people who are forgotten: {error}") from error
    return copy


def _named(cursor: duckdb.DuckDBPyConnection, plain: Plain, stream: Stream, work: Path) -> Iterator[tuple[Kind, str]]:
    """All people that a file names, each once in a share of it: read as strictly as by a load."""
    columns = tuple(Column(kind, ColumnType("string"), path) for kind, path in stream.person)
    bare = replace(stream, tables=(TableSpec("people", columns),), key=(), sequence_by=None, contract=DEFAULT)
    plan = plan_of(bare)
    if stream.format == "csv":
        with plain.path.open("rb") as file:
            dialect = read_csv.dialect_of(plan, file.read(_HEAD))
        relations = [] if dialect is None else [read_csv.strict_relation(plan, plain.path, dialect, 0)]
        yield from (each for one in relations for each in _distinct(cursor, plan_values(bare), one))
        return
    for share in shares(plain.path, 0, stream.envelope):
        with readable(share, work / "share-of-people") as path:
            relation = read_json.strict_relation(plan, [path], share.layout)
            yield from _distinct(cursor, plan_values(bare), relation)


def plan_values(bare: Stream) -> list[tuple[Kind, str]]:
    """SQL of what people are known by, in records `r`."""
    plan = plan_of(bare)
    return [(kind, plan.shape.value(path, ())) for kind, path in bare.person]


def _distinct(
    cursor: duckdb.DuckDBPyConnection, values: list[tuple[Kind, str]], relation: str
) -> Iterator[tuple[Kind, str]]:
    for kind, value in values:
        found = cursor.execute(f"SELECT DISTINCT {value} FROM {relation} AS r WHERE {value} IS NOT NULL")
        while some := found.fetchmany(_AT_ONCE):
            yield from ((kind, str(text)) for (text,) in some)


def _with_care(plain: Plain, stream: Stream) -> Iterator[tuple[Kind, str]]:
    with plain.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, end, text in texts(plain, stream, data):
            raw = data[start:end].decode(errors="surrogateescape")
            if text.dialect is None or text.cells is None:
                yield from found_in(raw, stream)
                continue
            names = [column.strip().lower() for column in text.dialect.header]
            values = dict(zip(names, text.cells, strict=False))
            yield from ((kind, values.get(path[0].lower(), "")) for kind, path in stream.person)


def forgotten(store: Objects, location: str, key: Callable[[], bytes]) -> Forgotten:
    """Who is forgotten, as it is written down there; ConfigError when another key made the hashes.

    The key is asked for where somebody is.
    """
    try:
        document = json.loads(store.read(location))
    except NotFoundError:
        return Forgotten()
    if document.get("format") != _FORMAT or document.get("key") != _check(key()):
        raise ConfigError(
            f"{location}: the people who are forgotten were written down with another key: put it back, for "
            "without it files could bring them back"
        )
    return Forgotten(frozenset((each["kind"], each["hash"]) for each in document["people"]), key())


def remember(store: Objects, location: str, key: bytes, people: People) -> None:
    """Add people to those who are forgotten, there to stay when this returns; one at a time may do so."""
    before = forgotten(store, location, lambda: key)
    every = sorted(before.people | {(kind, digest(key, kind, text)) for kind, text in people.known})
    document = {
        "format": _FORMAT,
        "key": _check(key),
        "people": [{"kind": kind, "hash": each} for kind, each in every],
    }
    store.write(location, json.dumps(document, indent=1).encode())


def _check(key: bytes) -> str:
    """What tells one key from another, and says nothing about it."""
    return hmac.new(key, b"orderlake:key", hashlib.sha256).hexdigest()[:16]

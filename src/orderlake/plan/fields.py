"""What a file has that its pipeline does not declare, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File

from orderlake.errors import DataError
from orderlake.infer.look import RECORDS, Look, copy_head
from orderlake.infer.places import Path, Place
from orderlake.infer.records import take_records
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.header import missing_columns, undeclared_columns
from orderlake.kernel.read_csv import dialect_of
from orderlake.model.pipeline import Stream
from orderlake.model.source import RemoteFile

_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields that are not declared, declared ones that no record has; `looked` records, None when that is all."""

    undeclared: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    looked: int | None = None


def fields_of(stream: Stream, file: File | RemoteFile, work: File) -> Fields:
    """Look at a file's header, or at its first records; `work` is a folder for a copy of them."""
    head = work / "head"
    try:
        is_whole = copy_head(file, head, stream.encoding)
        return _columns(stream, head) if stream.format == "csv" else _places(stream, file, head, is_whole=is_whole)
    except DataError:
        return Fields()  # it would be rejected, and the report says why
    finally:
        head.unlink(missing_ok=True)


def _columns(stream: Stream, head: File) -> Fields:
    plan = plan_of(stream)
    with head.open("rb") as file:
        dialect = dialect_of(plan, file.read(_HEAD))
    if dialect is None:
        return Fields()
    return Fields(
        tuple(undeclared_columns(plan, dialect.header).values()), tuple(missing_columns(plan, dialect.header))
    )


def _places(stream: Stream, file: File | RemoteFile, head: File, *, is_whole: bool) -> Fields:
    trial = head.with_name("trial")
    path = file if isinstance(file, File) else head
    look = Look(path, head, trial, "json", Place(), RECORDS, is_whole=is_whole, within=stream.envelope)
    take_records(look, further=False)
    trial.unlink(missing_ok=True)
    if not look.records:
        return Fields()
    declared = {column.path for table in stream.tables for column in table.columns if not column.is_position}
    declared |= {column.path for column in stream.key}
    ways = {path[:depth] for path in declared for depth in range(1, len(path))}
    found = set(_found(look.root, (), declared, ways))
    undeclared = tuple(".".join(path) for path in sorted(found - declared))
    absent = tuple(".".join(path) for path in sorted(declared - found))
    return Fields(undeclared, absent, None if look.is_whole else look.records)


def _found(place: Place, at: Path, declared: set[Path], ways: set[Path]) -> Iterator[Path]:
    """The declared paths that are there, and others as far up as nothing below is declared."""
    children = dict(place.children)
    if place.element is not None:
        children |= place.element.children
    for key, child in children.items():
        path = (*at, key)
        if path in ways and path not in declared:
            yield from _found(child, path, declared, ways)
        else:
            yield path

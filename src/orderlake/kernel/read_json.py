"""JSON records as a relation: strictly by DuckDB's own reader, or with care, one text per record."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, paths, quote
from orderlake.kernel import scan
from orderlake.kernel.complaints import inexact, is_liftable, json_path, shape_complaints
from orderlake.kernel.flatten import NUMBER, WAYS, Plan
from orderlake.kernel.lines import lines, records_by_line
from orderlake.kernel.shape import Node, Reading, inner
from orderlake.kernel.sniff import Layout

if TYPE_CHECKING:
    import duckdb

FORMATS: Final = {"array": "array", "lines": "newline_delimited", "values": "unstructured"}
_LINE, _RAW, _ERROR, _FILE = inner("line"), inner("raw"), inner("error"), inner("file")


def strict_relation(plan: Plan, files: Sequence[Path], layout: Layout) -> str:
    """A FROM item that reads files of one layout with the declared types; any record that does not fit raises.

    What a file is named says nothing of its compression.
    """
    columns = ", ".join(f"{name(key)}: {quote(node.read_type())}" for key, node in plan.shape.root.children.items())
    return (
        f"read_json({paths(str(file) for file in files)}, format = '{FORMATS[layout]}', records = true, "
        f"compression = 'none', maximum_object_size = {scan.MAX_RECORD}, filename = {quote('.file')}, "
        f"columns = {{{columns}}})"
    )


def objects(files: Sequence[Path], layout: Layout) -> str:
    """A FROM item with the text (`json`) of the same records, in the same order."""
    return (
        f"read_json_objects({paths(str(file) for file in files)}, format = '{FORMATS[layout]}', "
        f"compression = 'none', maximum_object_size = {scan.MAX_RECORD}, filename = {quote('.file')})"
    )


def read_carefully(cursor: duckdb.DuckDBPyConnection, plan: Plan, text: scan.Text, work: Path) -> int:
    """Fill the temporary tables `raws`, `records` and `bad`; give the number of records read.

    `raws` has the number (from 1), line and text of each record, `bad` the number, field and reason of those that
    cannot be loaded, `records` all others. UnreadableObjectError when the text does not tell its records.
    """
    file = work.with_suffix(".records.csv")
    try:
        count, longest = _write(text, file)
        read_again(cursor, plan, {file: 0}, longest)
    finally:
        file.unlink(missing_ok=True)
    return count


def keep_raws(raws: Iterable[tuple[int, int, str]], base: int, file: Path) -> int:
    """Write records of a share to be read again: their `_rid` (`base` and their number), line and text.

    Gives the length of the longest.
    """
    longest = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for number, line, text in raws:
            longest = max(longest, len(text.encode()))
            writer.writerow((base + number, line, "", text))
    return longest


def read_again(cursor: duckdb.DuckDBPyConnection, plan: Plan, files: Mapping[Path, int], longest: int) -> None:
    """Make the tables of read_carefully from files of records, those of keep_raws: their numbers are their `_rid`.

    Each has a number that is added to its lines.
    """
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE raws AS {kept_raws(files, longest)}")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE bad AS {shape_complaints(plan)}")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE records AS {_records(plan)}")
    for grain in plan.shape.grains:
        wide = inexact(plan, grain, "records")
        mix = plan.content("exact")
        cursor.execute(f"UPDATE records AS r SET {inner('mix')} = {mix} WHERE r.{NUMBER} IN ({wide})")


def _write(text: scan.Text, file: Path) -> tuple[int, int]:
    if text.layout == "lines":
        return _write_records(lines(text), file)
    try:
        return _write_records(scan.records(text), file)
    except scan.UnbalancedError:
        if not text.is_cut:
            with suppress(scan.UnbalancedError):
                return _write_records(records_by_line(text), file)
        raise


def _write_records(found: Iterable[scan.RawRecord], file: Path) -> tuple[int, int]:
    count = longest = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for record in found:
            count += 1
            longest = max(longest, len(record.text))
            try:
                text, error = record.text.decode(), record.wrong
            except UnicodeDecodeError as wrong:
                text = record.text.decode(errors="backslashreplace")
                error = f"is not valid UTF-8: {wrong.reason} at byte {wrong.start + 1}"
            if "\0" in text:
                text, error = text.replace("\0", "\\x00"), error or "holds a NUL byte"
            writer.writerow((count, record.line, error, text))
    return count, longest


def kept_raws(files: Mapping[Path, int], longest: int) -> str:
    """SELECT number, line, error and text of records from such files; the longest text has so many bytes."""
    size = max(4 << 20, 4 * longest)
    read = paths(map(str, files))
    columns = ", ".join(f"{column}: 'VARCHAR'" for column in (NUMBER, _LINE, _ERROR, _RAW))
    return (
        f"SELECT * EXCLUDE ({_FILE}) REPLACE (CAST({NUMBER} AS BIGINT) AS {NUMBER}, nullif({_ERROR}, '') AS {_ERROR}, "
        f"CAST({_LINE} AS BIGINT) + {list(files.values())}[list_position({read}, {_FILE})] AS {_LINE}) "
        f"FROM read_csv({read}, header = false, filename = {quote('.file')}, "
        f"auto_detect = false, delim = ',', new_line = '\\n', quote = '\"', escape = '\"', columns = {{{columns}}}, "
        f"max_line_size = {size}, buffer_size = {2 * size})"
    )


def _records(plan: Plan) -> str:
    """SELECT the records worth looking at: their fields as strict reading gives them, with exact numbers, as text."""
    readings = ", ".join(f"json_transform({_RAW}, {plan.shape.structure(way)}) AS {inner(way)}" for way in WAYS)
    inside = f"SELECT *, {readings} FROM raws WHERE {NUMBER} NOT IN (SELECT {NUMBER} FROM bad)"
    typed = [f"{_field(plan, 'typed', key)} AS {name(key)}" for key in plan.fields]
    others = [
        f"{{{', '.join(f'{quote(key)}: {_field(plan, way, key)}' for key in plan.fields)}}} AS {inner(way)}"
        for way in WAYS[1:]
    ]
    mix = f"NULL::UBIGINT AS {inner('mix')}"
    return f"SELECT {NUMBER}, {', '.join([*typed, *others, mix])} FROM ({inside})"


def _field(plan: Plan, way: Reading, key: str) -> str:
    """A top-level field of a reading; where a list is declared, one object alone stands for a list of it."""
    node = plan.shape.root.children[key]
    read = f"{inner(way)}.{name(key)}"
    if not is_liftable((key,), node):
        return read
    alone = quote(json.dumps({key: Node(node.children).structure(way)}))
    kind = f"json_type({_RAW}, {quote(json_path((key,), []))})"
    return f"CASE WHEN {kind} = 'OBJECT' THEN [json_transform({_RAW}, {alone}).{name(key)}] ELSE {read} END"

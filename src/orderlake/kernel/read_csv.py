"""CSV records as a relation: the dialect told from the first rows, strictly by DuckDB, or row by row with care."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.errors import SchemaMismatchError
from orderlake.engine import name, quote
from orderlake.kernel.flatten import Plan

if TYPE_CHECKING:
    import duckdb

_DELIMITERS: Final = (",", ";", "\t", "|")
_PREAMBLE: Final = 20
csv.field_size_limit(64 << 20)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written: its delimiter, the row number (from 0) of its header, and the header's names."""

    delimiter: str
    skip: int
    header: tuple[str, ...]


def dialect_of(plan: Plan, head: str) -> Dialect | None:
    """Tell the dialect from the file's beginning: the delimiter and row under which most declared columns appear.

    None for a file without any row. SchemaMismatchError names the declared columns that no header has.
    """
    wanted = [key.lower() for key in plan.shape.root.children]
    best: tuple[int, Dialect] | None = None
    for delimiter in _DELIMITERS:
        for number, row in enumerate(_rows(head, delimiter)):
            if number >= _PREAMBLE:
                break
            names = tuple(cell.strip() for cell in row)
            score = len({cell.lower() for cell in names} & set(wanted))
            if score and (best is None or score > best[0]):
                best = (score, Dialect(delimiter, number, names))
    if best is None:
        if not head.strip():
            return None
        first = next(_rows(head, ","), [])
        raise SchemaMismatchError(f"no header row names any of {', '.join(plan.shape.root.children)}; the first row is {first[:8]}")
    missing = [key for key in plan.shape.root.children if key.lower() not in {cell.lower() for cell in best[1].header}]
    if missing:
        raise SchemaMismatchError(f"the header lacks {', '.join(missing)}; it has {', '.join(best[1].header)}")
    return best[1]


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        return


def _names(plan: Plan, header: Sequence[str]) -> list[str]:
    """The header's names as declared (letter case apart); undeclared and doubled ones made unique."""
    declared = {key.lower(): key for key in plan.shape.root.children}
    names: list[str] = []
    for number, cell in enumerate(header):
        found = declared.pop(cell.lower(), None)
        names.append(found if found is not None else f"_extra{number}")
    return names


def strict_relation(plan: Plan, file: Path, dialect: Dialect, base: int) -> str:
    """A FROM item with the declared columns as text, blank ones NULL, and `_n`, `base` plus the row's number from 1."""
    columns = _names(plan, dialect.header)
    types = ", ".join(f"{name(column)}: 'VARCHAR'" for column in columns)
    read = (
        f"read_csv({quote(str(file))}, auto_detect = false, header = true, skip = {dialect.skip}, delim = {quote(dialect.delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{types}}}, strict_mode = true, null_padding = false, max_line_size = 4194304)"
    )
    return f"({_cleaned(plan, f'SELECT {base} + row_number() OVER () AS _n, * FROM {read}', columns)})"


def _cleaned(plan: Plan, inner: str, columns: Sequence[str]) -> str:
    cells = ", ".join(f"nullif(trim({name(key)}), '') AS {name(key)}" for key in plan.shape.root.children)
    blank = " AND ".join(f"nullif(trim({name(column)}), '') IS NULL" for column in columns)
    return f"SELECT * EXCLUDE ({', '.join(name(key) for key in columns)}), {cells} FROM ({inner}) WHERE NOT ({blank})"


def read_carefully(
    cursor: duckdb.DuckDBPyConnection, plan: Plan, chunks: Iterable[bytes], dialect: Dialect, work: Path
) -> int:
    """Fill the temporary tables `records` and `bad` as for JSON; give the number of rows read, blank ones apart."""
    columns = _names(plan, dialect.header)
    file = work.with_suffix(".rows.csv")
    bad: list[tuple[int, int, str, str]] = []
    count = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for number, line, row, raw, reason in _careful_rows(chunks, dialect):
            count += 1
            if reason is None:
                writer.writerow([number, line, raw, *row])
            else:
                bad.append((number, line, reason, raw))
    types = ", ".join(f"{name(column)}: 'VARCHAR'" for column in ["_number", "_at", "_raw", *columns])
    read = (
        f"SELECT CAST(_number AS BIGINT) AS _n, CAST(_at AS BIGINT) AS _line, * EXCLUDE (_number, _at) FROM read_csv({quote(str(file))}, "
        f"auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', columns = {{{types}}}, max_line_size = 67108864, buffer_size = 134217728)"
    )
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE records AS {_cleaned(plan, read, columns)}")
    file.unlink()
    cursor.execute("CREATE OR REPLACE TEMP TABLE raws (_n BIGINT, _line BIGINT, _raw VARCHAR)")
    cursor.execute("INSERT INTO raws SELECT _n, _line, _raw FROM records")
    cursor.execute("CREATE OR REPLACE TEMP TABLE bad (_n BIGINT, field VARCHAR, reason VARCHAR)")
    for number, line, reason, raw in bad:
        cursor.execute("INSERT INTO bad VALUES (?, '', ?)", [number, reason])
        cursor.execute("INSERT INTO raws VALUES (?, ?, ?)", [number, line, raw])
    return count


def _careful_rows(chunks: Iterable[bytes], dialect: Dialect) -> Iterator[tuple[int, int, list[str], str, str | None]]:
    """(row number, line, cells, raw text, what is wrong) of each row after the header that is not blank."""
    lines = _Lines(chunks)
    reader = csv.reader(lines, delimiter=dialect.delimiter)
    number = -dialect.skip - 1
    while True:
        line = lines.number + 1
        lines.taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row, wrong = [], f"is not CSV: {error}"
        else:
            wrong = None
        if not row and wrong is None:
            continue
        number += 1
        if number < 1 or (wrong is None and not any(cell.strip() for cell in row)):
            continue
        raw = "".join(lines.taken).rstrip("\r\n")
        if wrong is None and len(row) != len(dialect.header):
            wrong = f"has {len(row)} fields where the header has {len(dialect.header)}"
        if wrong is None and "\\x" in raw and lines.damaged:
            wrong = "is not valid UTF-8"
        lines.damaged = False
        yield number, line, row, raw, wrong


class _Lines:
    """The lines of a text for csv.reader, remembering those taken for the current row."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = _decoded(chunks)
        self.number = 0
        self.taken: list[str] = []
        self.damaged = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, damaged = next(self._lines)
        self.number += 1
        self.damaged = self.damaged or damaged
        self.taken.append(line)
        return line.replace("\0", "\\x00")


def _decoded(chunks: Iterable[bytes]) -> Iterator[tuple[str, bool]]:
    rest = b""
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield _decode(part + b"\n")
    if rest:
        yield _decode(rest)


def _decode(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), False
    except UnicodeDecodeError:
        return line.decode(errors="backslashreplace"), True

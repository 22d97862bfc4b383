"""CSV records as a relation: the dialect told from the first rows, strictly by DuckDB, or row by row with care."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, quote
from orderlake.errors import SchemaMismatchError
from orderlake.kernel.flatten import NUMBER, Plan
from orderlake.kernel.rows import MAX_ROW, Row, careful_rows
from orderlake.kernel.scan import Text
from orderlake.kernel.shape import inner

if TYPE_CHECKING:
    import duckdb

_DELIMITERS: Final = (",", ";", "\t", "|")
_PREAMBLE: Final = 20
_LINE, _RAW = inner("line"), inner("raw")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written: its delimiter, the row number (from 0) of its header, and the header's names."""

    delimiter: str
    skip: int
    header: tuple[str, ...]


def dialect_of(plan: Plan, head: str) -> Dialect | None:
    """Tell the dialect from the file's beginning: the delimiter and row under which most declared columns appear.

    None for a file without any text. SchemaMismatchError names the declared columns that no header has.
    """
    wanted = {key.lower() for key in plan.fields}
    best: tuple[int, Dialect] | None = None
    for delimiter in _DELIMITERS:
        for number, row in enumerate(_rows(head, delimiter)):
            if number >= _PREAMBLE:
                break
            names = tuple(cell.strip() for cell in row)
            score = len({cell.lower() for cell in names} & wanted)
            if score and (best is None or score > best[0]):
                best = (score, Dialect(delimiter, number, names))
    if best is None:
        if not head.strip():
            return None
        first = next((row for row in _rows(head, ",") if row), [])
        raise SchemaMismatchError(f"no header row names any of {', '.join(plan.fields)}; the first row is {first[:8]}")
    header = best[1].header
    missing = [key for key in plan.fields if key.lower() not in {cell.lower() for cell in header}]
    if missing:
        raise SchemaMismatchError(f"the header lacks {', '.join(missing)}; it has {', '.join(header)}")
    return best[1]


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    except csv.Error:
        return


def _names(plan: Plan, header: Sequence[str]) -> list[str]:
    """The header's names as declared (letter case apart); undeclared and doubled ones get names of our own."""
    declared = {key.lower(): key for key in plan.fields}
    return [declared.pop(cell.lower(), f".{number}") for number, cell in enumerate(header)]


def strict_relation(plan: Plan, file: Path, dialect: Dialect, base: int) -> str:
    """A FROM item with the declared columns as text, blank ones NULL, and `base` plus the row's number from 1."""
    columns = _names(plan, dialect.header)
    read = (
        f"read_csv({quote(str(file))}, header = true, skip = {dialect.skip}, delim = {quote(dialect.delimiter)}, "
        f"{_settings(columns, MAX_ROW)})"
    )
    return f"({_cleaned(plan, f'SELECT {base} + row_number() OVER () AS {NUMBER}, * FROM {read}', columns)})"


def read_carefully(cursor: duckdb.DuckDBPyConnection, plan: Plan, text: Text, dialect: Dialect, work: Path) -> int:
    """Fill the temporary tables `raws`, `records` and `bad` as for JSON; give the number of rows, blank ones apart."""
    columns = _names(plan, dialect.header)
    file = work.with_suffix(".rows.csv")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE raws ({NUMBER} BIGINT, {_LINE} BIGINT, {_RAW} VARCHAR)")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE bad ({NUMBER} BIGINT, field VARCHAR, reason VARCHAR)")
    own = [NUMBER, _LINE, _RAW]
    settings = _settings(columns, 4 * MAX_ROW, own)
    read = (
        f"SELECT CAST({NUMBER} AS BIGINT) AS {NUMBER}, * EXCLUDE ({NUMBER}) "
        f"FROM read_csv({quote(str(file))}, header = false, delim = ',', buffer_size = {8 * MAX_ROW}, {settings})"
    )
    try:
        rows = careful_rows(text, dialect.delimiter, dialect.skip, len(dialect.header))
        count = _write(cursor, rows, file)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE records AS {_cleaned(plan, read, columns)}")
    finally:
        file.unlink(missing_ok=True)
    cursor.execute(f"INSERT INTO raws SELECT {NUMBER}, CAST({_LINE} AS BIGINT), {_RAW} FROM records")
    return count


def _write(cursor: duckdb.DuckDBPyConnection, rows: Iterable[Row], file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            count += 1
            if row.wrong is None:
                writer.writerow([row.number, row.line, row.raw, *row.cells])
            else:
                cursor.execute("INSERT INTO bad VALUES (?, '', ?)", [row.number, row.wrong])
                cursor.execute("INSERT INTO raws VALUES (?, ?, ?)", [row.number, row.line, row.raw])
    return count


def _settings(columns: Sequence[str], longest: int, own: Sequence[str] = ()) -> str:
    types = ", ".join(f"{column}: 'VARCHAR'" for column in [*own, *(name(column) for column in columns)])
    return (
        f"auto_detect = false, quote = '\"', escape = '\"', strict_mode = true, null_padding = false, "
        f"max_line_size = {longest}, columns = {{{types}}}"
    )


def _cleaned(plan: Plan, rows: str, columns: Sequence[str]) -> str:
    """SELECT the rows that are not blank: declared columns without blanks around, NULL when empty; no others."""
    cells = ", ".join(f"nullif(trim({name(key)}), '') AS {name(key)}" for key in plan.fields)
    blank = " AND ".join(f"nullif(trim({name(column)}), '') IS NULL" for column in columns)
    others = ", ".join(name(column) for column in columns)
    return f"SELECT * EXCLUDE ({others}), {cells} FROM ({rows}) WHERE NOT ({blank})"

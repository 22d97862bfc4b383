"""CSV records as a relation: the dialect told from the first rows, strictly by DuckDB, or row by row with care."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, quote
from orderlake.errors import SchemaMismatchError
from orderlake.kernel.flatten import KEPT, NUMBER, Plan
from orderlake.kernel.header import header_complaint, kept_cells, names
from orderlake.kernel.rows import MAX_ROW, NO_CSV, Row, careful_rows
from orderlake.kernel.scan import Text, UnbalancedError
from orderlake.kernel.shape import inner
from orderlake.kernel.sniff import Dialect

if TYPE_CHECKING:
    import duckdb

_DELIMITERS: Final = (",", ";", "\t", "|")
_PREAMBLE: Final = 20
_LINE, _RAW = inner("line"), inner("raw")


def dialect_of(plan: Plan, head: bytes) -> Dialect | None:
    """Tell the dialect from the file's beginning: the delimiter and row under which most declared columns appear.

    None for a file without any text. SchemaMismatchError names the declared columns that no header has.
    """
    wanted = {key.lower() for key in plan.fields}
    text, lines = head.decode(errors="replace"), head.splitlines(keepends=True)
    best: tuple[int, Dialect] | None = None
    for delimiter in _DELIMITERS:
        for line, row in islice(_rows(text, delimiter), _PREAMBLE):
            names = tuple(cell.strip() for cell in row)
            score = len({cell.lower() for cell in names} & wanted)
            if score and (best is None or score > best[0]):
                best = (score, Dialect(delimiter, sum(map(len, lines[:line])), names))
    if best is None:
        if not text.strip():
            return None
        first = next((row for _, row in _rows(text, ",") if row), [])
        # What is told goes into the load history, and a row without a header may be about a person.
        shown = "" if plan.stream.pii else f"; the first row is {first[:8]}"
        raise SchemaMismatchError(f"no header row names any of {', '.join(plan.fields)}{shown}")
    header = best[1].header
    complaint = header_complaint(plan, header)
    if complaint is not None:
        raise SchemaMismatchError(complaint)
    return best[1]


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row and the line (from 0) it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    line = 0
    with suppress(csv.Error):
        for row in reader:
            yield line, row
            line = reader.line_num


def strict_relation(plan: Plan, file: Path, dialect: Dialect, base: int) -> str:
    """A FROM item with the declared columns as text, blank ones NULL, and `base` plus the row's number from 1.

    Blank rows are neither rows nor counted.
    """
    columns = names(plan, dialect.header)
    read = (
        f"read_csv({quote(str(file))}, header = true, delim = {quote(dialect.delimiter)}, "
        f"{_settings(columns, MAX_ROW)})"
    )
    rows = _cleaned(plan, read, columns, dialect.header)
    return f"(SELECT {base} + row_number() OVER () AS {NUMBER}, * FROM ({rows}))"


def read_carefully(cursor: duckdb.DuckDBPyConnection, plan: Plan, text: Text, work: Path) -> int:
    """Fill the temporary tables `raws`, `records` and `bad` as for JSON; give the number of rows, blank ones apart."""
    if text.dialect is None:
        raise ValueError("a CSV text has a dialect")
    delimiter, header = text.dialect.delimiter, text.dialect.header
    columns = names(plan, header)
    file = work.with_suffix(".rows.csv")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE raws ({NUMBER} BIGINT, {_LINE} BIGINT, {_RAW} VARCHAR)")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE bad ({NUMBER} BIGINT, field VARCHAR, reason VARCHAR)")
    own = [NUMBER, _LINE, _RAW]
    settings = f"buffer_size = {8 * MAX_ROW}, {_settings(columns, 4 * MAX_ROW, own)}"
    read = (
        f"SELECT CAST({NUMBER} AS BIGINT) AS {NUMBER}, * EXCLUDE ({NUMBER}) FROM "
        f"read_csv({quote(str(file))}, header = false, delim = ',', new_line = '\\n', {settings})"
    )
    try:
        rows = careful_rows(text, delimiter, len(header))
        count = _write(cursor, rows, file, is_cut=text.is_cut)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE records AS {_cleaned(plan, f'({read})', columns, header)}")
    finally:
        file.unlink(missing_ok=True)
    cursor.execute(f"INSERT INTO raws SELECT {NUMBER}, CAST({_LINE} AS BIGINT), {_RAW} FROM records")
    return count


def _write(cursor: duckdb.DuckDBPyConnection, rows: Iterable[Row], file: Path, *, is_cut: bool) -> int:
    """Write the rows; UnbalancedError when a text that was cut holds what is no row, for the cut may be to blame."""
    count = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            count += 1
            if row.wrong is None:
                writer.writerow([row.number, row.line, row.raw, *row.cells])
            else:
                if is_cut and row.wrong.startswith(NO_CSV):
                    raise UnbalancedError(row.wrong)
                cursor.execute("INSERT INTO bad VALUES (?, '', ?)", [row.number, row.wrong])
                cursor.execute("INSERT INTO raws VALUES (?, ?, ?)", [row.number, row.line, row.raw])
    return count


def _settings(columns: Sequence[str], longest: int, own: Sequence[str] = ()) -> str:
    types = ", ".join(f"{column}: 'VARCHAR'" for column in [*own, *(name(column) for column in columns)])
    return (
        f"auto_detect = false, compression = 'none', quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, max_line_size = {longest}, columns = {{{types}}}"
    )


def _cell(plan: Plan, key: str) -> str:
    bare = f"nullif(trim({name(key)}), '')"
    kinds = {kind.name for kind in plan.shape.root.children[key].types}
    return f"CASE WHEN {bare} IS NOT NULL THEN {name(key)} END" if "string" in kinds else bare


def _cleaned(plan: Plan, rows: str, columns: Sequence[str], header: Sequence[str]) -> str:
    """SELECT the rows that are not blank: declared columns, NULL when blank; no others. Only text keeps its spaces.

    A declared column that the header lacks is NULL in all of them.
    """
    there = [f"{_cell(plan, key) if key in columns else 'NULL::VARCHAR'} AS {name(key)}" for key in plan.fields]
    if plan.stream.contract.is_kept:
        there.append(f"{kept_cells(plan, columns, header)} AS {KEPT}")
    blank = " AND ".join(f"nullif(trim({name(column)}), '') IS NULL" for column in columns)
    others = ", ".join(name(column) for column in columns)
    return f"SELECT * EXCLUDE ({others}), {', '.join(there)} FROM {rows} WHERE NOT ({blank})"

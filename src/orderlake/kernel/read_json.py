"""JSON records as a relation: strictly by DuckDB's own reader, or with care, one text per record."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.kernel import scan
from orderlake.engine import name, paths, quote
from orderlake.kernel.flatten import Plan
from orderlake.kernel.shape import EXACT_NUMBER
from orderlake.kernel.sniff import Layout

if TYPE_CHECKING:
    import duckdb

_FORMATS: Final = {"array": "array", "lines": "newline_delimited", "values": "unstructured"}


def strict_relation(plan: Plan, files: Sequence[Path], layout: Layout) -> str:
    """A FROM item that reads files of one layout with the declared types; any record that does not fit raises."""
    columns = ", ".join(f"{name(key)}: {quote(node.read_type('DOUBLE'))}" for key, node in plan.shape.root.children.items())
    many = ", filename = true" if len(files) > 1 else ""
    return (
        f"read_json({paths(str(file) for file in files)}, format = '{_FORMATS[layout]}', records = true, "
        f"columns = {{{columns}}}{many})"
    )


def read_carefully(cursor: duckdb.DuckDBPyConnection, plan: Plan, chunks: Iterable[bytes], layout: Layout, work: Path) -> int:
    """Fill the temporary tables `records` (careful records) and `bad` (_n, field, reason); give the number read.

    `records` has _n (from 1), _line, _raw, the declared fields, and `_x`, the same with exact numbers.
    """
    found = scan.lines(chunks) if layout == "lines" else scan.records(chunks, array=layout == "array")
    file = work.with_suffix(".records.csv")
    count, longest = _write(found, file)
    cursor.execute("CREATE OR REPLACE TEMP TABLE raws AS " + _raws(file, longest))
    file.unlink()
    exact = plan.shape.root.read_type(EXACT_NUMBER)
    transformed = (
        f"SELECT *, TRY(json_transform(_raw, {plan.shape.structure('DOUBLE')})) AS _j, "
        f"TRY(json_transform(_raw, {plan.shape.structure(EXACT_NUMBER)})) AS _x FROM raws"
    )
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE bad AS SELECT _n, field, reason FROM ({_malformed(plan)}) WHERE reason IS NOT NULL")
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE records AS "
        f"SELECT _n, _line, _raw, _x, (CAST(_j AS {exact}) IS NOT DISTINCT FROM _x) AS _same, _j.* "
        f"FROM ({transformed}) WHERE _n NOT IN (SELECT _n FROM bad)"
    )
    return count


def _write(found: Iterable[scan.RawRecord], file: Path) -> tuple[int, int]:
    count = longest = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for count, record in enumerate(found, 1):  # noqa: B007 - the count is wanted after the loop
            longest = max(longest, len(record.text))
            try:
                text, error = record.text.decode(), ""
            except UnicodeDecodeError as wrong:
                text = record.text.decode(errors="backslashreplace")
                error = f"is not valid UTF-8: {wrong.reason} at byte {record.offset + wrong.start}"
            if "\0" in text:
                text, error = text.replace("\0", "\\x00"), error or "holds a NUL byte"
            writer.writerow((count, record.line, error, text))
    return count, longest


def _raws(file: Path, longest: int) -> str:
    size = max(4 << 20, 4 * longest)
    return (
        f"SELECT CAST(n AS BIGINT) AS _n, CAST(line AS BIGINT) AS _line, nullif(error, '') AS _error, raw AS _raw "
        f"FROM read_csv({quote(str(file))}, header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{n: 'VARCHAR', line: 'VARCHAR', error: 'VARCHAR', raw: 'VARCHAR'}}, "
        f"max_line_size = {size}, buffer_size = {2 * size})"
    )


def _malformed(plan: Plan) -> str:
    """SELECT (_n, field, reason) of records that are no JSON object of the declared shape; reason is NULL when fine."""
    cases = [
        "WHEN _error IS NOT NULL THEN ['', _error]",
        "WHEN NOT json_valid(_raw) THEN ['', 'is not valid JSON']",
        "WHEN json_type(_raw) <> 'OBJECT' THEN ['', 'is ' || lower(json_type(_raw)) || ', not an object']",
        "WHEN len(json_keys(_raw)) <> len(list_distinct(json_keys(_raw))) THEN ['', 'has a key twice']",
    ]
    within: list[tuple[str, ...]] = []
    for path, node in plan.shape.root.walk():
        if any(path[: len(above)] == above for above in within):
            continue
        if node.is_list:
            within.append(path)
        wanted = "ARRAY" if node.is_list else "OBJECT"
        at = quote("$" + "".join(f'."{part}"' for part in path))
        kind = f"coalesce(json_type(_raw, {at}), 'NULL')"
        field = quote(".".join(path))
        cases.append(f"WHEN {kind} NOT IN ('NULL', '{wanted}') THEN [{field}, 'is ' || lower({kind}) || ', not {wanted.lower()}']")
        if not node.is_list:
            cases.append(
                f"WHEN {kind} = 'OBJECT' AND len(json_keys(_raw, {at})) <> len(list_distinct(json_keys(_raw, {at}))) "
                f"THEN [{field}, 'has a key twice']"
            )
    return f"SELECT _n, c[1] AS field, c[2] AS reason FROM (SELECT _n, CASE {' '.join(cases)} END AS c FROM raws)"

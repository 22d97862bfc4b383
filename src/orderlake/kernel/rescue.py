"""What a contract keeps of records beyond the declared columns, brought beside them on their way into staged files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.engine import quote
from orderlake.kernel import read_json, undeclared
from orderlake.kernel.complaints import FROZEN_MISSING, FROZEN_NEW, MISSING, UNDECLARED
from orderlake.kernel.flatten import ENTRIES, KEPT, NUMBER, Plan, set_aside, with_mode
from orderlake.kernel.shape import inner
from orderlake.kernel.sniff import Layout
from orderlake.kernel.spoiled import spoiled

if TYPE_CHECKING:
    import duckdb


def strict_relation(
    cursor: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[Path], layout: Layout, number: str
) -> str:
    """A FROM item with the records of JSON files as they are read strictly, their numbers, and what is kept of them.

    The table made on the way is the cursor's own.
    """
    texts = f"SELECT {number} AS n, r.json AS raw FROM {read_json.objects(files, layout)} AS r"
    as_strict = replace(plan.stream.contract, types="discard_row")  # else the strict reader refuses the share
    if as_strict.is_kept:
        undeclared.look(cursor, replace(plan, stream=replace(plan.stream, contract=as_strict)), f"({texts})")
    else:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE looked (n BIGINT, kept {ENTRIES})")
    records = f"(SELECT *, {number} AS {NUMBER} FROM {read_json.strict_relation(plan, files, layout)} AS r)"
    return _joined(cursor, records)


def careful_relation(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> str:
    """A FROM item with the careful records that are left, and what is kept of them.

    Those that the contract sets aside are added to the table `bad`.
    """
    frozen = None if plan.is_text else with_mode(plan.stream.contract, "freeze", "x")
    if plan.is_text:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE looked AS SELECT {NUMBER} AS n, {KEPT} AS kept FROM records")
    else:
        # Of what is no JSON nothing is asked, in whatever order DuckDB looks at conditions.
        text = f"CASE WHEN json_valid({inner('raw')}) THEN {inner('raw')} END"
        whole = " WHERE field = ''" if frozen is not None else ""
        undeclared.look(
            cursor,
            plan,
            f"(SELECT {NUMBER} AS n, {text} AS raw FROM raws WHERE {NUMBER} NOT IN (SELECT {NUMBER} FROM bad{whole}))",
        )
    if frozen is not None:
        first = f"list_filter(kept, lambda x: {frozen})[1]"
        broken = f"SELECT n, {first} AS x FROM looked WHERE n IN (SELECT {NUMBER} FROM bad)"
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE broken AS SELECT * FROM ({broken}) WHERE x IS NOT NULL")
        cursor.execute(f"DELETE FROM bad WHERE {NUMBER} IN (SELECT n FROM broken)")
        cursor.execute(f"INSERT INTO bad SELECT n, x.path, {_reason(FROZEN_MISSING, FROZEN_NEW)} FROM broken")
    refused = set_aside(plan.stream.contract, "x")
    if refused is not None:
        first = f"list_filter(kept, lambda x: {refused})[1]"
        found = f"SELECT n, {first} AS x FROM looked WHERE n NOT IN (SELECT {NUMBER} FROM bad)"
        cursor.execute(
            f"INSERT INTO bad SELECT n, replace(x.path, '\\.', '.'), {_reason(MISSING, UNDECLARED)} "
            f"FROM ({found}) WHERE x IS NOT NULL"
        )
    if plan.stream.contract.types == "discard_value":
        _add(cursor, spoiled(plan))
    return _joined(cursor, f"(SELECT * EXCLUDE ({KEPT}) FROM records)" if plan.is_text else "records")


def _reason(missing: str, new: str) -> str:
    return f"CASE WHEN x.value IS NULL THEN {quote(missing)} ELSE {quote(new)} END"


def _add(cursor: duckdb.DuckDBPyConnection, entries: str) -> None:
    """Add entries (n, at, path, value) to what is kept of their records."""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE spoiled AS SELECT DISTINCT * FROM ({entries})")
    if cursor.execute("SELECT count(*) FROM spoiled").fetchone() == (0,):
        return
    entry = "{'at': \"at\", 'path': path, 'value': value}"
    packed = f"SELECT n, list({entry})::{ENTRIES} AS kept FROM spoiled GROUP BY n"
    both = f"SELECT n, kept FROM looked SEMI JOIN spoiled USING (n) UNION ALL ({packed})"
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE looked AS SELECT n, kept FROM looked ANTI JOIN spoiled USING (n) UNION ALL "
        f"SELECT n, list_sort(flatten(list(kept)))::{ENTRIES} FROM ({both}) GROUP BY n"
    )


def _joined(cursor: duckdb.DuckDBPyConnection, records: str) -> str:
    if cursor.execute("SELECT count(kept) FROM looked").fetchone() == (0,):
        return f"(SELECT *, NULL::{ENTRIES} AS {KEPT} FROM {records})"
    return f"(SELECT s.*, k.kept AS {KEPT} FROM {records} AS s LEFT JOIN looked AS k ON k.n = s.{NUMBER})"

"""What to say of models and tests that failed: which, and the first rows that are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from orderlake.building.dbt import Workshop
from orderlake.building.workdb import rows
from orderlake.errors import CheckFailedError, LakeError, QueryError
from orderlake.values import counted, plain

_SHOWN: Final = 5
_FAILED: Final = frozenset({"error", "fail", "runtime error", "partial success"})


def refuse_failed(workshop: Workshop, so: str) -> None:
    """Raise when something failed: QueryError for a model that did not run, CheckFailedError for a test.

    `so` says what that means for readers.
    """
    nodes = workshop.manifest().get("nodes", {})
    failed = [result for result in workshop.results() if result.get("status") in _FAILED]
    if not failed:
        return
    broken = [result for result in failed if result["status"] != "fail"]
    told = [_told(workshop, result, nodes.get(result["unique_id"], {})) for result in failed]
    what = f"{counted(len(broken), 'model')} could not be built" if broken else f"{counted(len(failed), 'test')} failed"
    error = QueryError if broken else CheckFailedError
    raise error("\n".join([f"{what}, {so}", *told, f"The log: {workshop.log}"]))


def _told(workshop: Workshop, result: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    name = str(node.get("name") or result["unique_id"])
    path = str(node.get("original_file_path") or "")
    if result["status"] != "fail":
        return f"- {name} ({path}): {result.get('message')}"
    relation = result.get("relation_name") or node.get("relation_name")
    lines = [f"- {name} ({path}): {counted(int(result.get('failures') or 0), 'row')} should not be"]
    if relation:
        with suppress(LakeError):  # the failure is worth telling without its rows
            columns, found = rows(workshop.database, f"SELECT * FROM {relation} LIMIT {_SHOWN}")
            lines += [f"    {_row(columns, row)}" for row in found]
        lines.append(f"  All of them: SELECT * FROM {relation}, with any DuckDB client that opens {workshop.database}")
    return "\n".join(lines)


def _row(columns: Sequence[str], row: Sequence[Any]) -> str:
    return ", ".join(
        f"{column}={'NULL' if value is None else plain(value)}" for column, value in zip(columns, row, strict=True)
    )

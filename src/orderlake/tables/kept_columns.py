"""The columns that a contract adds to a table, from what was staged beside the declared ones."""

from __future__ import annotations

from collections.abc import Iterator

from orderlake.engine import name, quote
from orderlake.model.contract import RESCUED, FoundColumn
from orderlake.model.found import declared_paths, kept_levels
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.staged import kept_name


def kept_columns(stream: Stream, spec: TableSpec) -> Iterator[str]:
    """SQL of each such column of a table, in the table's order."""
    levels = kept_levels(stream, spec) if stream.contract.is_kept else []
    if not levels:
        return
    lists = {table.rows for table in stream.tables if table.rows}
    depths = [sum(level[:depth] in lists for depth in range(1, len(level) + 1)) for level in levels]
    kept = f"flatten([{', '.join(name(kept_name(depth)) for depth in depths)}])"
    for found in spec.found:
        yield f"{_text_of(kept, found)} AS {name(found.name)}"
    if stream.contract.rescues:
        yield f"{_rescued(stream, kept)} AS {name(RESCUED)}"


def _rescued(stream: Stream, kept: str) -> str:
    """All that has no column, as one JSON object by path."""
    which = "x.value IS NOT NULL"
    if stream.contract.new != "rescue":  # then only values that are not of their column's type are left over
        which += f" AND x.path IN ({', '.join(map(quote, declared_paths(stream)))})"
    return _object(f"list_filter({kept}, lambda x: {which})")


def _text_of(kept: str, found: FoundColumn) -> str:
    """The one value of a column as text; where a row has several spellings of its field, an object of them."""
    values = f"list_filter({kept}, lambda x: x.path IN ({', '.join(map(quote, found.paths))}))"
    value = f"{values}[1].value"
    text = f"CASE WHEN {value} LIKE '\"%' THEN json_extract_string({value}, '$') ELSE nullif({value}, 'null') END"
    return f"CASE WHEN len({values}) > 1 THEN {_object(values)} ELSE {text} END"


def _object(entries: str) -> str:
    fields = f"list_transform(list_sort({entries}), lambda x: to_json(x.path)::VARCHAR || ':' || x.value)"
    return f"CASE WHEN len({entries}) > 0 THEN '{{' || array_to_string({fields}, ',') || '}}' END"

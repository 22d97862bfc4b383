"""`orderlake explain`: where a record comes from, and why it is as it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orderlake.cli.account import equation
from orderlake.cli.grid import grid, shortened
from orderlake.lake import Lake
from orderlake.model.check import complaint
from orderlake.model.report import added
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.explain.explanation import Entity, Explanation, SetAside, Standing
    from orderlake.explain.trace import Origin, Rows
    from orderlake.explain.versions import Unseen, Version

EXAMPLE: Final = """
orderlake explain 1001
orderlake explain order_id=1001 --pipeline orders
orderlake explain e481f51cbdc54678b7cc49136f2d6af7,1 --table olist_order_items_dataset --json
"""
_WIDTH: Final = 100
_LINES: Final = 40
_NAMES: Final = 3
_NANOS: Final = 1_000_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which record, and where."""
    parser.add_argument(
        "key", metavar="KEY", nargs="+", help="a key's value; a,b or column=value … for a composite one"
    )
    parser.add_argument("--pipeline", metavar="NAME", help="only records of this pipeline")
    parser.add_argument("--table", metavar="NAME", help="only records of this table")


def run(args: argparse.Namespace) -> int:
    """Print what is known; 66 when there is nothing of it anywhere."""
    with Lake(args.project, args.env) as lake:
        found = lake.explain(*args.key, pipeline=args.pipeline, table=args.table)
    print(json_text(found.as_dict()) if args.json else "\n".join(lines_of(found)))
    return 0


def lines_of(found: Explanation) -> Iterator[str]:
    """All of it, record by record."""
    for at, entity in enumerate(found.entities):
        if at:
            yield ""
        yield from _entity(entity)
    for file, why in found.waiting:
        yield f"{file} holds this text, and is in no table: {why}"


def _entity(entity: Entity) -> Iterator[str]:
    key = ", ".join(f"{column} {value}" for column, value in entity.key.items())
    yield f"{key} of {entity.pipeline}.{entity.stream}"
    if entity.standing is None:
        yield "  no row of it stands in a table"
    else:
        yield from _standing(entity, entity.standing)
    for rows in entity.rows:
        yield from _rows(rows)
    yield from _section("Other versions", [_lost(version) for version in entity.lost])
    yield from _section("In quarantine", [line for one in entity.set_aside for line in _aside(one)])
    yield from _section("Not looked into", [_unseen(one) for one in entity.unseen])


def _standing(entity: Entity, standing: Standing) -> Iterator[str]:
    record = standing.record
    line = f", line {record.line}" if record.line else ""
    yield f"  from       record {record.number} of {record.source}{line}"
    by = f"{entity.sequence}, {standing.version}" if entity.sequence else f"the file's time, {_time(standing.version)}"
    yield f"  version    by {by}"
    yield f"  load       {_load(record)}"
    replaced = [version for version in entity.versions if version.fate == "replaced"]
    if replaced:
        yield f"  replaced   {replaced[-1].named}, of load {replaced[-1].load_id}"
    if standing.confirmed_by:
        yield f"  confirmed  the same came again in {standing.confirmed_by}"
    if record.line:
        yield "  as it was received:"
        text = record.text.splitlines()
        yield from (f"    {shortened(each, 10 * _WIDTH)}" for each in text[:_LINES])
        if len(text) > _LINES:
            yield f"    … and {counted(len(text) - _LINES, 'more line')}"
    else:
        yield f"  the record itself cannot be shown: {record.reason}"


def _load(record: Origin) -> str:
    if record.load is None:
        return record.load_id or "not in the load history"
    at = record.load.at[:19].replace("T", " ")
    back = "" if record.load.load_id == record.load_id else f"; put back by rollback {record.load_id}"
    return f"{record.load.load_id}, {at} UTC: {equation(added([record.load]), record.load.read)}{back}"


def _rows(rows: Rows) -> Iterator[str]:
    yield ""
    yield f"{rows.table}: {counted(len(rows.rows), 'row')}{' and more' if rows.more else ''}"
    cells = [["NULL" if cell is None else cell for cell in row] for row in rows.rows]
    yield from (f"  {line}" for line in grid(rows.columns, cells, (), None))


def _lost(version: Version) -> str:
    said = {
        "replaced": f"stood until {version.by} came",
        "superseded": f"superseded by {version.by}",
        "duplicate": f"the same as {version.by}",
        "rolled_back": f"taken back by rollback {version.by}",
        "stands": "stands",
    }[version.fate]
    at = version.at[:16].replace("T", " ")
    return f"{version.named}, line {version.line}: {said}  (load {version.load_id}, {at} UTC)"


def _aside(one: SetAside) -> Iterator[str]:
    line = "" if one["line"] is None else f", line {one['line']}"
    why = complaint(one["field"], one["reason"])
    yield f"{one['status']}: record {one['position']} of {one['source']}{line}: {why}"
    yield f"  {shortened(one['record'] or '', _WIDTH)}"


def _unseen(one: Unseen) -> str:
    files = ", ".join(one.files[:_NAMES])
    more = f" and {len(one.files) - _NAMES:,} more" if len(one.files) > _NAMES else ""
    return f"{files}{more}: {one.reason}"


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _time(version: int) -> str:
    return f"{datetime.fromtimestamp(version // _NANOS, UTC):%Y-%m-%d %H:%M:%S} UTC"

"""Records of the quarantine on the terminal: a line each, one whole, and what became of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid, shortened, visible
from orderlake.mending.sheet import pretty
from orderlake.model.check import complaint
from orderlake.model.report import LoadReport
from orderlake.values import counted

if TYPE_CHECKING:
    from orderlake.mending.batch import Mending
    from orderlake.mending.records import Quarantined

_RECORD_WIDTH: Final = 60
_HEADER: Final = ("id", "source", "position", "line", "status", "field", "reason", "record")
_BILLION: Final = 1_000_000_000
_MOST_NAMED: Final = 20
"""Records that are named one by one; --json has them all."""


def print_list(found: Sequence[Quarantined], others: Mapping[str, int], wanted: str, status: str) -> None:
    """A line per record, and in the last one how many others there are, by status.

    `wanted` says of which source they were asked for, and `status` how they should be; `others` are those that are not
    listed for their status alone.
    """
    closed = ", ".join(f"{count:,} {status}" for status, count in others.items() if count)
    beside = f"; beside these {closed}: --status all" if closed else ""
    if found:
        rows = [
            ["" if dict(each)[name] is None else str(dict(each)[name]) for name in _HEADER[:-1]]
            + [shortened(each["record"] or "", _RECORD_WIDTH)]
            for each in found
        ]
        print_grid(list(_HEADER), rows, {"position", "line"})
        print(f"({counted(len(found), 'record')}; --json shows them whole{beside})")
    elif closed:
        print(f"no record{wanted} is {status}; {closed}: --status all shows them")
    else:
        print(f"no record{wanted} is in quarantine")


def print_one(record: Quarantined, tries: Sequence[LoadReport]) -> None:
    """Everything about one record, and the record itself."""
    facts = [*_facts(record), *_tried(tries)]
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        print(f"{name:<{width}}  {visible(text)}".rstrip())
    print()
    for line in pretty(record["record"] or "").splitlines():
        print(visible(line))


def _facts(record: Quarantined) -> Iterator[tuple[str, str]]:
    line = "" if record["line"] is None else f", line {record['line']:,}"
    yield "id", record["id"]
    yield "file", f"{record['source']}, as of {_moment(record['version'])}"
    yield "position", f"{record['position']:,}{line}"
    yield "pipeline", record["pipeline"]
    yield "field", record["field"] or "-"
    yield "reason", record["reason"]
    yield "check", record["check_name"] or "-"
    yield "action", record["action"]
    yield "set aside", f"{record['quarantined_at']}, by load {record['load_id']}"
    yield "status", record["status"]
    if record["status"] == "fixed":
        yield "closed by", f"load {record['closed_by']} of {record['mended']}"
    elif record["status"] == "replaced":
        yield "closed by", f"load {record['closed_by']} of a newer version of its file"
    elif record["dropped_at"] is not None:
        yield "closed by", f"{record['dropped_by']}, {record['dropped_at']}: {record['drop_reason']}"
    elif record["status"] == "dropped":
        yield "closed by", f"the check, in load {record['closed_by']}"


def _tried(tries: Sequence[LoadReport]) -> Iterator[tuple[str, str]]:
    for name, each in zip(["tries", *[""] * len(tries)], tries, strict=False):
        fate = "rejected" if each.status == "rejected" else "set aside again" if each.quarantined else "loaded"
        yield name, f"{each.at}, load {each.load_id}: {fate}"


def _moment(version: int) -> str:
    return datetime.fromtimestamp(version // _BILLION, UTC).isoformat()


def print_mending(done: Mending) -> None:
    """What became of many: each that is wrong by name, then the sums, then what is still wrong."""
    bad = [each for each in done.records if each.is_bad]
    for each in bad[:_MOST_NAMED]:
        place = f"line {each.line}" + (f", {each.id}" if each.id else "") if each.line else each.id
        said = complaint(each.field, each.reason)
        print(visible(f"{place}: {said if each.fate == 'wrong' else f'{_again(each.fate)}: {said}'}"))
    if len(bad) > _MOST_NAMED:
        print(f"… and {len(bad) - _MOST_NAMED:,} more; --json names them all")
        for reason, count in done.why[:_MOST_NAMED]:
            print(visible(f"  {counted(count, 'record')}: {reason}"))
    print("; ".join(_sums(done)) or "no record is open: nothing was to be done")


def _again(fate: str) -> str:
    return "set aside again" if fate == "set aside" else fate


def _sums(done: Mending) -> Iterator[str]:
    if done.count("loaded"):
        yield f"{counted(done.count('loaded'), 'record')} loaded"
    if done.count("unchanged"):
        yield f"{done.count('unchanged'):,} loaded before with this text"
    if done.count("untouched"):
        yield f"{done.count('untouched'):,} as set aside, passed over"
    if done.count("set aside", "rejected"):
        yield f"{done.count('set aside', 'rejected'):,} still set aside"
    if done.count("wrong"):
        yield f"{done.count('wrong'):,} wrong and not tried"

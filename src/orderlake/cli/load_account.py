"""All about one load, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from orderlake.cli.account import equation
from orderlake.cli.grid import grid, shortened
from orderlake.model.check import complaint
from orderlake.values import counted, plain, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderlake.explain import LoadAccount
    from orderlake.explain.account import Taken

_FILES: Final = 20
_TAKEN: Final = 10
_WIDTH: Final = 100
_NAMED: Final = 3
_TOLD: Final = ("source", "name", "table", "kind", "on_fail", "checked", "failed", "message")
"""What is said of a check in its line; whatever else it has comes below."""


def lines_of(account: LoadAccount) -> Iterator[str]:
    """The account, part by part; parts that have nothing to say are left out."""
    yield f"load       {account.load_id or '–'}"
    yield f"status     {account.status}"
    yield f"at         {account.at[:19].replace('T', ' ')} UTC, {account.seconds:.2f} s"
    if account.status == "forgotten":
        yield f"pipeline   {account.pipeline}, source {account.stream}: a person's data was taken out of its tables"
        yield from _snapshots(account)
        return
    yield f"pipeline   {account.pipeline or '–'}, source {account.stream or '–'}; {_definition(account)}"
    yield f"records    {equation(account.counts, account.counts['read'])}"
    yield from _files(account)
    yield from _tables(account)
    is_rollback = account.status == "rolled_back"
    yield from _taken("It took back" if is_rollback else "It took the place of", account.replaced)
    yield from _taken("It put back", account.restored)
    yield from _taken("Its records were replaced since by", account.replaced_since)
    yield from _taken("It was taken back by the rollback of", account.rolled_back)
    yield from _set_aside(account)
    yield from _checks(account.checks)
    yield from _section("What was new about its columns", [f"  {change}" for change in account.changes])
    yield from _snapshots(account)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from lines


def _definition(account: LoadAccount) -> str:
    if not account.definition:
        return "no pipeline took it"
    if account.definition_now is None:
        return f"fingerprint {account.definition}; the project has it no more"
    if account.definition_now == account.definition:
        return f"fingerprint {account.definition}, as it is now"
    return f"fingerprint {account.definition}; it has changed since, and is {account.definition_now} now"


def _files(account: LoadAccount) -> Iterator[str]:
    shown = []
    for file in account.files[:_FILES]:
        counts = {fate: getattr(file, fate) for fate in account.counts if fate != "read"}
        said = file.reason if file.status == "rejected" else equation(counts, file.read)
        sum_holds = "" if file.conserved else "  THE SUM DOES NOT HOLD: `orderlake verify` recounts it"
        shown.append(f"  {file.source}  {size_text(file.bytes)}  {said}{sum_holds}")
    if len(account.files) > _FILES:
        shown.append(f"  and {len(account.files) - _FILES:,} more (--json has all)")
    if account.others:
        others = counted(account.others, "other file")
        shown.append(f"  and {others} of the same load: `orderlake loads show {account.load_id}`")
    yield from _section("Files", shown)


def _tables(account: LoadAccount) -> Iterator[str]:
    rows = []
    for table, written in account.written.items():
        standing = account.standing.get(table)
        rows.append([table, f"{written:,}", "its rows do not tell" if standing is None else f"{standing:,}"])
    if rows:
        yield from _section("Rows", _grid(["table", "written", "standing now"], rows, {"written", "standing now"}))


def _taken(title: str, taken: Sequence[Taken]) -> Iterator[str]:
    lines = [
        f"  {counted(one.records, 'record')} of {one.source or 'a load that is not in the history'}"
        + (f"  (load {one.load_id}, {one.at[:16].replace('T', ' ')} UTC)" if one.load_id else "")
        for one in taken[:_TAKEN]
    ]
    if len(taken) > _TAKEN:
        lines.append(f"  and {len(taken) - _TAKEN:,} more files (--json has all)")
    yield from _section(title, lines)


def _set_aside(account: LoadAccount) -> Iterator[str]:
    lines = []
    for group in account.set_aside:
        lines.append(f"  {counted(group.records, 'record')}: {complaint(group.field, group.reason)}")
        for one in group.examples:
            line = "" if one["line"] is None else f", line {one['line']}"
            lines.append(
                f"    {one['source']} record {one['position']}{line}: {shortened(one['record'] or '', _WIDTH)}"
            )
        if group.records > len(group.examples):
            lines.append(f"    and {group.records - len(group.examples):,} more")
    yield from _section("Set aside", lines)


def _checks(checks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each check that failed, over all files; those that hold in a line."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for check in checks:
        by_name.setdefault(".".join(str(check[key]) for key in ("table", "name") if check.get(key)), []).append(check)
    lines, hold = [], []
    for name, found in by_name.items():
        failed = [check for check in found if check.get("failed")]
        if not failed:
            hold.append(name)
            continue
        how = ", ".join(str(failed[0][key]) for key in ("kind", "on_fail") if failed[0].get(key))
        said = f": {failed[0]['message']}" if failed[0].get("message") else ""
        count, of = (sum(int(check.get(key) or 0) for check in found) for key in ("failed", "checked"))
        lines.append(f"  failed  {name} ({how})  {count:,} of {of:,}{said}")
        for check in failed[:_NAMED]:
            more = "; ".join(f"{key} {shortened(plain(value), _WIDTH)}" for key, value in _more(check))
            lines.append(f"          {check['source']}: {int(check['failed']):,}{f'; {more}' if more else ''}")
        if len(failed) > _NAMED:
            lines.append(f"          and {len(failed) - _NAMED:,} more files (--json has all)")
    if hold:
        lines.append(f"  hold    {', '.join(hold)}")
    yield from _section("Checks", lines)


def _more(check: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in check.items() if key not in _TOLD and value not in (None, "", [], (), {})]


def _snapshots(account: LoadAccount) -> Iterator[str]:
    rows = [
        [one.table, str(one.snapshot_id), f"{one.at[:19].replace('T', ' ')} UTC"]
        + [f"{count:,}" for count in (one.added_rows, one.removed_rows, one.rows)]
        for one in account.snapshots
    ]
    header = ["table", "snapshot", "at", "rows added", "removed", "rows then"]
    if rows:
        yield from _section("Snapshots that it made", _grid(header, rows, {*header[3:]}))


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], right: set[str]) -> list[str]:
    return [f"  {line}" for line in grid(header, rows, right, None)]

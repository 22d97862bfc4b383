"""The account of one load: its files and records, what it changed, what has become of that since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import name, quote
from orderlake.erasing.redact import shown
from orderlake.explain.layouts import layouts_of
from orderlake.explain.which import loads_of
from orderlake.model.report import COUNTS, LoadReport
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

_EXAMPLES: Final = 3
_SOURCES: Final = 500
"""Sources that one statement names."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Records of one file that another's took the place of: the other file, its load, and how many."""

    source: str
    load_id: str
    at: str
    records: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """Records that were set aside for one reason: how many, and the first few (source, position, line, text)."""

    field: str
    reason: str
    records: int
    examples: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A snapshot that the load made of a table."""

    table: str
    snapshot_id: int
    at: str
    added_rows: int
    removed_rows: int
    rows: int


@dataclass(frozen=True, slots=True)
class LoadAccount:
    """One load, or one file of it.

    `others` counts the files of the same load that are not told of. `written` gives rows per table, `standing` those
    of them that stand now (None where a table's rows do not tell their load). `replaced` is what it took the place
    of (a rollback: what it took back), `restored` what a rollback put back, `replaced_since` what took the place of
    it, `rolled_back` the rollbacks that took it back. `definition` is the fingerprint of the pipeline that it was
    loaded with, `definition_now` that of the pipeline now, None when that is gone.
    """

    load_id: str
    status: str
    pipeline: str
    stream: str
    at: str
    seconds: float
    files: tuple[LoadReport, ...]
    others: int
    written: Mapping[str, int]
    standing: Mapping[str, int | None]
    replaced: tuple[Taken, ...]
    restored: tuple[Taken, ...]
    replaced_since: tuple[Taken, ...]
    rolled_back: tuple[Taken, ...]
    set_aside: tuple[SetAside, ...]
    checks: tuple[Mapping[str, Any], ...]
    changes: tuple[str, ...]
    snapshots: tuple[Made, ...]
    definition: str
    definition_now: str | None

    @property
    def counts(self) -> dict[str, int]:
        """What became of the records of all its files."""
        return {fate: sum(getattr(file, fate) for file in self.files) for fate in COUNTS}

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), **self.counts, "files": [file.as_dict() for file in self.files]}


def account_of(backends: Backends, wanted: str, ask: Callable[[str], Result]) -> LoadAccount:
    """The account of the load of this id (or its beginning), or of the newest load of a source.

    `ask` answers SQL over the tables. NotFoundError and ConfigError as of `loads_of`.
    """
    loads = backends.ledger.loads()
    files = loads_of(loads, wanted)
    first = files[0]
    written: Counter[str] = Counter()
    for file in files:
        written.update(file.tables)
    return LoadAccount(
        first.load_id,
        first.status,
        first.pipeline,
        first.stream,
        max(file.at for file in files),
        max(file.seconds for file in files),
        tuple(files),
        sum(load.load_id == first.load_id for load in loads) - len(files),
        dict(written),
        _standing(backends, files, written, ask),
        _taken(loads, [file.replaced for file in files]),
        _taken(loads, [file.restored for file in files]),
        _taken_since(loads, files, "loaded"),
        _taken_since(loads, files, "rolled_back"),
        _set_aside(backends, files, ask) if any(file.quarantined for file in files) else (),
        tuple({"source": file.source, **check} for file in files for check in file.checks),
        tuple(dict.fromkeys(change for file in files for change in file.changes)),
        tuple(_snapshots(backends, first.load_id)) if first.status != "rejected" else (),
        first.definition,
        next((each.fingerprint for each in backends.pipelines if each.name == first.pipeline), None),
    )


def _taken(loads: Sequence[LoadReport], counts: Sequence[Mapping[str, int]]) -> tuple[Taken, ...]:
    """The files whose records these are, by identity; the last load of each."""
    known = {load.identity: load for load in loads if load.status == "loaded"}
    taken: Counter[str] = Counter()
    for each in counts:
        taken.update(each)
    return tuple(
        Taken(known[identity].source, known[identity].load_id, known[identity].at, count)
        if identity in known
        else Taken("", "", "", count)
        for identity, count in taken.items()
    )


def _taken_since(loads: Sequence[LoadReport], files: Sequence[LoadReport], status: str) -> tuple[Taken, ...]:
    """What took the place of records of these files since: later loads, or rollbacks."""
    own = {file.identity for file in files}
    later = [load for load in loads if load.status == status and load.load_id != files[0].load_id]
    found = [(load, sum(count for each, count in load.replaced.items() if each in own)) for load in later]
    return tuple(Taken(load.source, load.load_id, load.at, count) for load, count in found if count)


def _standing(
    backends: Backends, files: Sequence[LoadReport], tables: Mapping[str, int], ask: Callable[[str], Result]
) -> dict[str, int | None]:
    """How many rows of each table are of this load, where rows tell."""
    telling = {spec.name for _, spec in backends.specs if spec.format == "iceberg"}
    asked = [table for table in tables if table in telling]
    found: Counter[str] = Counter()
    sources = sorted({file.source for file in files})
    for start in range(0, len(sources) if asked else 0, _SOURCES):
        some = ", ".join(quote(source) for source in sources[start : start + _SOURCES])
        where = f"_load_id = {quote(files[0].load_id)}"
        if files[0].status != "rolled_back":  # what a rollback has put back is of other files
            where += f" AND _source_file IN ({some})"
        counts = [f"SELECT {quote(table)}, count(*) FROM {name(table)} WHERE {where}" for table in asked]
        found.update(dict(ask(" UNION ALL ".join(counts)).rows))
    return {table: found[table] if table in asked else None for table in tables}


def _set_aside(backends: Backends, files: Sequence[LoadReport], ask: Callable[[str], Result]) -> tuple[SetAside, ...]:
    streams = (each for each in backends.streams if (each.pipeline, each.name) == (files[0].pipeline, files[0].stream))
    stream = next(streams, None)
    sources = ", ".join(quote(file.source) for file in files if file.quarantined)
    where = f"load_id = {quote(files[0].load_id)} AND source IN ({sources})"
    found = ask(
        "SELECT field, reason, count(*) AS records, "
        f"list(struct_pack(source, position, line, record) ORDER BY source, position)[:{_EXAMPLES}] AS examples "
        f"FROM quarantine WHERE {where} GROUP BY field, reason ORDER BY records DESC, reason"
    )

    def example(row: dict[str, Any]) -> dict[str, Any]:
        return row if stream is None or row["record"] is None else row | {"record": shown(row["record"], stream)}

    return tuple(SetAside(row[0], row[1], int(row[2]), tuple(map(example, row[3]))) for row in found.rows)


def _snapshots(backends: Backends, load_id: str) -> list[Made]:
    found = []
    for table, opened in backends.house.open(layouts_of(backends), files=False).items():
        for snapshot in () if opened.metadata is None else opened.metadata.snapshots:
            said = snapshot.summary
            if said.get("orderlake.load-id") == load_id:
                at = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
                counts = [int(said.get(key, "0")) for key in ("added-records", "deleted-records", "total-records")]
                found.append(Made(table, snapshot.id, at, *counts))
    return found

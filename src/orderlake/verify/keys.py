"""Keys: no row stands twice, none is of an entity that the index does not know, and none is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from orderlake.engine import name
from orderlake.model.pipeline import TableSpec
from orderlake.tables.batch import source_of
from orderlake.tables.layout import key_names
from orderlake.verify.conservation import standing
from orderlake.verify.finding import RECOUNT, RELOAD, Finding
from orderlake.verify.subject import CREDITS, STANDING, Subject

AGAIN: Final = "load it anew: `orderlake rollback` its load, then `orderlake run` it"


def index_agrees(subject: Subject) -> Iterator[Finding]:
    """As many records stand for each source by the index as its history says."""
    if not subject.stream.key:
        return
    sources, found, counted = subject.sources, subject.by_identity(), standing(subject.events)
    for identity in sorted({*found, *counted}):
        if found[identity] != counted.get(identity, 0):
            source = sources.get(identity, identity)
            yield Finding(
                "unaccounted",
                f"{source}: {counted.get(identity, 0)} of its records should stand in {subject.stream.pipeline}, "
                f"the index has {found[identity]}",
                RECOUNT if identity in sources else RELOAD,
                subject.stream.index,
                source=source,
            )


def counted(subject: Subject) -> Iterator[Finding]:
    """A table of one row per record has as many rows, by its manifests, as records stand by the history."""
    if not subject.stream.key:
        return
    wanted = sum(standing(subject.events).values())
    for spec in subject.stream.tables:
        if spec.format == "iceberg" and not spec.rows and spec.name in subject.opened:
            rows = sum(file.records for file in subject.opened[spec.name].live)
            if rows != wanted:
                message = f"{spec.name}: has {rows} rows, by the history {wanted} records stand in it"
                yield Finding("unaccounted", message, RECOUNT, spec.name)


def unique(subject: Subject, spec: TableSpec) -> Iterator[Finding]:
    """A key, with the position in its list where there is one, stands once; without a key, a record of a file does."""
    columns = identifying(subject, spec)
    rows = subject.rows(spec.name)
    if columns is None or rows is None:
        return
    key = ", ".join(columns)
    shown = f"concat_ws(', ', {key})"
    found = subject.cursor.execute(
        f"SELECT count(*), any_value(k) FROM (SELECT {shown} AS k FROM {rows} GROUP BY {key} HAVING count(*) > 1)"
    ).fetchone()
    if found is None or not found[0]:
        subject.tally.unique += 1
        return
    file, source = _where(subject, spec, shown, str(found[1]))
    yield Finding(
        "doubled",
        f"{spec.name}: {found[0]} keys stand more than once, for example {found[1]} (of {source}, in {file})",
        AGAIN,
        spec.name,
        file,
        source,
    )


def identifying(subject: Subject, spec: TableSpec) -> list[str] | None:
    """The columns whose values stand once in a table; None where no columns do."""
    position = next((name(column.name) for column in spec.columns if column.is_position), None)
    above = [other.rows for other in subject.stream.tables]
    nested = any(rows and rows == spec.rows[: len(rows)] != spec.rows for rows in above)
    if nested or (spec.rows and position is None):
        return None
    keys = subject.keys(spec) if subject.stream.key else ["_source_file", "_version", "_source_row"]
    return [*keys, position] if position is not None else keys


def known(subject: Subject, spec: TableSpec) -> Iterator[Finding]:
    """Every row is of an entity that the index knows, and of the source that this one stands for."""
    rows = subject.rows(spec.name)
    if not subject.stream.key or rows is None:
        return
    key = ", ".join(f"t.{each}" for each in subject.keys(spec))
    found = subject.cursor.execute(
        f"SELECT count(DISTINCT ({key})), any_value(concat_ws(', ', {key})), any_value(t._source_file) "
        f"FROM {rows} AS t ANTI JOIN {STANDING} AS i ON {subject.same(spec)}"
    ).fetchone()
    if found is not None and found[0]:
        yield Finding(
            "unknown",
            f"{spec.name}: {found[0]} records have rows there that the index does not know, for example {found[1]}",
            AGAIN,
            spec.name,
            source=str(found[2]),
        )


def complete(subject: Subject, spec: TableSpec) -> Iterator[Finding]:
    """A table of one row per record has a row for each entity of the index."""
    if not subject.stream.key or spec.rows:
        return
    rows = subject.rows(spec.name)
    keys = ", ".join(f"i.{each}" for each in key_names(subject.stream))
    lacks = "" if rows is None else f" ANTI JOIN {rows} AS t ON {subject.same(spec)}"
    found = subject.cursor.execute(
        f"SELECT count(*), any_value(k), any_value(c.credit) FROM "
        f"(SELECT concat_ws(', ', {keys}) AS k, i.n FROM {STANDING} AS i{lacks}) JOIN {CREDITS} AS c USING (n)"
    ).fetchone()
    if found is not None and found[0]:
        source = source_of(str(found[2])).uri
        yield Finding(
            "missing",
            f"{spec.name}: {found[0]} records of the index have no row there, for example {found[1]} (of {source})",
            AGAIN,
            spec.name,
            source=source,
        )


def rows_per_source(subject: Subject, spec: TableSpec) -> Iterator[Finding]:
    """Each source's rows in a table are as many as its load wrote: exactly, as long as all or none of them stand."""
    rows = subject.rows(spec.name)
    least, most = _range(subject, spec)
    found = {}
    if rows is not None:
        counted = subject.cursor.execute(f"SELECT _source_file, count(*) FROM {rows} GROUP BY ALL").fetchall()
        found = {str(source): int(count) for source, count in counted}
    for source in sorted({*found, *least, *most}):
        here = found.get(source, 0)
        if least[source] <= here and (most[source] is None or here <= (most[source] or 0)):
            continue
        few = here < least[source]
        limit, example = (least[source], "") if few else (most[source], _twice(subject, spec, source))
        yield Finding(
            "missing" if few else "doubled",
            f"{spec.name}: {here} rows come from {source}, {limit} should{example}",
            AGAIN,
            spec.name,
            source=source,
        )


def _range(subject: Subject, spec: TableSpec) -> tuple[dict[str, int], dict[str, int | None]]:
    """Per file name, the fewest and the most rows that may come from it; None when that cannot be told."""
    least: dict[str, int] = defaultdict(int)
    most: dict[str, int | None] = defaultdict(int)
    stands = subject.by_identity()
    if subject.stream.key and not spec.rows:  # a row per record
        for identity, count in stands.items():
            source = subject.sources.get(identity, identity)
            least[source] += count
            most[source] = least[source]
        return least, most
    touched = {each for report in subject.events for each in (*report.replaced, *report.restored)}
    restored = {each for report in subject.events for each in report.restored}
    wrote = {report.identity: report for report in subject.events if report.status == "loaded"}
    for identity, report in wrote.items():
        count = report.tables.get(spec.name, 0) if stands[identity] else 0
        least[report.source] += 0 if identity in touched else count
        before = most[report.source]
        most[report.source] = None if before is None or (identity in restored and stands[identity]) else before + count
    return least, most


def _twice(subject: Subject, spec: TableSpec, source: str) -> str:
    """A record with two equal rows, for people: lines may be equal rightly, but one of too many rows is such a one."""
    rows, values = subject.rows(spec.name), ", ".join(name(column.name) for column in spec.columns)
    found = subject.cursor.execute(
        f"SELECT min(n) FROM (SELECT _source_row AS n FROM {rows} WHERE _source_file = ? "
        f"GROUP BY {values}, _source_row, _version HAVING count(*) > 1)",
        [source],
    ).fetchone()
    return "" if found is None or found[0] is None else f": record {found[0]} has a row there twice"


def _where(subject: Subject, spec: TableSpec, shown: str, key: str) -> tuple[str, str]:
    """The data file, and the source, of a key that stands twice."""
    rows = subject.rows(spec.name, filename=True)
    found = subject.cursor.execute(
        f"SELECT max(filename), max(_source_file) FROM {rows} WHERE {shown} = ?", [key]
    ).fetchone()
    return (str(found[0]), str(found[1])) if found is not None else ("", "")

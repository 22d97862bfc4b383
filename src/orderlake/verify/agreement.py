"""Header and lines: all rows of an entity, in whichever table, are of the same version of the same record."""

from __future__ import annotations

from collections.abc import Iterator

from orderlake.model.pipeline import TableSpec
from orderlake.verify.finding import Finding
from orderlake.verify.keys import AGAIN
from orderlake.verify.subject import Subject

_VERSION = "hash(_source_file, _source_row, _version)"


def same_version(subject: Subject, spec: TableSpec) -> Iterator[Finding]:
    """A table's rows of an entity are of the record that its header row is of, and it has a header row."""
    header = subject.header
    rows = subject.rows(spec.name)
    if header is None or header == spec or rows is None or not subject.stream.key:
        return
    heads = subject.rows(header.name)
    keys = zip(subject.keys(spec), subject.keys(header), strict=True)
    on = " AND ".join(f"t.{own} = h.{other}" for own, other in keys)
    own = ", ".join(subject.keys(spec))
    others = ", ".join(subject.keys(header))
    head = f"SELECT {others}, {_VERSION} AS version FROM {heads}"
    if heads is None:
        head, on = "SELECT NULL::UBIGINT AS version WHERE false", "false"
    key = ", ".join(f"t.{each}" for each in subject.keys(spec))
    found = subject.cursor.execute(
        f"SELECT count(DISTINCT ({key})), any_value(concat_ws(', ', {key})), any_value(t._source_file), "
        f"count(*) FILTER (h.version IS NULL) "
        f"FROM (SELECT {own}, _source_file, {_VERSION} AS version FROM {rows}) AS t LEFT JOIN ({head}) AS h ON {on} "
        "WHERE h.version IS DISTINCT FROM t.version"
    ).fetchone()
    if found is None or not found[0]:
        subject.tally.agreeing += 1
        return
    what = f"that {header.name} does not have" if found[3] else f"of another version than in {header.name}"
    yield Finding(
        "disagrees",
        f"{spec.name}: {found[0]} records have rows there {what}, for example {found[1]}",
        AGAIN,
        spec.name,
        source=str(found[2]),
    )

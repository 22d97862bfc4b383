"""One stream under proof: its tables as they were opened, and what its index says of each entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.engine import name
from orderlake.model.column import ColumnType
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.report import LoadReport
from orderlake.tables.batch import source_of
from orderlake.tables.lakehouse import Opened
from orderlake.tables.layout import entity_columns, key_names
from orderlake.verify.finding import Tally
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

STANDING: Final = "standing"
"""The engine's table of entities: their keys as in the index, and the number `n` of the credit they stand for."""
CREDITS: Final = "credits"
"""The engine's table of credits, numbered."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A stream, its tables by name, and the events of its sources."""

    cursor: duckdb.DuckDBPyConnection
    backends: Backends
    stream: Stream
    opened: Mapping[str, Opened]
    events: Sequence[LoadReport]
    tally: Tally

    def rows(self, table: str, *, filename: bool = False) -> str | None:
        """A FROM item: a table's rows; None when it has none."""
        return rows_of(self.backends, self.opened[table], filename=filename)

    @property
    def tables(self) -> list[TableSpec]:
        """The Iceberg tables that have rows."""
        return [each for each in self.stream.tables if each.format == "iceberg" and self.opened[each.name].live]

    @property
    def header(self) -> TableSpec | None:
        """The first Iceberg table of one row per record."""
        return next((each for each in self.stream.tables if each.format == "iceberg" and not each.rows), None)

    @property
    def sources(self) -> dict[str, str]:
        """What each source identity is called."""
        return {report.identity: report.source for report in self.events}

    def keys(self, spec: TableSpec) -> list[str]:
        """The columns of a table that name an entity."""
        return [name(column) for column in entity_columns(self.stream, spec)]

    def same(self, spec: TableSpec) -> str:
        """SQL: the row `t` of a table is of the index's entity `i`."""
        pairs = zip(self.keys(spec), key_names(self.stream), strict=True)
        return " AND ".join(f"t.{key} = i.{own}" for key, own in pairs)

    def fill(self) -> None:
        """Make the tables STANDING and CREDITS: what the index's newest row of each entity says."""
        keys = ", ".join(key_names(self.stream))
        index = self.rows(self.stream.index)
        if index is None:
            types = {**self.opened[self.stream.index].layout.columns, "n": ColumnType("bigint")}
            columns = ", ".join(f"{each} {types[each].sql}" for each in (*key_names(self.stream), "n"))
            self.cursor.execute(f"CREATE OR REPLACE TABLE {STANDING} ({columns})")
            self.cursor.execute(f"CREATE OR REPLACE TABLE {CREDITS} (credit VARCHAR, n BIGINT)")
            return
        self.cursor.execute(
            f"CREATE OR REPLACE TABLE {CREDITS} AS "
            f"SELECT credit, row_number() OVER () AS n FROM (SELECT DISTINCT _credit AS credit FROM {index})"
        )
        order = "v := _version, t := _time, f := _source_file, r := _source_row"
        self.cursor.execute(
            f"CREATE OR REPLACE TABLE {STANDING} AS SELECT {keys}, max(struct_pack({order}, n := n)).n AS n "
            f"FROM {index} AS i JOIN {CREDITS} AS c ON c.credit = i._credit GROUP BY {keys}"
        )

    def standing(self) -> dict[str, int]:
        """Per credit, how many entities stand for it by the index."""
        rows = self.cursor.execute(
            f"SELECT c.credit, count(*) FROM {STANDING} JOIN {CREDITS} AS c USING (n) GROUP BY c.credit"
        )
        return {str(credit): int(count) for credit, count in rows.fetchall()}

    def by_identity(self) -> Counter[str]:
        """The same, per source identity."""
        found: Counter[str] = Counter()
        for credit, count in self.standing().items():
            found[source_of(credit).identity] += count
        return found


def rows_of(backends: Backends, table: Opened, *, filename: bool = False) -> str | None:
    """A FROM item: the rows of a table's live files; None when it has none."""
    files = [backends.store.engine_path(file.location) for file in table.live]
    return table.layout.rows(files, filename=filename) if files else None

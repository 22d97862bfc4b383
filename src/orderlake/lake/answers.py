"""Answers: tables asked and given out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from orderlake.errors import ConfigError
from orderlake.lake.parts import Parts

if TYPE_CHECKING:
    from orderlake.checking import State
    from orderlake.explain import Moment
    from orderlake.exporting import Export, Exported
    from orderlake.inventory import TableInfo
    from orderlake.overview import Keeper
    from orderlake.query.duckdb import Result
    from orderlake.query.grain import FanOut
    from orderlake.query.saved import SavedQuery
    from orderlake.querying import Session


class Answers(Parts):
    """Answers questions about the tables."""

    def query(
        self, sql: str, on: Literal["duckdb", "athena"] = "duckdb", *, as_of: str | Moment | None = None
    ) -> Result:
        """Answer one SELECT over all tables by name, in DuckDB's SQL on either engine; QueryError when it cannot be.

        Athena answers for a deployed lake only, bills for it, and tells for how much (`Result.stats`). `as_of` asks
        the Iceberg tables as they were at one moment: an ISO time, `2 hours ago`, or right after the load of this id.
        NotFoundError says how far back that goes, ConfigError which tables have no history.
        """
        from orderlake import querying  # noqa: PLC0415 - `run` needs no query engine

        if on == "athena":
            return querying.on_athena(self._backends, sql, as_of)
        with self.session() as session:
            return session.query(sql, as_of)

    def lint(self, sql: str) -> list[FanOut]:
        """What a statement counts more than once, each with a message; nothing where the lake knows too little."""
        from orderlake.query.grain import adds_up, fan_outs  # noqa: PLC0415 - as above

        if not adds_up(sql):
            return []
        from orderlake.querying import grains  # noqa: PLC0415 - as above

        return fan_outs(sql, grains(self._backends))

    def saved_queries(self, on_fault: Callable[[ConfigError], None] | None = None) -> list[SavedQuery]:
        """The saved queries that can be asked here, the project's own (`queries/*.sql`) among them, by group and name.

        ConfigError names the file and line of one that is faulty; `on_fault` hears of each instead, for the others.
        """
        from orderlake.query.saved import folders, saved_queries  # noqa: PLC0415 - as above
        from orderlake.querying import declared  # noqa: PLC0415 - as above

        tables = declared(self._backends)
        found = saved_queries(folders(self.project.root), on_fault)
        return [each for each in found.values() if not each.lacking(tables)]

    def saved_query(self, name: str) -> SavedQuery:
        """One saved query by name; NotFoundError has the names that come close, or the tables that are lacking."""
        from orderlake.query.saved import folders, saved_query  # noqa: PLC0415 - as above
        from orderlake.querying import declared  # noqa: PLC0415 - as above

        return saved_query(name, folders(self.project.root), declared(self._backends))

    def saved(
        self, name: str, params: Mapping[str, str] | None = None, on: Literal["duckdb", "athena"] = "duckdb"
    ) -> Result:
        """Answer a saved query; a parameter that is not given has its default. Raises as `saved_query` and `query` do.

        ConfigError for a parameter that there is not, or a value that is none of its type.
        """
        return self.query(self.saved_query(name).bound(params or {}), on)

    def check(self, names: Sequence[str] = ()) -> list[State]:
        """How the checks of the pipelines stand, of the tables as they are now; all, or those that are called so."""
        from orderlake.checking import states  # noqa: PLC0415 - as above

        with self.session() as session:
            return states(self._backends, session.query, names)

    def failing(self, name: str, limit: int | None = None) -> list[tuple[State, Result]]:
        """What does not hold of a check: the rows that fail, or the orders whose sums differ, at most `limit`."""
        from orderlake.checking import failing  # noqa: PLC0415 - as above

        with self.session() as session:
            return failing(self._backends, session.query, name, limit)

    def session(self, *, confined: bool = False) -> Session:
        """Ask many questions: the engine stays, and tables are looked up again only when one has changed.

        What a `confined` session is asked reads no files but the lake's own and those in raw/.
        """
        from orderlake.querying import Session  # noqa: PLC0415 - as above

        return Session(self._backends, confined=confined)

    def export(self, wanted: Export) -> list[Exported]:
        """Write tables, or one answer, to files for other tools; each file appears whole or not at all."""
        from orderlake.exporting import export  # noqa: PLC0415 - `run` exports nothing

        with self.session() as session:
            token = session.token()
            return export(self._backends, session.engine, session.tables(), token, wanted)

    def overview(self, session: Session) -> Keeper:
        """The figures of the lake's shops, summed ahead of questions; `session` says which tables there are."""
        from orderlake.overview import Keeper  # noqa: PLC0415 - as above

        return Keeper(self._backends, session.tables, session.token)

    def tables(self, *, system: bool = False) -> list[TableInfo]:
        """The declared tables, and quarantine once it has rows; with `system` also the hidden ones."""
        from orderlake.inventory import inventory  # noqa: PLC0415 - `run` of loaded files needs no tables

        return inventory(self._backends, system=system)

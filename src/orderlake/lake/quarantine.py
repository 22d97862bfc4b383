"""Quarantine: what was set aside, and how it is loaded after all."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, cast

from orderlake.lake.history import History
from orderlake.lake.loading import Loading

if TYPE_CHECKING:
    from orderlake.mending import Mended, Mender, Quarantined


class Quarantine(Loading, History):
    """Lists and mends the records set aside."""

    def quarantine(self, source: str | None = None, limit: int | None = None) -> list[Quarantined]:
        """The records set aside, newest last: of sources whose name holds `source`, at most the last `limit`.

        Each stands once, however often it was mended, with its `status`: open, fixed or replaced.
        """
        from orderlake.engine import quote  # noqa: PLC0415 - as above
        from orderlake.mending import quarantine_records  # noqa: PLC0415 - as above

        where = "" if source is None else f"WHERE contains(source, {quote(source)})"
        some = "" if limit is None else f"LIMIT {max(0, limit)}"
        records = quarantine_records(self.project, self.loads())
        newest = f"SELECT * FROM {records} {where} ORDER BY quarantined_at DESC, source DESC, position DESC {some}"
        # As UTC without a zone: DuckDB gives times with a zone only where pytz is installed.
        result = self.query(
            "SELECT * REPLACE (make_timestamp(epoch_us(quarantined_at)) AS quarantined_at) "
            f"FROM ({newest}) ORDER BY quarantined_at, source, position"
        )
        at = result.columns.index("quarantined_at")
        times = [row[at].replace(tzinfo=UTC).isoformat(timespec="milliseconds") for row in result.rows]
        rows = zip(result.as_dicts(), times, strict=True)
        return [cast("Quarantined", row | {"quarantined_at": time}) for row, time in rows]

    def fix(self, source: str, position: int, record: str, version: int | None = None) -> Mended:
        """Load a record of the quarantine with this text: as a file of its own, with the time of the file it is from.

        Of a CSV file `record` is the row, with or without the header above it. The outcome is in what is returned;
        DataError says what is wrong with the text, ConfigError why a record of this source cannot be mended.
        """
        return self._mender().fix(source, position, record, version)

    def replay(self, source: str, position: int, version: int | None = None) -> Mended:
        """Load a record of the quarantine as it is, once the pipeline takes what it refused; as `fix` otherwise."""
        return self._mender().fix(source, position, None, version)

    def draft(self, source: str, position: int, version: int | None = None) -> str:
        """The text to begin fixing a record of the quarantine with; errors as of `fix`."""
        return self._mender().draft(source, position, version)

    def _mender(self) -> Mender:
        from orderlake.mending import Mender  # noqa: PLC0415 - as above

        return Mender(self._backends, self.query, self.load)

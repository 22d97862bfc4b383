"""Explaining: where a record comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orderlake.lake.history import History

if TYPE_CHECKING:
    from orderlake.explain.explanation import Explanation


class Explaining(History):
    """Explains records."""

    def explain(self, *key: str, pipeline: str | None = None, table: str | None = None) -> Explanation:
        """Where the records with this key come from, what they outdid, and what of them was set aside.

        `key` is a value, the values of a composite key, or `column=value` words. NotFoundError says where it was
        looked, when there is nothing; ConfigError when no key can be that.
        """
        from orderlake.explain.asked import Where  # noqa: PLC0415 - `run` explains nothing
        from orderlake.explain.explanation import Explainer  # noqa: PLC0415 - as above
        from orderlake.explain.trace import Look  # noqa: PLC0415 - as above
        from orderlake.mending.records import quarantine_records  # noqa: PLC0415 - as above

        with self.session() as session:

            def set_aside(condition: str) -> Sequence[Mapping[str, Any]]:
                records = quarantine_records(self.project, self.loads())
                return session.query(f"SELECT * EXCLUDE (quarantined_at) FROM {records} WHERE {condition}").as_dicts()

            look = Look(self.project, self.pipelines, self.ledger, session.query)
            return Explainer(self._backends, look, session.engine, set_aside).explain(key, Where(pipeline, table))

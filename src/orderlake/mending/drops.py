"""Records of the quarantine closed by hand: written down for good, with who closed them, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from orderlake.engine import Engine, parquet, quote
from orderlake.errors import ConfigError
from orderlake.mending.records import Quarantined
from orderlake.mending.which import table_of
from orderlake.tables.append import append
from orderlake.tables.lakehouse import Opened
from orderlake.tables.layout import DROPS, drops_layout
from orderlake.wiring import Backends

_PLACE: Final = {"source": "VARCHAR", "version": "BIGINT", "position": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a drop did: the ids of the records that it closed, and of those that were closed before."""

    dropped: tuple[str, ...]
    closed: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Dropper:
    """Closes records of one lake, in the name of `who`, at the time `now`."""

    backends: Backends
    engine: Engine
    who: str
    now: str

    def drop(self, records: Sequence[Quarantined], reason: str) -> Dropped:
        """Close the open ones among these records; ConfigError when no reason is given.

        It is one commit, of which nothing or all lands. The first drop of a record stays: dropping twice is once.
        """
        if not reason.strip():
            raise ConfigError('say why: --reason "…"; it stays with the record')
        still = {each["id"]: each for each in records if each["status"] == "open"}
        closed = tuple(each["id"] for each in records if each["status"] != "open")
        given = table_of([(each["source"], each["version"], each["position"]) for each in still.values()], _PLACE)
        said = f"{quote(reason.strip())} AS reason, {quote(self.who)} AS dropped_by, {quote(self.now)} AS dropped_at"

        def rows(opened: Opened) -> str:
            there = [self.backends.store.engine_path(file.location) for file in opened.live]
            fresh = f" ANTI JOIN {parquet(there)} AS d USING (source, version, position)" if there else ""
            return f"SELECT g.*, {said} FROM {given} AS g{fresh}"

        if still:
            with self.backends.ledger.turn(DROPS):
                append(self.engine, self.backends.house, drops_layout(), rows)
        return Dropped(tuple(still), closed)

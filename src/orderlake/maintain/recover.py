"""Finish what a load that died left behind, so that it is not taken for a fault, and nothing of it is lost."""

from __future__ import annotations

from orderlake.engine import Engine
from orderlake.model.pipeline import Stream
from orderlake.tables.commit import Committer
from orderlake.tables.layout import index_layout
from orderlake.wiring import Backends, utc_now


def recover(backends: Backends, engine: Engine, stream: Stream) -> None:
    """Finish it for one stream, in its turn: hidden files get their names, and the ledger has every load."""
    with backends.ledger.turn(stream.index):
        committer = Committer(engine, backends.house, backends.ledger, backends.sources, utc_now)
        committer.recover(index_layout(stream))

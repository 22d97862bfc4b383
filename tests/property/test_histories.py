"""Thousands of random histories end at the same tables as the plain list of files that stands: see histories.py.

A bounded number runs here; ORDERLAKE_HISTORIES=10000 runs so many, ORDERLAKE_HISTORY=SEED one.
"""

import os

import pytest

from tests.property import histories

HERE = int(os.environ.get("ORDERLAKE_HISTORIES", "96"))
PARTS = 8
"""Tests that the histories are dealt to, for workers to share."""
ONE = os.environ.get("ORDERLAKE_HISTORY")


@pytest.mark.parametrize("part", range(1 if ONE else PARTS))
def test_whatever_happened_the_tables_are_those_of_the_files_that_stand(part):
    for seed in [int(ONE)] if ONE else range(part, HERE, PARTS):
        histories.play(seed)


def test_a_history_is_told_by_its_seed_alone_and_a_failure_names_it(monkeypatch):
    assert histories.history_of(7) == histories.history_of(7)
    assert len({histories.history_of(seed).events for seed in range(50)}) == 50
    kinds = {event[0] for seed in range(HERE) for event in histories.history_of(seed).events}
    assert kinds >= {"put", "copy", "back", "load", "crash", "rollback", "undo", "fix"}
    monkeypatch.setattr(histories, "expected", lambda *_: {})
    monkeypatch.setattr(histories, "_whole_files", lambda _: [("never",)])
    with pytest.raises(AssertionError) as failed:
        histories.play(7)
    assert "seed 7" in failed.value.__notes__[0]

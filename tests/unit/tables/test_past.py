"""Which snapshot of each table stood at a moment: never two tables of two moments, whatever clocks said."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from orderlake.tables import iceberg
from orderlake.tables.iceberg import Field, Schema, Snapshot, TableMetadata
from orderlake.tables.past import columns_then, committed_ms, stood

_IDS = itertools.count(1)


def table(*commits, cut=False):
    """A table whose snapshots were made by these loads (None: by nobody's) at these times."""
    made = iceberg.create("s3://lake/t", Schema((Field(1, "a", "long", required=False),)), (), {}, uuid="u", now_ms=0)
    parent = 999 if cut else None
    for load, at in commits:
        snapshot = Snapshot(
            next(_IDS), parent, made.last_sequence_number + 1, at, "list", {"orderlake.load-id": load} if load else {}
        )
        made, parent = made.with_snapshot(snapshot), snapshot.id
    return made


def seen(tables, at, load=None):
    """The load that each table stands at."""
    return {
        name: None if one.snapshot is None else one.snapshot.summary.get("orderlake.load-id", "?")
        for name, one in stood(tables, at, load).items()
    }


TABLES = {"orders": table(("L1", 10), ("L2", 20)), "lines": table(("L1", 12), ("L2", 23))}


@pytest.mark.parametrize(
    ("at", "both"),
    [(9, None), (10, None), (11, None), (12, "L1"), (19, "L1"), (20, "L1"), (22, "L1"), (23, "L2"), (99, "L2")],
)
def test_a_commit_counts_as_of_its_last_snapshot(at, both):
    assert seen(TABLES, at) == {"orders": both, "lines": both}


def test_a_load_is_named_rather_than_its_time():
    tied = {"orders": table(("L1", 10), ("L2", 10)), "lines": table(("L1", 10), ("L2", 10))}
    assert seen(tied, 10, "L1") == {"orders": "L1", "lines": "L1"}
    assert seen(tied, 10) == {"orders": "L2", "lines": "L2"}


def test_what_was_made_on_top_of_what_is_too_late_is_too_late_though_its_clock_is_behind():
    skewed = {
        "orders": table(("L1", 50), ("L2", 50)),
        "lines": table(("L2", 20), ("L3", 21)),
        "other": table(("L3", 5)),
    }
    assert seen(skewed, 30) == {"orders": None, "lines": None, "other": None}
    assert seen(skewed, 50) == {"orders": "L2", "lines": "L3", "other": "L3"}


def test_what_led_to_a_load_stood_with_it_though_a_clock_says_later():
    skewed = {"orders": table(("L1", 90), ("L2", 90)), "lines": table(("L2", 20))}
    assert seen(skewed, 20, "L2") == {"orders": "L2", "lines": "L2"}


def test_a_table_that_a_load_did_not_touch_stands_as_it_did_then():
    tables = {"orders": table(("L1", 10), ("L2", 20), ("L3", 30)), "lines": table(("L1", 10), ("L3", 31))}
    assert seen(tables, 20, "L2") == {"orders": "L2", "lines": "L1"}


def test_a_compaction_is_a_moment_of_its_table_alone():
    tables = {"orders": table(("L1", 10), (None, 15), ("L2", 20)), "lines": table(("L1", 11), ("L2", 21))}
    assert seen(tables, 16) == {"orders": "?", "lines": "L1"}
    assert seen(tables, 11, "L1") == {"orders": "L1", "lines": "L1"}


def test_a_history_that_is_cut_is_told_from_one_that_begins():
    found = stood({"young": table(("L5", 50)), "cut": table(("L5", 50), cut=True), "empty": table()}, 40)
    assert (found["young"].is_gone, found["cut"].is_gone, found["empty"].is_gone) == (False, True, False)
    assert (found["young"].first_ms, found["cut"].first_ms, found["empty"].first_ms) == (50, 50, None)


def test_a_snapshot_that_was_taken_out_from_among_the_others_ends_the_history_there():
    whole = table(("L1", 10), ("L2", 20), ("L3", 30))
    holed = replace(whole, snapshots=(whole.snapshots[0], whole.snapshots[2]))
    assert seen({"orders": holed}, 35) == {"orders": "L3"}
    assert stood({"orders": holed}, 15)["orders"].is_gone


def test_when_a_load_was_committed_is_known_while_a_snapshot_of_it_is_kept():
    assert committed_ms(TABLES, "L2") == 23
    assert committed_ms(TABLES, "L9") is None


def test_columns_are_those_of_the_snapshots_schema():
    schema = Schema((Field(1, "a", "int", required=False),), 0)
    later = Schema((Field(1, "a", "long", required=False), Field(2, "b", "decimal(18, 2)", required=False)), 1)
    metadata: TableMetadata = replace(
        table(("L1", 10)), schema=later, other={"schemas": [schema.to_json(), later.to_json()]}
    )
    old = replace(metadata.snapshots[0], schema_id=0)
    assert columns_then(metadata, old) == {"a": "INTEGER"}
    assert columns_then(metadata, replace(old, schema_id=1)) == {"a": "BIGINT", "b": "DECIMAL(18,2)"}
    assert columns_then(metadata, replace(old, schema_id=None)) == {"a": "BIGINT", "b": "DECIMAL(18,2)"}

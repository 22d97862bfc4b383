"""Whatever is mended, and when: the tables are those of all source versions, mended records among them."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake import Lake
from tests.property.test_convergence import CONVERGENCE
from tests.reference import NOON, SECOND, Written, expected, found, new_lake, order, put

NAMES = ("raw/orders_a.json", "raw/orders_b.json")


@dataclass(frozen=True)
class File:
    """A file of orders, of which those with a day that is none are bad."""

    name: str
    records: tuple


@dataclass(frozen=True)
class Fix:
    """Mend one of the records that were set aside so far; badly, perhaps."""

    which: int
    total: str
    is_bad: bool = False


@dataclass(frozen=True)
class Replay:
    """Load one of the records that were set aside as it is."""

    which: int


def histories():
    record = st.builds(
        lambda number, total, day: order(number, "P1", total=total, day=day),
        st.integers(1, 3),
        st.sampled_from(["1.00", "2.00"]),
        st.sampled_from(["2024-01-05", "never"]),
    )
    file = st.builds(File, st.sampled_from(NAMES), st.lists(record, min_size=1, max_size=3).map(tuple))
    fix = st.builds(Fix, st.integers(0, 5), st.sampled_from(["3.00", "4.00"]), st.booleans())
    replay = st.builds(Replay, st.integers(0, 5))
    return st.lists(st.one_of(file, file, fix, fix, replay), min_size=2, max_size=8)


def place(row):
    return row["source"], row["position"], row["version"]


def good(records):
    return tuple(record for record in records if record["order_date"] != "never")


class Play:
    """Acts out a history, and remembers each version of each file with its good records."""

    def __init__(self, lake: Lake):
        self.lake = lake
        self.clock = 0
        self.seen: dict[tuple[str, int], tuple] = {}

    def act(self, step):
        aside = [row for row in self.lake.quarantine() if row["status"] != "fixed"]
        if isinstance(step, File):
            self.clock += 1
            put(self.lake.project.root / step.name, step.records, NOON + self.clock * SECOND)
            self.lake.run()
            # A record that is set aside takes its place all the same: those after it keep theirs.
            self.remember(step.name, step.records)
        elif aside:
            row = aside[step.which % len(aside)]
            self.mend(row, step)

    def mend(self, row, step):
        at = (row["source"], row["position"])
        record = json.loads(row["record"])
        if isinstance(step, Fix):
            record |= {"total_amount": step.total, "order_date": "never" if step.is_bad else "2024-02-06"}
            done = self.lake.fix(*at, json.dumps(record), row["version"])
        else:
            done = self.lake.replay(*at, row["version"])
        assert done.is_closed == (record["order_date"] != "never")
        self.remember(done.mended, (record,))
        (now,) = [each for each in self.lake.quarantine() if place(each) == place(row)]
        assert now["mended"] == done.mended
        assert (now["status"] == "fixed") == done.is_closed

    def remember(self, uri, records):
        version = (self.lake.project.root / uri).stat().st_mtime_ns
        self.seen[uri, version] = records

    def files(self):
        return [Written(uri, version, good(records)) for (uri, version), records in self.seen.items()]


@settings(CONVERGENCE, max_examples=15)
@given(histories(), st.data())
def test_mended_records_stand_where_any_order_of_arrival_puts_them(history, data):
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as lake:
        play = Play(lake)
        for step in history:
            play.act(step)
        tables = found(lake)
        assert tables == expected(play.files())
        assert lake.verify().ok
        before = [report.load_id for report in lake.loads()]
        assert {report.status for report in lake.run()} <= {"unchanged"}
        assert [report.load_id for report in lake.loads()] == before
        assert_same_elsewhere(play, tables, data)


def assert_same_elsewhere(play, tables, data):
    """All versions of all files, mended ones among them, loaded into a new lake in another order."""
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as other:
        for uri, version in data.draw(st.permutations(sorted(play.seen))):
            put(other.project.root / uri, play.seen[uri, version], version)
            other.run([other.project.root / uri])
        assert found(other) == tables

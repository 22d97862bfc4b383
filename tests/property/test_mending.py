"""Whatever is mended, and when: the tables are those of all source versions, mended records among them."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake import Lake
from orderlake.mending import Which
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


@dataclass(frozen=True)
class Drop:
    """Close one of the records that were set aside by hand."""

    which: int


@dataclass(frozen=True)
class FixAll:
    """Write all that are open to a file, mend them there, those of some orders badly, and load it, twice."""

    total: str
    bad: frozenset


@dataclass(frozen=True)
class ReplayAll:
    """Load all that are open as they are."""


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
    fix_all = st.builds(FixAll, st.sampled_from(["5.00", "6.00"]), st.frozensets(st.integers(1, 3), max_size=1))
    drop = st.builds(Drop, st.integers(0, 5))
    steps = st.one_of(file, file, fix, fix, replay, drop, fix_all, st.just(ReplayAll()))
    return st.lists(steps, min_size=2, max_size=8)


def place(row):
    return row["source"], row["position"], row["version"]


def good(records):
    return tuple(record for record in records if not record["order_date"].startswith("never"))


class Play:
    """Acts out a history, and remembers each version of each file with its good records."""

    def __init__(self, lake: Lake):
        self.lake = lake
        self.clock = 0
        self.seen: dict[tuple[str, int], tuple] = {}
        self.dropped: set[str] = set()

    def act(self, step):
        aside = [row for row in self.lake.quarantine() if row["status"] != "fixed"]
        if isinstance(step, File):
            self.clock += 1
            put(self.lake.project.root / step.name, step.records, NOON + self.clock * SECOND)
            self.lake.run()
            # A record that is set aside takes its place all the same: those after it keep theirs.
            self.remember(step.name, step.records)
        elif isinstance(step, FixAll):
            self.fix_all(step)
        elif isinstance(step, ReplayAll):
            texts = {row["id"]: json.loads(row["record"]) for row in aside}
            done = self.lake.replay_all()
            assert done.count("set aside") == len(done.records)
            for each in done.records:
                self.remember(each.mended, (texts[each.id],))
        elif isinstance(step, Drop) and aside:
            row = aside[step.which % len(aside)]
            for _ in range(2):
                self.lake.drop(Which(ids=(row["id"],)), "by hand")
            self.dropped |= {row["id"]} if row["status"] == "open" else set()
        elif aside:
            row = aside[step.which % len(aside)]
            self.mend(row, step)

    def fix_all(self, step):
        file = self.lake.project.root / "mend.ndjson"
        self.lake.export_quarantine(file, force=True)
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for line in lines:
            day = "nevermore" if line["record"]["order_id"] in step.bad else "2024-03-07"
            line["record"] |= {"total_amount": step.total, "order_date": day}
        file.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
        done = self.lake.fix_file(file)
        assert len(done.records) == len(lines)
        for line, each in zip(lines, done.records, strict=True):
            if each.fate != "untouched":
                self.remember(each.mended, (line["record"],))
        loads = len(self.lake.loads())
        again = self.lake.fix_file(file)
        assert again.count("loaded", "set aside") == 0
        assert len(self.lake.loads()) == loads

    def mend(self, row, step):
        at = (row["source"], row["position"])
        record = json.loads(row["record"])
        if isinstance(step, Fix):
            record |= {"total_amount": step.total, "order_date": "never" if step.is_bad else "2024-02-06"}
            done = self.lake.fix(*at, json.dumps(record), row["version"])
        else:
            done = self.lake.replay(*at, row["version"])
        assert done.is_closed == (not record["order_date"].startswith("never"))
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
        listed = lake.quarantine()
        assert sum(lake.quarantine_counts().values()) == len({row["id"] for row in listed}) == len(listed)
        assert {row["status"] for row in listed if row["id"] in play.dropped} <= {"dropped", "fixed"}
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

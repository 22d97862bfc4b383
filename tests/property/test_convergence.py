"""Whatever the order, the grouping, the repetition and the corrections: the tables are those of the newest versions."""

import csv
import io
import os
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake import Lake
from tests.reference import NOON, SECOND, Written, by_text, expected, found, new_lake, order, visible_parquet, written

settings.register_profile(
    "convergence",
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CONVERGENCE = settings.get_profile("convergence")

NAMES = tuple(f"raw/{folder}orders_{name}.json" for folder in ("", "late/") for name in "abc")
DAYS = ("2024-01-05", "2024-01-31", "2024-02-01", "2025-01-05", "1969-12-31")


@dataclass(frozen=True)
class Put:
    """A file written, or written again, at a time (in ticks; two files may share a tick)."""

    name: str
    tick: int
    records: tuple


@dataclass(frozen=True)
class Copy:
    """A file that exists, under another name; at its own time or another."""

    of: int
    name: str
    tick: int | None


@dataclass(frozen=True)
class Run:
    """Load: everything under raw/, or some files by name, perhaps for the second time."""

    names: tuple[str, ...] = ()


def products():
    line = st.builds(
        lambda product, price, quantity: {"product_id": product, "price": price, "quantity": quantity},
        st.sampled_from(["P1", "P2", "P3"]),
        st.sampled_from(["0.10", "2.50", "19.99"]),
        st.integers(1, 3),
    )
    return st.one_of(st.none(), st.lists(line, max_size=3))


@st.composite
def orders(draw):
    made = order(
        draw(st.integers(1, 6)), day=draw(st.sampled_from(DAYS)), total=draw(st.sampled_from(["0.00", "7.30"]))
    )
    made["updated_at"] = draw(st.integers(1, 4))
    chosen = draw(products())
    if chosen is None and draw(st.booleans()):
        del made["products"]
    else:
        made["products"] = chosen
    if draw(st.booleans()):
        made["customer"] = {"customer_id": draw(st.integers(1, 2)), "name": "Zoé 'X' \"Y\""}
    return made


def histories():
    put = st.builds(Put, st.sampled_from(NAMES), st.integers(0, 4), st.lists(orders(), max_size=4).map(tuple))
    copy = st.builds(Copy, st.integers(0, 9), st.sampled_from(NAMES), st.none() | st.integers(0, 4))
    run = st.builds(Run, st.just(()) | st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple))
    return st.lists(st.one_of(put, put, put, copy, run), min_size=1, max_size=14)


class Play:
    """Acts out a history; remembers every version of every file that a run saw, and checks each report."""

    def __init__(self, lake: Lake):
        self.lake = lake
        self.there: dict[str, Written] = {}
        self.seen: list[Written] = []
        self.loaded: set[tuple[str, int]] = set()

    def act(self, step):
        if isinstance(step, Put):
            self.write(step.name, step.tick, step.records)
        elif isinstance(step, Run):
            self.load(step.names)
        elif self.there:
            copied = list(self.there.values())[step.of % len(self.there)]
            same = (copied.mtime - NOON) // SECOND
            self.write(step.name, same if step.tick is None else step.tick, copied.records)

    def write(self, name, tick, records):
        # The same file at the same time cannot be two versions: each write over a name has a time of its own.
        taken = {file.mtime for file in [*self.seen, *self.there.values()] if file.uri == name}
        mtime = next(time for time in count(NOON + tick * SECOND) if time not in taken)
        self.there[name] = written(self.lake, self.lake.project.root / name, records, mtime)

    def load(self, names=()):
        chosen = [self.there[name] for name in names if name in self.there] if names else list(self.there.values())
        if not chosen:
            return
        reports = self.lake.run([self.lake.project.root / file.uri for file in chosen] if names else [])
        assert {report.source for report in reports} == {file.uri for file in chosen}
        self.seen += [file for file in chosen if file not in self.seen]
        for report in reports:
            assert report.conserved
            if report.status == "loaded":
                assert (report.source, report.version) not in self.loaded, "loaded twice"
                self.loaded.add((report.source, report.version))
                assert (report.read, report.quarantined) == (len(self.there[report.source].records), 0)


def with_sequence(text: str) -> str:
    return text.replace("key: order_id", "key: order_id\n    sequence_by: updated_at", 1).replace(
        "          total_amount: money\n", "          total_amount: money\n          updated_at: bigint\n"
    )


def settled(lake: Lake):
    """Everything a further run must leave alone."""
    state = [(report.identity, report.load_id, report.status, report.at) for report in lake.loads()]
    heads = lake._backends.catalog.tables()
    return state, heads, visible_parquet(lake)


def check(lake: Lake, history, sequence=None):
    play = Play(lake)
    for step in history:
        play.act(step)
    play.load()
    assert found(lake) == expected(play.seen, sequence)
    before = settled(lake)
    assert {report.status for report in lake.run()} <= {"unchanged"}
    assert settled(lake) == before


@CONVERGENCE
@given(histories())
def test_the_newest_file_wins_whatever_the_path(history):
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as lake:
        check(lake, history)


@CONVERGENCE
@given(histories())
def test_the_newest_sequence_wins_whatever_the_path(history):
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder), with_sequence) as lake:
        check(lake, history, "updated_at")


@settings(CONVERGENCE, max_examples=12)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(orders(), min_size=1, max_size=4)), min_size=2, max_size=6),
    st.data(),
)
def test_any_order_of_arrival_in_any_groups_gives_one_set_of_tables(files, data):
    """One run of all, against any permutation in any cuts, some files twice."""
    arrival = data.draw(st.permutations(range(len(files))))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(files), max_size=len(files)))
    again = data.draw(st.lists(st.sampled_from(range(len(files))), max_size=2))
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as lake:
        made = [
            written(lake, lake.project.root / f"orders_{number}.json", records, NOON + tick * SECOND)
            for number, (tick, records) in enumerate(files)
        ]
        group: list[Path] = []
        for number, cut in zip([*arrival, *again], [*cuts, *(True for _ in again)], strict=True):
            group.append(lake.project.root / made[number].uri)
            if cut:
                lake.run(group)
                group = []
        if group:
            lake.run(group)
        assert found(lake) == expected(made)


@settings(CONVERGENCE, max_examples=12)
@given(
    st.lists(orders(), min_size=1, max_size=5, unique_by=lambda made: made["order_id"]),
    st.lists(st.booleans(), min_size=1, max_size=4),
)
def test_copies_never_double_a_row(records, copies):
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as lake:
        seen = [written(lake, lake.project.raw / "orders_0.json", records, NOON)]
        (first,) = lake.run()
        assert first.loaded == len(records)
        for number, same_time in enumerate(copies, 1):
            mtime = NOON if same_time else NOON + number * SECOND
            seen.append(written(lake, lake.project.raw / f"orders_{number}.json", records, mtime))
            (copy,) = [report for report in lake.run() if report.status != "unchanged"]
            assert (copy.loaded, copy.duplicate) == (0, len(records))
            assert found(lake) == expected(seen)
        assert len(visible_parquet(lake)) <= 1


@settings(CONVERGENCE, max_examples=10)
@given(orders(), orders(), st.integers(1, 4))
def test_content_that_comes_and_goes_and_comes_back_stands_once(one, other, flips):
    other = {**other, "order_id": one["order_id"]}
    with tempfile.TemporaryDirectory() as folder, new_lake(Path(folder)) as lake:
        seen = []
        for tick in range(flips + 1):
            record = other if tick % 2 else one
            seen.append(written(lake, lake.project.raw / "orders_a.json", [record], NOON + tick * SECOND))
            lake.run()
            assert found(lake) == expected(seen)


# --- without a key: the file is the entity ----------------------------------------------------------------------------

KEYLESS = """
pipeline: ratings
sources:
  ratings:
    match: ["*.csv"]
    format: csv
    tables:
      ratings:
        columns: {product: string, stars: int}
      ratings_plain:
        format: parquet
        columns: {product: string, stars: int}
"""


def keyless_lake(folder: Path) -> Lake:
    lake = Lake.init(folder, ["orders"])
    (lake.project.pipelines / "orders.yaml").unlink()
    (lake.project.pipelines / "ratings.yaml").write_text(KEYLESS, "utf-8")
    return lake


def standing(files):
    """Of each file its newest version; contents that are equal as bags of rows stand once."""
    current: dict[str, tuple[int, tuple]] = {}
    for uri, mtime, rows in files:
        if uri not in current or mtime > current[uri][0]:
            current[uri] = (mtime, tuple(sorted(rows)))
    return by_text(row for rows in {rows for _, rows in current.values()} for row in rows)


def as_csv(rows, header):
    out = io.StringIO()
    if header or rows:
        csv.writer(out).writerows([("product", "stars"), *rows])
    return out.getvalue()


rating_rows = st.lists(st.tuples(st.sampled_from(["A", "B,ä", 'C "c"']), st.integers(1, 3)), max_size=3)


@CONVERGENCE
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 6), rating_rows, st.booleans(), st.booleans()), max_size=9
    )
)
def test_without_a_key_the_newest_version_of_a_file_stands(history):
    with tempfile.TemporaryDirectory() as folder, keyless_lake(Path(folder)) as lake:
        seen: list[Any] = []
        times: set[tuple[str, int]] = set()
        for name, tick, rows, header, run in history:
            path = lake.project.raw / f"{name}.csv"
            mtime = NOON + tick * SECOND
            while (name, mtime) in times:
                mtime += 1
            times.add((name, mtime))
            path.write_text(as_csv(rows, header), "utf-8")
            os.utime(path, ns=(mtime, mtime))
            kept = [file for file in seen if file[3]]
            seen = [*kept, *(file for file in seen if not file[3] and file[0] != name), (name, mtime, rows, False)]
            if run:
                assert all(report.conserved for report in lake.run())
                seen = [(*file[:3], True) for file in seen]
        assert all(report.conserved for report in lake.run())
        wanted = standing(file[:3] for file in seen)
        assert by_text(lake.query("SELECT product, stars FROM ratings").rows) == wanted
        assert by_text(lake.query("SELECT product, stars FROM ratings_plain").rows) == wanted
        before = settled_keyless(lake)
        assert {report.status for report in lake.run()} <= {"unchanged"}
        assert settled_keyless(lake) == before


def settled_keyless(lake: Lake):
    return lake._backends.catalog.tables(), sorted((lake.project.lake / "ratings_plain").glob("*.parquet"))

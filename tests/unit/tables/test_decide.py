"""Deciding which version wins: a maximum, so order, grouping and repetition do not matter."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake.engine import connect
from orderlake.model.pipeline import parse_pipeline
from orderlake.model.source import SourceObject
from orderlake.model.staged import ROW_BITS, Segment, StagedLoad
from orderlake.tables.batch import Batch, credit_of, source_of
from orderlake.tables.decide import decide

TABLE = {"columns": {"k": "bigint", "v": "string"}}
KEYED = parse_pipeline(
    {"pipeline": "p", "sources": {"s": {"match": "*", "format": "json", "key": "k", "tables": {"t": TABLE}}}}, "here"
).streams[0]
KEYLESS = parse_pipeline(
    {"pipeline": "p", "sources": {"s": {"match": "*", "format": "json", "tables": {"t": TABLE}}}}, "here"
).streams[0]


@dataclass(frozen=True)
class Made:
    """A source object and its (key, hash) records."""

    source: SourceObject
    records: tuple


def made(uri, version, *records):
    return Made(SourceObject(uri, uri, 10, version), records)


class Index:
    """Batches decided one after the other, as commits would."""

    def __init__(self, folder, stream):
        self.engine, self.folder, self.stream = connect(folder / "spill"), folder, stream
        self.files, self.number = [], 0

    def apply(self, *sources):
        self.number += 1
        staged, segments, rows = self.folder / f"staged-{self.number}.parquet", [], []
        ordered = sorted(sources, key=lambda each: (each.source.version, each.source.uri))
        for number, each in enumerate(ordered):
            segments.append(Segment(number, len(each.records), 0))
            rows += [
                (key, f"v{content}", (number << ROW_BITS) + at, content)
                for at, (key, content) in enumerate(each.records, 1)
            ]
        cursor = self.engine.cursor()
        cursor.execute('CREATE OR REPLACE TABLE s ("k|BIGINT" BIGINT, "v|VARCHAR" VARCHAR, _rid BIGINT, _hash BIGINT)')
        if rows:
            cursor.executemany("INSERT INTO s VALUES (?, ?, ?, ?)", rows)
        cursor.execute(f"COPY s TO '{staged}' (FORMAT parquet)")
        load = StagedLoad(tuple(each.source for each in ordered), tuple(segments), {(): (str(staged),)}, ())
        decision = decide(cursor, Batch(self.stream, load, "L"), self.files)
        if decision.index is not None:
            target = str(self.folder / f"index-{self.number}.parquet")
            cursor.execute(f"COPY ({decision.index}) TO '{target}' (FORMAT parquet)")
            self.files.append(target)
        return decision

    def state(self):
        """Per key: the version, its time and file, the content, and whose rows stand in the tables."""
        key = "_k0" if self.stream.key else "_entity"
        if not self.files:
            return {}
        rows = self.engine.cursor().execute(
            f"SELECT {key}, max((_version, _time, _source_file, _source_row, _hash, _credit)) "
            "FROM read_parquet(?) GROUP BY 1",
            [self.files],
        )
        return dict(rows.fetchall())


@pytest.fixture
def index(tmp_path):
    opened = Index(tmp_path, KEYED)
    yield opened
    opened.engine.close()


@pytest.fixture
def objects(tmp_path):
    opened = Index(tmp_path, KEYLESS)
    yield opened
    opened.engine.close()


def test_the_first_of_all_wins_and_loses_nothing(index):
    decision = index.apply(made("a", 1, (1, 10), (2, 20)))
    assert (decision.losers, decision.dropped, decision.superseded, decision.duplicate) == (None, None, {}, {})


def test_a_newer_version_drops_the_older_and_credits_it(index):
    index.apply(made("a", 1, (1, 10), (2, 20)))
    decision = index.apply(made("b", 2, (1, 11)))
    assert decision.dropped is not None
    assert decision.retired == [credit_of(SourceObject("a", "", 10, 1))]
    assert list(decision.replaced.values()) == [1]


def test_an_older_version_is_superseded(index):
    index.apply(made("a", 2, (1, 10)))
    decision = index.apply(made("b", 1, (1, 11)))
    assert (decision.superseded, decision.duplicate, decision.dropped, decision.index) == ({0: 1}, {}, None, None)


@pytest.mark.parametrize("version", [1, 3])
def test_equal_content_is_a_duplicate_whether_newer_or_older(index, version):
    index.apply(made("a", 2, (1, 10)))
    decision = index.apply(made("b", version, (1, 10)))
    assert (decision.superseded, decision.duplicate, decision.dropped) == ({}, {0: 1}, None)
    assert (decision.index is not None) is (version == 3)


def test_content_that_comes_back_is_new_again(index):
    index.apply(made("f1", 1, (1, 10)))
    index.apply(made("f2", 2, (1, 11)))
    decision = index.apply(made("f3", 3, (1, 10)))
    assert decision.dropped is not None
    assert index.state()[1][-1] == credit_of(SourceObject("f3", "", 10, 3))


def test_rows_stand_under_the_credit_of_who_brought_them(index):
    index.apply(made("a", 1, (1, 10)))
    index.apply(made("b", 2, (1, 10)))
    assert index.state()[1][-1] == credit_of(SourceObject("a", "", 10, 1))
    decision = index.apply(made("c", 3, (1, 11)))
    assert decision.retired == [credit_of(SourceObject("a", "", 10, 1))]


def test_within_a_batch_ties_go_by_time_then_name_then_place(index):
    decision = index.apply(made("b", 1, (1, 10)), made("a", 1, (1, 11), (1, 12)), made("c", 0, (1, 13)))
    assert index.state()[1][:4] == (1, 1, "b", 1)
    assert sum(decision.superseded.values()) == 3


def test_a_credit_names_its_source():
    source = SourceObject("raw/a:b:c.json", "raw/a:b:c.json", 5, 7)
    assert source_of(credit_of(source)) == source


def test_an_empty_batch_decides_nothing(index):
    assert index.apply(made("a", 1)).index is None


records = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), records), min_size=1, max_size=5), st.data())
def test_deciding_is_commutative_associative_and_idempotent(tmp_path_factory, drawn, data):
    files = [made(f"f{number}", version, *content) for number, (version, content) in enumerate(drawn)]
    arrival = data.draw(st.permutations(files))
    cut = data.draw(st.integers(0, len(files)))
    states = []
    for batches in ([files], [[each] for each in arrival], [arrival[:cut], arrival[cut:], arrival[:cut]]):
        index = Index(tmp_path_factory.mktemp("index"), KEYED)
        for batch in batches:
            index.apply(*batch)
        states.append({key: version[:5] for key, version in index.state().items()})
        index.engine.close()
    assert states[0] == states[1] == states[2]


# --- without a key ----------------------------------------------------------------------------------------------------


def test_a_newer_version_of_an_object_replaces_it_whole(objects):
    objects.apply(made("a", 1, (1, 10), (1, 10), (2, 20)))
    decision = objects.apply(made("a", 2, (3, 30)))
    assert (decision.retired, decision.losers) == ([credit_of(SourceObject("a", "", 10, 1))], None)


def test_a_copy_stands_with_its_original_until_neither_is_left(objects):
    objects.apply(made("a", 1, (1, 10)))
    assert objects.apply(made("copy", 2, (1, 10))).duplicate == {0: 1}
    assert objects.apply(made("a", 3, (1, 11))).dropped is None
    assert objects.apply(made("copy", 4, (1, 12))).retired == [credit_of(SourceObject("a", "", 10, 1))]


def test_equal_rows_in_another_order_are_equal_content_and_other_counts_are_not(objects):
    objects.apply(made("a", 1, (1, 10), (2, 20), (2, 20)))
    assert objects.apply(made("b", 2, (2, 20), (1, 10), (2, 20))).duplicate == {0: 3}
    assert objects.apply(made("c", 3, (1, 10), (2, 20))).duplicate == {}


def test_an_object_that_was_emptied_takes_its_rows_with_it(objects):
    objects.apply(made("a", 1, (1, 10)))
    assert objects.apply(made("a", 2)).retired == [credit_of(SourceObject("a", "", 10, 1))]
    assert objects.apply(made("a", 1, (1, 10))).superseded == {0: 1}

"""What every catalog promises: all heads move or none, and a reader sees one moment."""

import multiprocessing
import threading
from contextlib import closing

import pytest

from orderlake.catalog.glue import GlueCatalog
from orderlake.catalog.glue_table import TableShape
from orderlake.catalog.sqlite import SqliteCatalog
from orderlake.errors import CatalogUnavailableError, CommitConflictError
from orderlake.model.column import ColumnType
from orderlake.model.ports import HeadUpdate, TableHead


class Sqlite:
    """How this suite meets a backend: `open` gives a client; it must pickle, to be opened in other processes.

    `at_once` is how many tables move together, `tables` how many are read together, `commits` how many
    commits a test may make in a row.
    """

    at_once = tables = 1200
    commits = 100

    def __init__(self, request):
        self.path = request.getfixturevalue("tmp_path") / "catalog.db"

    def open(self):
        return SqliteCatalog(self.path)


class Glue:
    """DynamoDB and Glue, over a strict emulator."""

    at_once = 100  # what a DynamoDB transaction takes: a declared gap
    tables = 250
    commits = 20  # each is a handful of HTTP calls, for which there is one process here

    def __init__(self, request):
        self.settings = request.getfixturevalue("aws").deploy()

    def open(self):
        return GlueCatalog(self.settings.table, self.settings.database, self.settings.region, shape)


def shape(metadata):
    return TableShape(f"s3://lake/{metadata}")


BACKENDS = {"sqlite": Sqlite, "glue": Glue}


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    return BACKENDS[request.param](request)


@pytest.fixture
def catalog(backend):
    with closing(backend.open()) as opened:
        yield opened


def move(table, expected, metadata):
    return HeadUpdate(table, expected, metadata)


def heads(catalog, *tables):
    found = catalog.heads(tables)
    return [found[table].metadata for table in tables]


def test_a_table_that_was_never_committed_has_no_head(catalog):
    assert catalog.heads(["a"]) == {"a": TableHead("a", None)}
    assert catalog.tables() == []


def test_heads_of_no_tables_are_none(catalog):
    assert catalog.heads([]) == {}


def test_a_commit_creates_and_the_next_one_moves(catalog):
    catalog.commit([move("a", None, "a1"), move("b", None, "b1")])
    catalog.commit([move("a", "a1", "a2")])
    assert heads(catalog, "a", "b", "c") == ["a2", "b1", None]


def test_tables_come_in_name_order(catalog):
    for name in ("c", "a", "_b"):
        catalog.commit([move(name, None, name)])
    assert [head.table for head in catalog.tables()] == ["_b", "a", "c"]


@pytest.mark.parametrize("expected", ["a0", None, ""])
def test_a_commit_from_another_head_is_a_conflict(catalog, expected):
    catalog.commit([move("a", None, "a1")])
    with pytest.raises(CommitConflictError):
        catalog.commit([move("a", expected, "a2")])
    assert heads(catalog, "a") == ["a1"]


def test_a_commit_on_a_table_that_is_not_there_is_a_conflict(catalog):
    with pytest.raises(CommitConflictError):
        catalog.commit([move("a", "a1", "a2")])
    assert catalog.tables() == []


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_conflict_in_one_of_many_moves_none(catalog, at):
    catalog.commit([move(name, None, f"{name}1") for name in "ac"])
    updates = [move("a", "a1", "a2"), move("new", None, "new1"), move("c", "c1", "c2")]
    updates.insert(at, move("b", "elsewhere", "b2"))
    with pytest.raises(CommitConflictError):
        catalog.commit(updates)
    assert heads(catalog, "a", "b", "c", "new") == ["a1", None, "c1", None]


def test_a_catalog_works_on_after_a_conflict(catalog):
    catalog.commit([move("a", None, "a1")])
    with pytest.raises(CommitConflictError):
        catalog.commit([move("a", None, "a2")])
    catalog.commit([move("a", "a1", "a2")])
    assert heads(catalog, "a") == ["a2"]


def test_the_same_commit_twice_is_a_conflict_the_second_time(catalog):
    """So that a caller who lost the reply finds out by looking, not by trying."""
    catalog.commit([move("a", None, "a1")])
    catalog.commit([move("a", "a1", "a2")])
    with pytest.raises(CommitConflictError):
        catalog.commit([move("a", "a1", "a2")])


@pytest.mark.parametrize("name", ["with space", "Ünï", "o'clock", '"quoted"', "100%", "_index_a_b"])
def test_any_name_and_any_location_come_back_as_given(catalog, name):
    catalog.commit([move(name, None, f"file:///{name}/ä%20.json")])
    assert heads(catalog, name) == [f"file:///{name}/ä%20.json"]


def test_many_tables_in_one_read(backend, catalog):
    """Index tables, as every stream has one: they are in no reader's way, so a backend may be quick about them."""
    names = [f"_index_{number:04d}" for number in range(backend.tables)]
    for start in range(0, len(names), backend.at_once):
        catalog.commit([move(name, None, f"{name}/1") for name in names[start : start + backend.at_once]])
    assert heads(catalog, *names) == [f"{name}/1" for name in names]


def test_showing_a_plain_table_twice_is_fine_and_makes_no_head(catalog):
    for columns in ({"a": ColumnType("bigint")}, {"a": ColumnType("bigint")}, {"b": ColumnType("string")}):
        catalog.publish_parquet("plain", columns, "s3://lake/plain")
    assert catalog.tables() == []
    assert heads(catalog, "plain") == [None]


def test_another_client_sees_what_was_committed(backend, catalog):
    catalog.commit([move("a", None, "a1")])
    with closing(backend.open()) as other:
        assert heads(other, "a") == ["a1"]


def test_threads_that_create_one_table_have_one_winner(backend):
    start, won = threading.Barrier(8), []

    def create(number):
        with closing(backend.open()) as own:
            start.wait()
            try:
                own.commit([move("a", None, f"a{number}"), move(f"own{number}", None, "1")])
                won.append(number)
            except CommitConflictError:
                pass

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(backend.open()) as catalog:
        assert len(won) == 1
        assert [head.table for head in catalog.tables()] == ["a", f"own{won[0]}"]
        assert heads(catalog, "a") == [f"a{won[0]}"]


def increment(backend, times):
    """Count in two tables at once, as two heads that must never part."""
    with closing(backend.open()) as own:
        done = 0
        while done < times:
            a, b = heads(own, "a", "b")
            assert a == b
            after = str(int(a or 0) + 1)
            try:
                own.commit([move("a", a, after), move("b", b, after)])
                done += 1
            except CommitConflictError:
                pass


def test_processes_that_count_in_two_tables_lose_nothing_and_part_never(backend):
    context = multiprocessing.get_context("spawn")
    times = backend.commits // 4
    workers = [context.Process(target=increment, args=(backend, times)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    with closing(backend.open()) as catalog:
        assert heads(catalog, "a", "b") == [str(backend.commits)] * 2


def test_a_reader_never_sees_half_a_commit(backend):
    stop, seen = threading.Event(), set()

    def read():
        with closing(backend.open()) as own:
            seen.add(tuple(heads(own, "a", "b", "c")))
            while not stop.is_set():
                seen.add(tuple(heads(own, "a", "b", "c")))

    reader = threading.Thread(target=read)
    reader.start()
    with closing(backend.open()) as catalog:
        before = None
        for number in range(backend.commits):
            catalog.commit([move(name, before, str(number)) for name in "abc"])
            before = str(number)
    stop.set()
    reader.join()
    assert {len(set(row)) for row in seen} == {1}


def test_a_file_that_is_no_database_is_a_catalog_error(tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"this is no database, but it is long enough to look like one" * 20)
    with pytest.raises(CatalogUnavailableError):
        SqliteCatalog(tmp_path / "catalog.db")


def test_a_catalog_looks_after_no_table_unless_it_is_told_to(catalog):
    catalog.commit([move("a", None, "1"), move("_index_a", None, "1")])
    assert catalog.optimized(["a", "_index_a", "nope"]) == dict.fromkeys(["a", "_index_a", "nope"], frozenset())
    assert catalog.optimized([]) == {}

"""What lies over a store, a catalog, a ledger: seen together with what is under it, which never changes."""

from contextlib import closing
from dataclasses import replace

import pytest

from orderlake.catalog.sqlite import SqliteCatalog
from orderlake.errors import CommitConflictError, NotFoundError
from orderlake.ledger.sqlite import SqliteLedger
from orderlake.model.ports import HeadUpdate
from orderlake.model.report import LoadReport
from orderlake.plan.overlay import Overlay
from orderlake.plan.unrecorded import UnrecordedCatalog, UnrecordedLedger
from orderlake.storage.local import LocalStore


@pytest.fixture
def under(tmp_path):
    folder = tmp_path / "lake"
    (folder / "orders").mkdir(parents=True)
    (folder / "orders" / "a.parquet").write_bytes(b"a")
    (folder / "orders" / "b.parquet").write_bytes(b"b")
    yield folder
    assert sorted((path.name, path.read_bytes()) for path in (folder / "orders").iterdir()) == [
        ("a.parquet", b"a"),
        ("b.parquet", b"b"),
    ]


@pytest.fixture
def store(under, tmp_path):
    return Overlay(LocalStore(), tmp_path / "own")


def names(store, under, *, hidden=False):
    return [found.location.rsplit("/", 1)[-1] for found in store.list(f"file://{under}/orders", hidden=hidden)]


def test_what_is_under_it_shows_until_something_is_written_over_it(store, under):
    at = f"file://{under}/orders/a.parquet"
    assert store.read(at) == b"a"
    store.write(at, b"new")
    assert store.read(at) == b"new"
    assert store.read(at.removeprefix("file://")) == b"new"
    assert store.stat(at).size == 3
    assert names(store, under) == ["a.parquet", "b.parquet"]


def test_what_is_deleted_shows_no_longer_until_it_is_written_again(store, under):
    at = f"file://{under}/orders/a.parquet"
    store.delete(at)
    assert names(store, under) == ["b.parquet"]
    assert store.stat(at) is None
    with pytest.raises(NotFoundError):
        store.read(at)
    store.create(at, b"again")
    assert store.read(at) == b"again"


def test_what_is_published_takes_its_name_wherever_it_was(store, under):
    store.write(f"file://{under}/.pending/new", b"new")
    assert store.publish(f"file://{under}/.pending/new", f"file://{under}/orders/c.parquet")
    assert not store.publish(f"file://{under}/.pending/new", f"file://{under}/orders/c.parquet")
    assert store.publish(f"file://{under}/orders/a.parquet", f"file://{under}/orders/b.parquet")
    assert names(store, under) == ["b.parquet", "c.parquet"]
    assert store.read(f"file://{under}/orders/b.parquet") == b"a"


def test_the_engine_reads_what_is_there_and_writes_beside_it(store, under, tmp_path):
    there, new = f"file://{under}/orders/a.parquet", f"file://{under}/orders/new.parquet"
    assert store.engine_path(there) == there.removeprefix("file://")
    target = store.target_path(new)
    assert target.startswith(str(tmp_path / "own"))
    with open(target, "wb") as out:  # noqa: PTH123 - as the engine does
        out.write(b"new")
    assert store.engine_path(new) == target
    assert store.seal(new) == store.seal_now(new) != store.seal(there)


def test_files_of_a_folder_are_adopted_and_those_of_a_writer_kept(store, under):
    file = store.folder(f"file://{under}/.pending") / "part"
    file.write_bytes(b"part")
    store.adopt(file, f"file://{under}/orders/c.parquet")
    with store.writer(f"file://{under}/orders/d.parquet") as out:
        out.write(b"written")
    assert not file.exists()
    assert names(store, under) == ["a.parquet", "b.parquet", "c.parquet", "d.parquet"]
    with store.open(f"file://{under}/orders/d.parquet") as found:
        assert found.read() == b"written"


def test_heads_move_over_a_catalog_that_stays(tmp_path):
    with closing(SqliteCatalog(tmp_path / "catalog.db")) as real:
        real.commit([HeadUpdate("orders", None, "m1")])
        over = UnrecordedCatalog(real)
        over.commit([HeadUpdate("orders", "m1", "m2"), HeadUpdate("lines", None, "l1")])
        assert [(head.table, head.metadata) for head in over.tables()] == [("lines", "l1"), ("orders", "m2")]
        assert over.heads(["orders", "other"])["orders"].metadata == "m2"
        with pytest.raises(CommitConflictError):
            over.commit([HeadUpdate("orders", "m1", "m3")])
        assert [(head.table, head.metadata) for head in real.tables()] == [("orders", "m1")]


def test_loads_are_known_over_a_ledger_that_stays(tmp_path):
    first = LoadReport("raw/a.json", "orders", "loaded", "a", "L1", 1, "2024-01-05T00:00:00Z")
    bad = replace(first, identity="b", status="rejected")
    with closing(SqliteLedger(tmp_path / "ledger.db")) as real:
        real.mark([first, bad])
        over = UnrecordedLedger(real)
        over.mark([replace(first, load_id="L2"), replace(bad, status="loaded", load_id="L2")])
        assert {key: report.load_id for key, report in over.applied(["a", "b", "c"]).items()} == {"a": "L1", "b": "L2"}
        with over.claim(["a", "c"]) as won, over.turn("orders"):
            assert won == {"a", "c"}
        assert real.applied(["b"])["b"].status == "rejected"
        assert list(over.loads()) == list(real.loads())

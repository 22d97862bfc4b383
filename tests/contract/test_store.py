"""What every object store promises: whole objects or none, and names that hide until they are published."""

import os
import threading

import pytest

from orderlake.errors import NotFoundError, StorageUnavailableError
from orderlake.storage.local import LocalStore, location_of


class Local:
    """How this suite meets a backend: a store, and the location of a name under a prefix of its own."""

    def __init__(self, folder):
        self.store = LocalStore()
        self._folder = folder

    def at(self, name=""):
        return location_of(self._folder / name if name else self._folder)


BACKENDS = {"local": Local}


@pytest.fixture(params=list(BACKENDS))
def backend(request, tmp_path):
    return BACKENDS[request.param](tmp_path / "a folder, ü %20")


@pytest.fixture
def store(backend):
    return backend.store


def names(backend, prefix=""):
    base = backend.store.engine_path(backend.at())
    return [
        os.path.relpath(backend.store.engine_path(each.location), base)
        for each in backend.store.list(backend.at(prefix))
    ]


@pytest.mark.parametrize("data", [b"", b"x", b"\0\xff" * 100_000], ids=["empty", "short", "long"])
@pytest.mark.parametrize("name", ["a", "deep/er/a b.json", "ü%20?#&+=.parquet", "k=__HIVE__/x"])
def test_what_is_written_is_read(backend, store, name, data):
    store.write(backend.at(name), data)
    assert store.read(backend.at(name)) == data
    assert store.stat(backend.at(name)).size == len(data)


def test_a_write_over_an_object_replaces_it(backend, store):
    store.write(backend.at("a"), b"a long first one")
    store.write(backend.at("a"), b"second")
    assert store.read(backend.at("a")) == b"second"


def test_what_is_not_there_cannot_be_read_and_has_no_version(backend, store):
    with pytest.raises(NotFoundError):
        store.read(backend.at("a"))
    assert store.stat(backend.at("a")) is None
    store.write(backend.at("file"), b"")
    assert store.stat(backend.at("file/below")) is None


def test_deleting_is_idempotent(backend, store):
    store.write(backend.at("a"), b"1")
    store.delete(backend.at("a"))
    store.delete(backend.at("a"))
    assert store.stat(backend.at("a")) is None


def test_syncing_what_another_hand_wrote_leaves_it_as_it_is(backend, store):
    store.write(backend.at("a/x"), b"1")
    store.write(backend.at("b/y"), b"2")
    store.sync([backend.at("a/x"), backend.at("b/y")])
    store.sync([])
    assert (store.read(backend.at("a/x")), store.read(backend.at("b/y"))) == (b"1", b"2")


def test_syncing_what_is_not_there_is_an_error(backend, store):
    with pytest.raises(NotFoundError):
        store.sync([backend.at("nowhere")])


def test_publishing_moves_and_doing_it_again_changes_nothing(backend, store):
    store.write(backend.at("t/.pending/x"), b"new")
    store.write(backend.at("t/final"), b"old")
    assert store.publish(backend.at("t/.pending/x"), backend.at("t/final"))
    assert store.publish(backend.at("t/.pending/x"), backend.at("t/final")) is False
    assert store.read(backend.at("t/final")) == b"new"
    assert store.stat(backend.at("t/.pending/x")) is None


def test_a_listing_is_in_name_order_and_leaves_hidden_and_unfinished_objects_out(backend, store):
    for name in ("t/b", "t/a", "t/sub/c", "t/.pending/x", "t/.hidden", "other/z"):
        store.write(backend.at(name), b"12345")
    assert sorted(names(backend, "t")) == names(backend, "t") == ["t/a", "t/b", "t/sub/c"]
    assert {each.size for each in store.list(backend.at("t"))} == {5}


def test_a_listing_of_nothing_is_empty(backend, store):
    assert list(store.list(backend.at("nowhere"))) == []


def test_a_listed_object_has_the_version_that_stat_tells(backend, store):
    store.write(backend.at("a"), b"1")
    assert list(store.list(backend.at())) == [store.stat(store.engine_path(backend.at("a")))]


def test_the_version_grows_when_an_object_is_replaced(backend, store):
    versions = []
    for _ in range(3):
        store.write(backend.at("a"), b"1")
        versions.append(store.stat(backend.at("a")).version)
        while (store.write(backend.at("probe"), b""), store.stat(backend.at("probe")).version)[1] == versions[-1]:
            pass  # the clock of the file system ticks every few milliseconds
    assert versions == sorted(set(versions))


def test_a_reader_sees_a_whole_object_while_it_is_replaced(backend, store):
    whole = [bytes([number]) * 300_000 for number in (1, 2)]
    store.write(backend.at("a"), whole[0])
    stop, torn = threading.Event(), []

    def read():
        while not stop.is_set():
            data = store.read(backend.at("a"))
            if data not in whole:
                torn.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        store.write(backend.at("a"), whole[number % 2])
    stop.set()
    reader.join()
    assert torn == []


def test_a_write_that_fails_leaves_the_object_as_it_was(backend, store, monkeypatch):
    store.write(backend.at("a"), b"before")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageUnavailableError, match="No space left"):
        store.write(backend.at("a"), b"after")
    monkeypatch.undo()
    assert store.read(backend.at("a")) == b"before"
    assert names(backend) == ["a"]


def test_a_path_in_the_way_is_a_storage_error(backend, store):
    store.write(backend.at("file"), b"")
    with pytest.raises(StorageUnavailableError):
        store.write(backend.at("file/below"), b"")

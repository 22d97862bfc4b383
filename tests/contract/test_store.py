"""What every object store promises: whole objects or none, and names that hide until they are published.

Backends: folders; S3 on the strict emulator; S3 on SeaweedFS, a real server.
"""

import io
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderlake.errors import NotFoundError, StorageUnavailableError
from orderlake.model.seal import seal_of
from orderlake.storage.local import LocalStore, location_of
from orderlake.storage.s3 import S3Store
from orderlake.storage.s3_streams import PART

ODD = "a folder, ü %20"


class Local:
    """How this suite meets a backend: a store, and the location of a name under a prefix of its own."""

    def __init__(self, request):
        self.folder = request.getfixturevalue("tmp_path") / ODD
        self.store = LocalStore()
        self.others = LocalStore()

    def at(self, name=""):
        return location_of(self.folder / name if name else self.folder)

    def all(self):
        """Every name there is, hidden ones too."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def versions(self):
        """Every name and all that is kept under it."""
        return [(name, (self.folder / name).read_bytes()) for name in self.all()]


class OnS3:
    """S3 of either server."""

    server = ""

    def __init__(self, request):
        self.aws = request.getfixturevalue(self.server)
        scratch = request.getfixturevalue("tmp_path") / "scratch"
        scratch.mkdir()
        self.store = S3Store(self.aws.region, scratch)
        self.others = S3Store(self.aws.region, scratch)
        self.bucket = request.getfixturevalue("bucket_of")(self.aws)
        self.prefix = f"{uuid.uuid4().hex}/{ODD}"

    def at(self, name=""):
        return f"s3://{self.bucket}/{self.prefix}/{name}".rstrip("/")

    def versions(self):
        """Every name and all that is kept under it."""
        s3, prefix = self.aws.client("s3"), f"{self.prefix}/"
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        kept = [(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", ())]
        read = [(key, s3.get_object(Bucket=self.bucket, Key=key, VersionId=one)["Body"].read()) for key, one in kept]
        return sorted((key.removeprefix(prefix), data) for key, data in read)

    def all(self):
        """Every name there is, hidden ones and unfinished uploads too."""
        s3 = self.aws.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        uploads = s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return sorted(key.removeprefix(f"{self.prefix}/") for key in keys) + [f"unfinished {u['Key']}" for u in uploads]


class Moto(OnS3):
    """The strict emulator."""

    server = "aws"


class Weed(OnS3):
    """SeaweedFS."""

    server = "seaweed"


BACKENDS = {"local": Local, "moto": Moto, "seaweed": Weed}
GAPS = {
    (OnS3, "test_a_write_that_fails_leaves_the_object_as_it_was"): "a full disk is not ours on S3: see test_s3_faults",
    (OnS3, "test_a_path_in_the_way_is_a_storage_error"): "S3 has no folders: nothing is in the way",
    (Local, "test_what_a_writer_was_given_before_an_error_is_no_object"): "it writes in place, under a name of its own",
}
"""What a backend does not promise, and why."""


@pytest.fixture(scope="session")
def bucket_of():
    """A bucket per server, made once."""
    made = {}

    def bucket(aws):
        if aws.endpoint not in made:
            made[aws.endpoint] = aws.make_bucket(f"store-{uuid.uuid4().hex[:12]}")
        return made[aws.endpoint]

    return bucket


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    kind = BACKENDS[request.param]
    for (having, test), reason in GAPS.items():
        if issubclass(kind, having) and request.function.__name__ == test:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    return kind(request)


@pytest.fixture
def store(backend):
    return backend.store


def read_open(store, location):
    with store.open(location) as file:
        return file.read()


def write_half(store, location, data):
    """Give a writer some bytes, then fail."""
    with store.writer(location) as file:
        file.write(data)
        raise ZeroDivisionError


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
    with pytest.raises(NotFoundError):
        store.open(backend.at("a"))


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


def test_what_was_read_before_a_publication_is_not_what_is_read_after_it(backend, store):
    store.write(backend.at("final"), b"old rows")
    assert read_open(store, backend.at("final")) == b"old rows"
    store.write(backend.at(".pending/x"), b"new")
    store.publish(backend.at(".pending/x"), backend.at("final"))
    assert read_open(store, backend.at("final")) == b"new"


@pytest.mark.parametrize("look", ["stat", "list"])
def test_a_publication_by_another_worker_is_read_once_the_object_is_looked_at(backend, store, look):
    store.write(backend.at("t/final"), b"old")
    assert read_open(store, backend.at("t/final")) == b"old"
    backend.others.write(backend.at(".pending/x"), b"new")
    backend.others.publish(backend.at(".pending/x"), backend.at("t/final"))
    assert store.stat(backend.at("t/final")) if look == "stat" else list(store.list(backend.at("t")))
    assert read_open(store, backend.at("t/final")) == b"new"


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


def test_a_listing_of_more_than_a_page_is_whole(backend, store):
    wanted = [f"t/{number:04}" for number in range(1_005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.write(backend.at(name), b""), wanted))
    assert names(backend, "t") == wanted


def test_a_prefix_is_a_folder_and_not_the_beginning_of_a_name(backend, store):
    for name in ("orders/a", "orders_ETL/b", "orders.json"):
        store.write(backend.at(name), b"")
    assert names(backend, "orders") == ["orders/a"]


ODD_NAMES = [
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "ü€😀",
    "a[1]*?.parquet",
    "k=1/x",
    "a&b=c;d",
    "..a",
    "quote'\"",
    "~",
    "a#b",
]


def test_odd_names_are_listed_read_published_and_deleted(backend, store):
    for name in ODD_NAMES:
        store.write(backend.at(f".pending/{name}"), name.encode())
    for name in ODD_NAMES:
        assert store.publish(backend.at(f".pending/{name}"), backend.at(f"t/{name}"))
    assert sorted(names(backend, "t")) == sorted(f"t/{name}" for name in ODD_NAMES if not name.startswith("."))
    for name in ODD_NAMES:
        assert store.read(backend.at(f"t/{name}")) == name.encode()
        store.delete(backend.at(f"t/{name}"))
    assert backend.all() == []


# --- create


def test_what_is_created_is_read(backend, store):
    store.create(backend.at("deep/er/a"), b"ours")
    assert store.read(backend.at("deep/er/a")) == b"ours"
    assert backend.all() == ["deep/er/a"]


def test_creating_over_another_object_is_refused_and_leaves_it(backend, store):
    store.create(backend.at("a"), b"theirs")
    with pytest.raises(StorageUnavailableError, match="another"):
        store.create(backend.at("a"), b"ours")
    assert store.read(backend.at("a")) == b"theirs"
    assert backend.all() == ["a"]


def test_creating_once_more_what_is_our_own_is_fine(backend, store):
    store.create(backend.at("a"), b"ours")
    store.create(backend.at("a"), b"ours")
    assert store.read(backend.at("a")) == b"ours"


def test_of_many_who_create_one_name_one_succeeds(backend):
    won, lost = [], []

    def create(number):
        store = backend.others if number % 2 else backend.store
        try:
            store.create(backend.at("a"), b"%d" % number)
        except StorageUnavailableError:
            lost.append(number)
        else:
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert backend.store.read(backend.at("a")) == b"%d" % won[0]


# --- open


@pytest.mark.parametrize("size", [0, 1, 100_000, 5 << 20], ids=["empty", "byte", "small", "large"])
def test_an_open_object_is_read_anywhere(backend, store, size):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    store.write(backend.at("a"), data)
    with store.open(backend.at("a")) as file:
        assert file.seek(0, io.SEEK_END) == size
        assert file.read(10) == b""
        for place in (0, size // 2, max(0, size - 8), size // 3, max(0, size - 300_000), 7):
            assert file.seek(place) == file.tell() == place
            for length in (1, 100, 0, 70_000):
                assert file.read(length) == data[place:][:length]
                place = file.tell()  # noqa: PLW2901 - read on
        file.seek(-min(3, size), io.SEEK_END)
        assert file.read() == data[-3:]
        file.seek(0)
        assert file.read() == data


def test_an_open_object_reads_in_order_in_pieces(backend, store):
    data = os.urandom(4 << 20)
    store.write(backend.at("a"), data)
    with store.open(backend.at("a")) as file:
        assert b"".join(iter(lambda: file.read(99_991), b"")) == data
        buffer = bytearray(1000)
        file.seek(len(data) - 10)
        assert file.readinto(buffer) == 10
        assert buffer[:10] == data[-10:]


# --- writer


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART], ids=str)
def test_what_a_writer_was_given_is_read(backend, store, size):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    store.target_path(backend.at("deep/a"))
    with store.writer(backend.at("deep/a")) as file:
        for at in range(0, size, 1_000_003):
            assert file.write(data[at : at + 1_000_003]) == len(data[at : at + 1_000_003])
        assert file.tell() == size
    store.sync([backend.at("deep/a")])
    assert store.read(backend.at("deep/a")) == data
    assert backend.all() == ["deep/a"]


@pytest.mark.parametrize("size", [0, 10, 2 * PART + 1], ids=["nothing", "little", "parts"])
def test_what_a_writer_was_given_before_an_error_is_no_object(backend, store, size):
    with pytest.raises(ZeroDivisionError):
        write_half(store, backend.at("a"), b"x" * size)
    assert backend.all() == []
    with pytest.raises(NotFoundError):
        store.sync([backend.at("a")])


def test_the_object_that_a_failed_writer_was_to_replace_is_as_it_was(backend, store):
    store.write(backend.at("final"), b"before")
    with pytest.raises(ZeroDivisionError):
        write_half(store, backend.at("final.new"), b"x")
    assert store.read(backend.at("final")) == b"before"


# --- folder and adopt


def test_files_of_the_engines_folder_are_adopted_and_leave_it(backend, store):
    folder = store.folder(backend.at("t/data"))
    assert folder.is_dir()
    made = {}
    for number in range(3):
        path = folder / f"m=%2F {number}" / "x.parquet"
        path.parent.mkdir()
        path.write_bytes(b"%d" % number * (PART if number == 2 else 1))
        made[f"t/data/{path.relative_to(folder).as_posix()}"] = path
    for name, path in made.items():
        store.adopt(path, backend.at(name))
    store.sync([backend.at(name) for name in made])
    assert backend.all() == sorted(made)
    assert [store.read(backend.at(name))[:1] for name in made] == [b"0", b"1", b"2"]
    if not isinstance(store, LocalStore):
        assert not folder.exists()


def test_a_file_is_adopted_under_another_name(backend, store):
    path = store.folder(backend.at("t/.pending")) / "a-1" / "rows-0"
    path.parent.mkdir()
    path.write_bytes(b"rows")
    store.adopt(path, backend.at("t/final"))
    assert store.read(backend.at("t/final")) == b"rows"
    assert backend.all() == ["t/final"]


def test_a_file_of_this_machine_is_opened_and_written_by_its_path(backend, store, tmp_path):
    with store.writer(str(tmp_path / "here")) as file:
        file.write(b"1234")
    assert (tmp_path / "here").read_bytes() == b"1234"
    with store.open(str(tmp_path / "here")) as file:
        assert file.read() == b"1234"


def test_the_version_grows_when_an_object_is_replaced(backend, store):
    versions = []
    for _ in range(3):
        store.write(backend.at("a"), b"1")
        versions.append(store.stat(backend.at("a")).version)
        while (store.write(backend.at("probe"), b""), store.stat(backend.at("probe")).version)[1] == versions[-1]:
            pass  # the clock of a file system ticks every few milliseconds, that of S3 every second
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


def test_hidden_objects_are_listed_when_asked_for(backend, store):
    for name in ("a/x.parquet", ".work/y.parquet", "a/.part-z"):
        store.write(backend.at(name), b"1")
    shown = [found.location.rsplit("/", 1)[-1] for found in store.list(backend.at(), hidden=True)]
    assert sorted(shown) == [".part-z", "x.parquet", "y.parquet"]
    assert [found.location.rsplit("/", 1)[-1] for found in store.list(backend.at())] == ["x.parquet"]


@pytest.mark.parametrize("size", [0, 10, PART + 1])
def test_an_object_is_sealed_as_it_was_written_and_as_it_is(backend, store, size):
    data = os.urandom(size)
    with store.writer(backend.at("a")) as file:
        file.write(data[:7])
        file.write(data[7:])
    assert store.seal(backend.at("a")) == seal_of(data)
    assert store.seal_now(backend.at("a")) == seal_of(data)
    backend.others.write(backend.at("a"), b"other bytes")
    assert store.seal_now(backend.at("a")) == seal_of(b"other bytes")
    with pytest.raises(NotFoundError):
        store.seal_now(backend.at("nothing"))


def test_what_the_engine_wrote_is_sealed(backend, store):
    folder = store.folder(backend.at("data"))
    (folder / "rows").write_bytes(b"rows")
    store.adopt(folder / "rows", backend.at("data/rows"))
    assert store.seal(backend.at("data/rows")) == seal_of(b"rows")


def test_what_was_deleted_or_replaced_is_purged_and_all_else_stays(backend, store):
    for name in ("old/a", "old/b", "old/.c", "other/a"):
        for data in (b"first", b"second"):
            store.write(backend.at(name), data)
    store.delete(backend.at("old/b"))
    before = backend.versions()
    purged = store.purge(backend.at("old"))
    assert purged == len(before) - len(backend.versions())
    assert [(name, data) for name, data in backend.versions() if name.startswith("old/")] == [
        ("old/.c", b"second"),
        ("old/a", b"second"),
    ]
    assert [each for each in backend.versions() if each[0] == "other/a"] == [
        each for each in before if each[0] == "other/a"
    ]
    assert store.purge(backend.at("old")) == 0

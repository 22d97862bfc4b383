"""What every place of source files promises: versions that grow, bytes of just that version, and what is there now."""

import os
from itertools import count

import pytest

from orderlake.config import Project
from orderlake.errors import ConfigError, NotFoundError
from orderlake.events import objects
from orderlake.events.objects import S3Sources
from orderlake.sources import LocalSources


class Folders:
    """How this suite meets a backend: sources, and ways to put a file, to take it away, and to name it."""

    keeps_versions = False

    def __init__(self, request):
        root = request.getfixturevalue("tmp_path") / "shop"
        (root / "raw").mkdir(parents=True)
        self.sources = LocalSources(Project(root, root / "raw", root / "lake"))
        self._raw, self._seconds = root / "raw", count(1_700_000_000)

    def put(self, name, data):
        path = self._raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        second = next(self._seconds)
        os.utime(path, (second, second))

    def remove(self, name):
        (self._raw / name).unlink()

    def at(self, name):
        return str(self._raw / name)


class Buckets:
    """S3 with or without versions, by the emulator."""

    keeps_versions = True

    def __init__(self, request):
        aws = request.getfixturevalue("aws")
        settings = aws.deploy("sources")
        self.bucket = settings.raw.removeprefix("s3://").partition("/")[0]
        if not self.keeps_versions:
            self.bucket = aws.make_bucket(f"{self.bucket}-plain", versioned=False)
        self.sources = S3Sources(aws.region, f"s3://{self.bucket}/raw", settings.lake)
        self._s3 = aws.client("s3")

    def put(self, name, data):
        self._s3.put_object(Bucket=self.bucket, Key=f"raw/{name}", Body=data)

    def remove(self, name):
        for version in self._s3.list_object_versions(Bucket=self.bucket, Prefix=f"raw/{name}").get("Versions", ()):
            self._s3.delete_object(Bucket=self.bucket, Key=f"raw/{name}", VersionId=version["VersionId"])

    def at(self, name):
        return f"s3://{self.bucket}/raw/{name}"


class PlainBuckets(Buckets):
    """A bucket that keeps no versions."""

    keeps_versions = False


BACKENDS = {"folders": Folders, "buckets": Buckets, "buckets without versions": PlainBuckets}


@pytest.fixture(params=list(BACKENDS))
def place(request):
    return BACKENDS[request.param](request)


@pytest.fixture(params=[16 << 20, 3], ids=["small", "large"])
def copied(request, monkeypatch):
    """Objects above so many bytes are streamed."""
    monkeypatch.setattr(objects, "_COPIED", request.param)


def names(place, *given):
    return sorted(source.name for source in place.sources.find(given))


def content(place, source, folder):
    with place.sources.file(source, folder).open("rb") as file:
        return file.read()


def test_all_that_lies_where_new_files_are_looked_for_is_found(place):
    assert place.sources.find(()) == []
    for name in ("b.json", "a.json", "2024/c d+%20ü.csv"):
        place.put(name, name.encode())
    assert names(place) == ["a.json", "b.json", "c d+%20ü.csv"]
    found = place.sources.find(())
    assert found == sorted(found, key=lambda source: (source.version, source.uri))
    assert {source.name: source.size for source in found}["c d+%20ü.csv"] == len("2024/c d+%20ü.csv".encode())


def test_files_folders_and_patterns_are_named_and_each_file_is_found_once(place):
    for name in ("2024/a.json", "2024/b.csv", "2025/a.json"):
        place.put(name, b"{}")
    assert names(place, place.at("2024")) == ["a.json", "b.csv"]
    assert names(place, place.at("2024/b.csv")) == ["b.csv"]
    assert names(place, place.at("20*/*.json")) == ["a.json", "a.json"]
    assert len(place.sources.find([place.at("2024"), place.at("2024/a.json"), place.at("*/a.json")])) == 3


def test_what_names_nothing_is_not_found(place):
    place.put("a.json", b"{}")
    for name in ("nowhere.json", "nowhere/*.json"):
        with pytest.raises(NotFoundError):
            place.sources.find([place.at("a.json"), place.at(name)])


def test_hidden_and_unfinished_files_are_not_found(place):
    for name in (".DS_Store", "a.json.part", "b.tmp", "_SUCCESS", "good.json"):
        place.put(name, b"{}")
    assert names(place) == ["good.json"]


def test_a_location_of_the_other_home_is_refused_with_what_to_do(place, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    other = "s3://bucket/x.json" if isinstance(place, Folders) else str(tmp_path / "x.json")
    with pytest.raises(ConfigError, match="raw/"):
        place.sources.find([other])


def test_a_file_has_the_bytes_it_was_found_with(place, copied, tmp_path):
    place.put("a.json", b"[1, 2, 3]")
    (source,) = place.sources.find(())
    assert source.size == 9
    assert content(place, source, tmp_path) == b"[1, 2, 3]"
    assert place.sources.now(source) == source


def test_a_new_version_is_another_source_and_newer_where_versions_are_kept(place, copied, tmp_path):
    place.put("a.json", b"first")
    (first,) = place.sources.find(())
    place.put("a.json", b"second")
    found = place.sources.find(())
    assert found[-1].identity != first.identity
    assert found[-1].uri == first.uri
    assert content(place, found[-1], tmp_path) == b"second"
    if place.keeps_versions:
        assert found[0] == place.sources.now(first) == first
        assert content(place, first, tmp_path) == b"first"
        assert found[1].version > first.version
    else:
        assert place.sources.now(first) == found[0] != first


def test_what_is_gone_is_not_found_again(place, copied, tmp_path):
    place.put("a.json", b"first")
    (source,) = place.sources.find(())
    place.remove("a.json")
    assert place.sources.find(()) == []
    if isinstance(place, Folders):
        assert place.sources.now(source) is None
    else:
        with pytest.raises(NotFoundError):
            place.sources.file(source, tmp_path)


def test_a_version_that_was_loaded_is_found_by_its_identity_as_long_as_its_bytes_are_there(place):
    place.put("orders.json", b"[1]")
    (first,) = place.sources.find([place.at("orders.json")])
    assert place.sources.version(first.uri, first.identity) == first
    assert place.sources.version(first.uri, "0" * 24) is None
    place.put("orders.json", b"[1, 2]")
    last = place.sources.find([place.at("orders.json")])[-1]
    assert place.sources.version(last.uri, last.identity) == last
    found = place.sources.version(first.uri, first.identity)
    if place.keeps_versions:
        assert found is not None
        assert found.identity == first.identity
    else:
        assert found is None
    place.remove("orders.json")
    assert place.sources.version(last.uri, last.identity) is None

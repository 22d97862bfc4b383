"""Objects of S3 as sources: every version is one, in the order of storing, under names that do not change."""

import pytest

from orderlake.errors import ConfigError, NotFoundError, SourceChangedError
from orderlake.events import objects, rewritten
from orderlake.events.objects import S3Sources
from orderlake.model.source import RemoteFile, SourceObject


class Raw:
    """A bucket of raw files with a lake in the same bucket, and what is put there."""

    def __init__(self, aws, *, versioned=True):
        settings = aws.deploy("src")
        self.bucket = settings.raw.removeprefix("s3://").partition("/")[0]
        if not versioned:
            self.bucket = aws.make_bucket(f"{self.bucket}-plain", versioned=False)
        self.s3 = aws.client("s3")
        self.sources = S3Sources(aws.region, f"s3://{self.bucket}/raw", f"s3://{self.bucket}/lake")

    def put(self, key, data=b"{}"):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=data).get("VersionId")

    def delete(self, key, **version):
        self.s3.delete_object(Bucket=self.bucket, Key=key, **version)

    def at(self, key):
        return f"s3://{self.bucket}/{key}"

    def keys(self, *given):
        return [source.uri.removeprefix(f"s3://{self.bucket}/") for source in self.sources.find(given)]


@pytest.fixture
def raw(aws):
    return Raw(aws)


@pytest.fixture
def plain(aws):
    return Raw(aws, versioned=False)


def rank(source):
    return source.version % 1_000_000_000


# --- versions


def test_versions_of_one_second_are_ranked_as_they_were_stored(raw):
    stored = [raw.put("raw/a.json", b"%d" % number) for number in range(12)]
    found = raw.sources.find(())
    assert [source.tag for source in found] == stored
    versions = [source.version for source in found]
    assert versions == sorted(set(versions))
    for second in {version // 1_000_000_000 for version in versions}:
        ranks = [rank(source) for source in found if source.version // 1_000_000_000 == second]
        assert ranks == list(range(len(ranks)))


def test_a_version_is_the_same_source_however_it_is_found(raw):
    for number in range(3):
        raw.put("raw/a.json", b"%d" % number)
    every = raw.sources.find(())
    assert raw.sources.find([raw.at("raw/a.json")]) == every
    assert [raw.sources.resolve(raw.bucket, "raw/a.json", source.tag) for source in every] == every
    assert raw.sources.resolve(raw.bucket, "raw/a.json") == every[-1]


def test_a_version_stays_itself_when_an_older_one_of_its_second_expires(raw):
    old = raw.put("raw/a.json", b"1")
    raw.put("raw/a.json", b"2")
    before = raw.sources.find(())[-1]
    raw.delete("raw/a.json", VersionId=old)
    (after,) = raw.sources.find(())
    assert after.identity == before.identity
    assert raw.sources.now(before) == before


def test_versions_before_and_after_a_deletion_are_sources_and_the_deletion_is_none(raw):
    first = raw.put("raw/a.json", b"1")
    raw.delete("raw/a.json")
    assert [source.tag for source in raw.sources.find(())] == [first]
    assert raw.sources.resolve(raw.bucket, "raw/a.json") is None
    assert raw.sources.resolve(raw.bucket, "raw/a.json", first) is not None
    second = raw.put("raw/a.json", b"2")
    assert [source.tag for source in raw.sources.find(())] == [first, second]
    assert raw.sources.resolve(raw.bucket, "raw/a.json").tag == second


def test_what_is_gone_is_resolved_to_nothing(raw):
    first = raw.put("raw/a.json")
    raw.delete("raw/a.json", VersionId=first)
    assert raw.sources.resolve(raw.bucket, "raw/a.json", first) is None
    assert raw.sources.resolve(raw.bucket, "raw/a.json") is None
    assert raw.sources.resolve(raw.bucket, "raw/never.json") is None


def test_a_key_is_not_taken_for_one_that_it_begins(raw):
    for key in ("raw/a.json", "raw/a.json.bak", "raw/a.json/x", "raw/a"):
        raw.put(key, key.encode())
    for key in ("raw/a.json", "raw/a.json.bak", "raw/a"):
        assert raw.sources.resolve(raw.bucket, key).uri == raw.at(key)
    assert raw.sources.resolve(raw.bucket, "raw/a.js") is None
    assert raw.keys(raw.at("raw/a.json")) == ["raw/a.json", "raw/a.json/x"]


def test_more_versions_than_a_page_holds_are_all_there(aws, raw):
    stored = [raw.put("raw/a.json", b"") for _ in range(1_003)]
    for number in range(30):
        raw.put(f"raw/a.json.{number}", b"")
    found = raw.sources.find([raw.at("raw/a.json")])
    assert [source.tag for source in found] == stored
    aws.faults.forget_calls()
    assert raw.sources.resolve(raw.bucket, "raw/a.json").tag == stored[-1]
    assert [call.operation for call in aws.faults.calls()] == [*["ListObjectVersions"] * 2, "GetObject"]


def test_one_key_is_resolved_without_listing_all_that_begin_with_it(aws, raw):
    for number in range(2_100):
        raw.put(f"raw/a{number or ''}", b"")
    aws.faults.forget_calls()
    assert raw.sources.resolve(raw.bucket, "raw/a").uri == raw.at("raw/a")
    assert [call.operation for call in aws.faults.calls()] == ["ListObjectVersions", "GetObject"]


# --- what is found


def test_sources_come_oldest_first_and_each_once(raw):
    for key in ("raw/b.json", "raw/a.json", "raw/2024/c.json"):
        raw.put(key)
    found = raw.sources.find([raw.at("raw/"), raw.at("raw/a.json"), raw.at("raw/*.json")])
    assert len(found) == 3
    assert found == sorted(found, key=lambda source: (source.version, source.uri))


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("raw/2024", ["raw/2024/a.json", "raw/2024/b/c.csv"]),
        ("raw/2024/", ["raw/2024/a.json", "raw/2024/b/c.csv"]),
        ("raw/2024*", ["raw/2024/a.json", "raw/2024/b/c.csv", "raw/2024.json"]),
        ("raw/*.json", ["raw/2024.json", "raw/2024/a.json", "raw/o[1].json"]),
        ("raw/202?/a.json", ["raw/2024/a.json"]),
        ("raw/20[0-9]4/*.csv", ["raw/2024/b/c.csv"]),
        ("raw/o[1].json", ["raw/o[1].json"]),
        ("raw/2024/a.json", ["raw/2024/a.json"]),
        ("", ["other/x.json", "raw/2024.json", "raw/2024/a.json", "raw/2024/b/c.csv", "raw/o[1].json"]),
    ],
)
def test_objects_folders_and_patterns_are_named(raw, given, keys):
    for key in ("raw/2024/a.json", "raw/2024/b/c.csv", "raw/2024.json", "raw/o[1].json", "other/x.json"):
        raw.put(key)
    assert sorted(raw.keys(raw.at(given).removesuffix("/") if not given else raw.at(given))) == sorted(keys)


def test_hidden_and_unfinished_names_and_folders_are_no_sources(raw):
    for key in ("raw/.hidden", "raw/a.json.part", "raw/_SUCCESS", "raw/folder/", "raw/b.tmp", "raw/good.json"):
        raw.put(key)
    assert raw.keys() == ["raw/good.json"]


def test_what_lies_in_the_lake_is_never_a_source(raw):
    raw.put("lake/orders/data/x.parquet")
    raw.put("lakeside/a.json")
    raw.put("raw/a.json")
    assert sorted(raw.keys(raw.at("*"))) == ["lakeside/a.json", "raw/a.json"]
    for named in ("lake/orders/", "lake", "lake/"):
        with pytest.raises(ConfigError, match="is in the lake"):
            raw.sources.find([raw.at(named)])


def test_all_under_a_location_comes_one_at_a_time_and_nothing_is_no_error(raw):
    for key in ("raw/b.json", "raw/a.json", "raw/a.json", "other/c.json"):
        raw.put(key)
    found = raw.sources.each(raw.at("raw/"))
    assert next(found).location == raw.at("raw/a.json")
    assert [source.location for source in found] == [raw.at("raw/a.json"), raw.at("raw/b.json")]
    assert list(raw.sources.each(raw.at("none/"))) == []


@pytest.mark.parametrize(
    "key", ["raw/a b.json", "raw/a+b.json", "raw/a%20b.json", "raw/ü€😀.json", "raw/a&b=c?d#e.json"]
)
def test_odd_keys_are_found_resolved_and_read(raw, key, tmp_path):
    raw.put(key, key.encode())
    (source,) = raw.sources.find(())
    assert source.uri == source.location == raw.at(key)
    assert raw.sources.resolve(raw.bucket, key) == source
    assert raw.sources.file(source, tmp_path).read_bytes() == key.encode()


def test_nothing_under_raw_is_no_error_and_nothing_under_a_name_is_one(raw):
    assert raw.sources.find(()) == []
    with pytest.raises(NotFoundError, match="none under it"):
        raw.sources.find([raw.at("raw/2024/")])


def test_paths_of_this_machine_and_names_without_a_bucket_are_refused_with_what_to_say(raw, tmp_path):
    with pytest.raises(ConfigError, match="upload it to raw/"):
        raw.sources.find([tmp_path / "orders.json"])
    with pytest.raises(ConfigError, match="names no bucket"):
        raw.sources.find(["s3:///orders.json"])
    with pytest.raises(ConfigError, match="has it been deployed"):
        raw.sources.find(["s3://no-such-bucket-here/raw/"])


# --- buckets without versions


def test_without_versions_the_etag_tells_objects_apart(plain):
    plain.put("raw/a.json", b"1")
    (first,) = plain.sources.find(())
    assert first.tag.startswith('"')
    assert plain.sources.now(first) == first
    assert plain.sources.resolve(plain.bucket, "raw/a.json", "null") == first
    plain.put("raw/a.json", b"2")
    (second,) = plain.sources.find(())
    assert second.identity != first.identity
    assert plain.sources.now(first) == second
    plain.delete("raw/a.json")
    assert plain.sources.now(second) is None


@pytest.mark.parametrize("size", [5, 100], ids=["copied", "streamed"])
def test_an_object_without_versions_that_was_replaced_is_not_read_for_the_old_one(plain, tmp_path, monkeypatch, size):
    monkeypatch.setattr(objects, "_COPIED", 10)
    plain.put("raw/a.json", b"1" * size)
    (first,) = plain.sources.find(())
    plain.put("raw/a.json", b"2" * size)
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        plain.sources.file(first, tmp_path)


def test_a_stream_breaks_when_its_object_is_replaced(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "_COPIED", 10)
    plain.put("raw/a.json", b"1" * (1 << 20))
    (first,) = plain.sources.find(())
    with plain.sources.file(first, tmp_path).open() as file:
        assert file.read(10) == b"1" * 10
        plain.put("raw/a.json", b"2" * (1 << 20))
        file.seek(900_000)
        with pytest.raises(SourceChangedError):
            file.read(10)


# --- bytes


def test_each_version_has_its_own_bytes(raw, tmp_path):
    for number in range(3):
        raw.put("raw/a.json", b"%d" % number)
    files = [raw.sources.file(source, tmp_path / "work") for source in raw.sources.find(())]
    assert [file.read_bytes() for file in files] == [b"0", b"1", b"2"]
    assert {file.parent for file in files} == {tmp_path / "work"}


def test_a_pinned_version_is_read_though_its_key_is_deleted(raw, tmp_path):
    raw.put("raw/a.json", b"1")
    (source,) = raw.sources.find(())
    raw.delete("raw/a.json")
    assert raw.sources.now(source) == source
    assert raw.sources.file(source, tmp_path).read_bytes() == b"1"


@pytest.mark.parametrize("size", [5, 100], ids=["copied", "streamed"])
def test_a_version_that_is_gone_for_good_is_not_found(raw, tmp_path, monkeypatch, size):
    monkeypatch.setattr(objects, "_COPIED", 10)
    version = raw.put("raw/a.json", b"1" * size)
    (source,) = raw.sources.find(())
    raw.delete("raw/a.json", VersionId=version)
    with pytest.raises(NotFoundError):
        raw.sources.file(source, tmp_path)


def test_a_large_object_is_streamed_from_the_version_named(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "_COPIED", 10)
    raw.put("raw/a.json", b"0123456789A")
    raw.put("raw/a.json", b"a newer one of another length")
    file = raw.sources.file(raw.sources.find(())[0], tmp_path)
    assert isinstance(file, RemoteFile)
    assert file.size == 11
    for _ in range(2):
        with file.open("rb") as stream:
            assert stream.read() == b"0123456789A"
    assert list(tmp_path.iterdir()) == []


# --- identity


def test_the_identity_of_tagged_sources_is_told_by_the_tag_and_of_others_by_the_time():
    one = SourceObject("s3://b/k", "s3://b/k", 1, 5_000_000_000, "v1")
    assert one.identity == SourceObject("s3://b/k", "s3://b/k", 1, 5_000_000_003, "v1").identity
    assert one.identity != SourceObject("s3://b/k", "s3://b/k", 1, 5_000_000_000, "v2").identity
    assert one.identity != SourceObject("s3://b/k", "s3://b/k", 1, 6_000_000_000, "v1").identity
    local = SourceObject("raw/k", "/raw/k", 1, 5_000_000_000)
    assert local.identity != SourceObject("raw/k", "/raw/k", 1, 5_000_000_003).identity


# --- versions that stand for others


def rewrite(raw, source, data=b"[]"):
    """Store an object anew that stands for a version of it; give the version id of the new one."""
    bucket, key = raw.bucket, source.uri.removeprefix(raw.at(""))
    metadata = {rewritten.METADATA: rewritten.stands_for(source)}
    return raw.s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata=metadata).get("VersionId")


def write_down(raw, uri, versions=()):
    rewritten.write_down(raw.s3, raw.at("lake"), {uri: rewritten.Written(dict(versions))})


@pytest.mark.parametrize("is_told", [True, False])
def test_a_version_that_stands_for_another_is_that_source_however_it_is_found(raw, tmp_path, is_told):
    old = [raw.put("raw/a.json", b"{1}"), raw.put("raw/a.json", b"{2}")]
    before = raw.sources.find(())
    later = [rewrite(raw, source) for source in before]
    told = {new: rewritten.stands_for(source) for new, source in zip(later, before, strict=True)} if is_told else {}
    write_down(raw, before[0].uri, versions=told)
    assert raw.sources.find(()) == before
    assert [source.held for source in raw.sources.find(())] == later
    for versions in (old, later):
        assert [raw.sources.resolve(raw.bucket, "raw/a.json", each) for each in versions] == before
    assert raw.sources.resolve(raw.bucket, "raw/a.json") == before[1]
    assert raw.sources.version(before[0].uri, before[0].identity).held == later[0]
    for each in old:
        raw.delete("raw/a.json", VersionId=each)
    found = raw.sources.find(())
    assert found == before
    assert raw.sources.file(found[0], tmp_path).read_bytes() == b"[]"


def test_the_source_that_is_newest_is_what_a_key_holds_whenever_it_was_stored(raw):
    raw.put("raw/a.json", b"{1}")
    raw.put("raw/a.json", b"{2}")
    before = raw.sources.find(())
    rewrite(raw, before[0])
    write_down(raw, before[0].uri)
    assert raw.sources.find(()) == before
    assert raw.sources.resolve(raw.bucket, "raw/a.json") == before[1]


def test_of_two_that_stand_for_one_version_the_later_counts(raw):
    raw.put("raw/a.json")
    (source,) = raw.sources.find(())
    rewrite(raw, source)
    last = rewrite(raw, source)
    write_down(raw, source.uri)
    assert [each.held for each in raw.sources.find(())] == [last]


def test_a_listing_asks_no_object_for_its_metadata(aws, raw):
    for number in range(3):
        raw.put(f"raw/{number}.json")
    source = raw.sources.find(())[0]
    later = rewrite(raw, source)
    write_down(raw, source.uri, versions={later: rewritten.stands_for(source)})
    aws.faults.forget_calls()
    assert {each.identity for each in raw.sources.each(raw.at("raw/"))} == {
        each.identity for each in raw.sources.find(())
    }
    assert {call.operation for call in aws.faults.calls()} <= {"ListObjectVersions", "GetObject", "HeadObject"}
    aws.faults.forget_calls()
    list(raw.sources.each(raw.at("raw/")))
    assert {call.operation for call in aws.faults.calls()} == {"ListObjectVersions", "GetObject"}


def test_where_no_versions_are_kept_a_rewritten_object_is_the_same_source(plain, tmp_path):
    plain.put("raw/a.json", b"{1}")
    (source,) = plain.sources.find(())
    rewrite(plain, source)
    write_down(plain, source.uri)
    (found,) = plain.sources.find(())
    assert found == source
    assert plain.sources.file(found, tmp_path).read_bytes() == b"[]"
    plain.put("raw/a.json", b"{3}")
    assert plain.sources.find(())[0] != source
    with pytest.raises(SourceChangedError):
        plain.sources.file(found, tmp_path)


def test_when_an_object_was_deleted_is_told(raw):
    assert raw.sources.deletion(raw.at("raw/a.json")) is None
    raw.put("raw/a.json")
    raw.put("raw/a.json.b")
    raw.delete("raw/a.json.b")
    assert raw.sources.deletion(raw.at("raw/a.json")) is None
    raw.delete("raw/a.json")
    assert raw.sources.deletion(raw.at("raw/a.json"))[1]
    raw.put("raw/a.json")
    assert not raw.sources.deletion(raw.at("raw/a.json"))[1]

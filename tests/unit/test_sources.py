"""Which files a run is about: each once, under one name, whatever the way it was given."""

import os

import pytest

from orderlake import Lake
from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.source import SourceObject
from orderlake.sources import LocalSources, source_at, stream_of


@pytest.fixture
def project(tmp_path):
    lake = Lake.init(tmp_path / "shop", ["orders"])
    return lake.project


def touch(path, mtime=1_700_000_000_000_000_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[]")
    os.utime(path, ns=(mtime, mtime))
    return path


def uris(project, *given):
    return [source.uri for source in LocalSources(project).find(given)]


def test_without_names_it_is_all_under_raw_in_any_depth(project):
    for name in ("b.json", "a.json", "2024/01/c.json"):
        touch(project.raw / name)
    touch(project.root / "elsewhere.json")
    assert uris(project) == ["raw/2024/01/c.json", "raw/a.json", "raw/b.json"]


def test_an_empty_or_missing_raw_folder_has_nothing(project):
    assert uris(project) == []
    project.raw.rmdir()
    assert uris(project) == []


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.json",
        ".part-1/a.json",
        "a.json.tmp",
        "a.json.PART",
        "a.crdownload",
        "a.partial",
        ".a.json.swp",
        "a.json~",
    ],
)
def test_hidden_and_unfinished_files_are_left_alone(project, name):
    touch(project.raw / name)
    assert uris(project) == []


def test_an_unfinished_file_can_still_be_named(project):
    assert uris(project, touch(project.raw / "a.json.tmp")) == ["raw/a.json.tmp"]


def test_they_come_oldest_first_then_by_name(project):
    for name, mtime in (("a", 3), ("c", 1), ("b", 1), ("d", 2)):
        touch(project.raw / f"{name}.json", mtime)
    assert uris(project) == ["raw/b.json", "raw/c.json", "raw/d.json", "raw/a.json"]


def test_files_folders_and_patterns_overlap_without_doubling(project):
    for name in ("a.json", "sub/b.json", "sub/deep/c.json"):
        touch(project.raw / name)
    raw = project.raw
    assert uris(project, raw, raw / "a.json", raw / "sub", f"{raw}/**/*.json", f"{raw}/*.json") == uris(project)
    assert uris(project, f"{raw}/**/c.*") == ["raw/sub/deep/c.json"]
    assert uris(project, str(raw / "sub") + "/") == ["raw/sub/b.json", "raw/sub/deep/c.json"]


def test_a_file_whose_name_looks_like_a_pattern_is_itself(project):
    touch(project.raw / "a[1].json")
    touch(project.raw / "a1.json")
    assert uris(project, project.raw / "a[1].json") == ["raw/a[1].json"]


def test_a_pattern_that_matches_only_folders_gives_no_file(project):
    (project.raw / "sub").mkdir()
    assert uris(project, f"{project.raw}/s*b") == []


@pytest.mark.parametrize(
    ("given", "says"), [("nowhere.json", "no file or folder"), ("no*where.json", "no file matches")]
)
def test_what_is_not_there_is_an_error(project, given, says):
    with pytest.raises(NotFoundError, match=says):
        LocalSources(project).find([project.raw / given])


def test_a_path_is_the_same_file_from_wherever_it_is_named(project, monkeypatch, tmp_path):
    path = touch(project.raw / "a.json")
    monkeypatch.chdir(project.raw)
    (tmp_path / "link").symlink_to(project.root)
    ways = ["a.json", "../raw/./a.json", str(path), tmp_path / "link" / "raw" / "a.json"]
    assert {uris(project, way)[0] for way in ways} == {"raw/a.json"}
    assert len({LocalSources(project).find([way])[0].identity for way in ways}) == 1


def test_a_file_outside_the_project_has_its_full_path(project, tmp_path):
    path = touch(tmp_path / "outside" / "orders.json")
    assert uris(project, path) == [path.as_posix()]


def test_a_source_has_the_size_and_the_time_to_the_nanosecond(project):
    path = touch(project.raw / "a.json", 1_700_000_000_123_456_789)
    assert source_at(project, path) == SourceObject("raw/a.json", str(path), 2, 1_700_000_000_123_456_789)
    assert source_at(project, path.with_name("gone.json")) is None


def test_the_identity_is_that_of_the_version_and_not_of_the_place():
    first = SourceObject("raw/a.json", "/here/raw/a.json", 2, 5)
    assert first.identity == SourceObject("raw/a.json", "/there/raw/a.json", 2, 5).identity
    others = [
        SourceObject("raw/b.json", "", 2, 5),
        SourceObject("raw/a.json", "", 3, 5),
        SourceObject("raw/a.json", "", 2, 6),
    ]
    assert len({first.identity, *(other.identity for other in others)}) == 4


def test_a_name_that_fits_nothing_goes_to_the_only_stream_there_is(project):
    lake = Lake(project.root)
    pipeline, stream = stream_of(lake.pipelines, SourceObject("raw/x.dat", "", 1, 1), None)
    assert (pipeline.name, stream.name) == ("orders", "orders")


def test_without_pipelines_or_with_an_unknown_one_the_error_says_so(project):
    source = SourceObject("raw/orders.json", "", 1, 1)
    with pytest.raises(ConfigError, match="no pipeline"):
        stream_of((), source, None)
    with pytest.raises(ConfigError, match="no pipeline 'nope'"):
        stream_of(Lake(project.root).pipelines, source, "nope")

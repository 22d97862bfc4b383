"""Locations and paths are two spellings of one place."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.errors import StorageUnavailableError
from orderlake.storage.local import LocalStore, location_of

STORE = LocalStore()
segments = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1).filter(
        lambda s: s not in (".", "..")
    ),
    min_size=1,
    max_size=4,
)


@given(segments)
def test_every_path_comes_back_from_its_location(parts):
    path = "/" + "/".join(parts)
    assert STORE.engine_path(location_of(Path(path))) == path


@pytest.mark.parametrize("path", ["/a/b", "/a b/ü%20?#", "/a:b"])
def test_a_plain_path_is_its_own_location(path):
    assert STORE.engine_path(path) == path


def test_a_write_leaves_no_part_behind(tmp_path):
    STORE.write(location_of(tmp_path / "a"), b"1")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_part_of_a_write_that_died_is_never_listed(tmp_path):
    (tmp_path / ".part-0123").write_bytes(b"half")
    assert list(STORE.list(str(tmp_path))) == []


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_links_creates_all_the_same(tmp_path, monkeypatch, taken):
    def refused(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    store, location = LocalStore(), location_of(tmp_path / "a")
    if taken:
        store.write(location, b"another")
    monkeypatch.setattr("os.link", refused)
    if taken:
        with pytest.raises(StorageUnavailableError, match="another file"):
            store.create(location, b"new")
    else:
        store.create(location, b"new")
    assert store.read(location) == (b"another" if taken else b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]

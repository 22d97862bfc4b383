"""Folders tell when they may have got, lost or replaced a file, and when they cannot tell yet."""

import os

from orderlake.storage.touched import touched


def later():
    return float("inf")


def aged(folder, seconds=100):
    then = folder.stat().st_mtime - seconds
    os.utime(folder, (then, then))


def test_a_value_stays_while_no_file_comes_goes_or_is_replaced(tmp_path):
    (tmp_path / "a").touch()
    seen = [touched([tmp_path], later)]
    assert touched([tmp_path], later) == seen[0]
    for change in (
        (tmp_path / "b").touch,
        lambda: (tmp_path / "b").replace(tmp_path / "a"),
        (tmp_path / "a").unlink,
    ):
        aged(tmp_path)
        before = touched([tmp_path], later)
        change()
        assert touched([tmp_path], later) != before


def test_a_folder_that_was_changed_just_now_tells_nothing(tmp_path):
    assert touched([tmp_path]) is None
    aged(tmp_path)
    assert touched([tmp_path]) is not None


def test_a_folder_that_comes_later_is_a_change(tmp_path):
    before = touched([tmp_path / "new"], later)
    (tmp_path / "new").mkdir()
    assert touched([tmp_path / "new"], later) != before

"""What became of each version of a record, told by the order of loads and of versions."""

from __future__ import annotations

import itertools

import pytest

from orderlake.explain.versions import Version, pattern_of, settled


def version(load, source, rank, content):
    return Version(source, 1, 1, rank, rank, load, f"2024-01-0{load}", content)


def fates(*versions):
    return {one.source: (one.fate, one.by.removeprefix("record 1 of ")) for one in settled(versions)}


def test_a_newer_version_replaces_what_stood_and_an_older_one_that_comes_late_is_superseded():
    found = fates(version("1", "a", 1, 10), version("2", "c", 3, 30), version("3", "b", 2, 20))
    assert found == {"a": ("replaced", "c"), "c": ("stands", ""), "b": ("superseded", "c")}


def test_equal_content_is_a_duplicate_and_what_came_first_stands():
    found = fates(version("1", "a", 1, 10), version("2", "b", 2, 10), version("3", "c", 2, 20))
    assert found["b"] == ("duplicate", "a")
    assert found["a"] == ("replaced", "c")  # c is as new as the duplicate, and comes after it by name


def test_what_an_equal_newer_version_outdid_stays_outdone():
    found = fates(version("1", "a", 1, 10), version("2", "c", 3, 10), version("3", "b", 2, 20))
    assert found == {"a": ("stands", ""), "c": ("duplicate", "a"), "b": ("superseded", "c")}


def test_within_a_load_only_the_newest_counts():
    found = fates(version("1", "a", 1, 10), version("1", "b", 2, 20), version("1", "c", 3, 20))
    assert found == {"a": ("superseded", "c"), "b": ("duplicate", "c"), "c": ("stands", "")}


def test_whatever_the_order_they_are_found_in_the_fates_are_the_same():
    versions = [version("1", "a", 1, 10), version("2", "c", 3, 30), version("3", "b", 2, 20), version("3", "d", 2, 30)]
    expected = fates(*versions)
    assert all(fates(*some) == expected for some in itertools.permutations(versions))


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("17", b'{"id": 17}', True),
        ("17", b'{"id": 117}', False),
        ("17", b'{"id": "A-17"}', True),
        ("7", b"007,a,b", True),
        ("Ü1", '{"id": "Ü1"}'.encode(), True),
        ("Ü1", b'{"id": "\\u00dc1"}', True),
        ("a.b", b'{"id": "axb"}', False),
    ],
)
def test_a_value_is_found_as_it_is_written_and_not_within_a_longer_one(value, text, found):
    assert bool(pattern_of(value).search(text)) is found

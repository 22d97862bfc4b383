"""Aligned columns: cut only for a terminal, wide characters counted as wide."""

import pytest

from orderlake.cli.grid import grid, shortened
from orderlake.values import counted, csv_row, json_lines, json_text, plain, size_text


def test_nothing_is_cut_without_a_terminal():
    lines = list(grid(["a"], [["x" * 500]], set(), None))
    assert lines[2] == "x" * 500


@pytest.mark.parametrize("width", [30, 40, 79])
def test_lines_fit_the_terminal(width):
    lines = list(grid(["id", "text", "more"], [["1", "y" * 100, "z" * 50], ["2", "y", "z"]], {"id"}, width))
    assert max(map(len, lines)) <= width
    assert lines[2].startswith(" 1  yyy")
    assert "…" in lines[2]


def test_no_column_is_cut_beyond_reading():
    lines = list(grid([f"column_{n}" for n in range(20)], [["value-of-a-column"] * 20], set(), 40))
    assert lines[2].split() == ["value-of-a-…"] * 20


def test_numbers_and_dates_are_never_cut():
    row = ["2024-01-05", "12345678901234567890.50", "text " * 20]
    lines = list(grid(["day", "amount", "text"], [row], {"amount"}, 20))
    assert lines[2] == "2024-01-05  12345678901234567890.50  text text t…"


def test_wide_characters_take_two_places():
    lines = list(grid(["name", "n"], [["日本", "1"], ["ab", "2"]], {"n"}, None))
    assert lines[2:] == ["日本  1", "ab    2"]


def test_a_short_form_is_on_one_line():
    assert shortened("ab\ncd" * 20, 8) == "ab\\ncda…"


def test_small_words_for_numbers():
    assert size_text(10**15) == "1000.0 TB"
    assert size_text(999_999) == "1.0 MB"
    assert counted(0, "row") == "0 rows"


def test_values_json_has_no_word_for_become_text():
    assert plain(float("inf")) == "inf"
    assert json_text(float("inf")) == "null"
    assert json_text(b"\x01") == '"01"'
    assert list(json_lines([])) == ["[]"]
    assert csv_row([" padded ", "two\nlines"]) == '" padded ","two\nlines"'

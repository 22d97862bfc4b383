"""A large CSV file is cut between rows, on a guess that reading proves, and gives the same as it gives uncut."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake.kernel import split
from tests.unit.kernel.staging import ROWS, stage_one, stream_of

COLUMNS = ("id", "day", "amount", "note")
HEADER = "id,day,amount,note\n"
SIZES = {"SMALL": 100, "SHARE": 300, "PIECE": 120}


@contextmanager
def small(rows: int = 10) -> Iterator[None]:
    """Shares of some hundred bytes; a border is what so many rows follow."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SIZES.items():
            patch.setattr(split, name, size)
        patch.setattr(split, "_ROWS", rows)
        yield


def found(text: str, workers: int = 3, rows: int = 10, header: str = HEADER):
    """What a text gives cut and uncut: its rows by number, and its bad records; and how many shares it was cut into."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, cut in (("cut", True), ("uncut", False)):
            with small(rows) if cut else pytest.MonkeyPatch.context():
                staged = stage_one(Path(folder) / name, header + text, stream_of(ROWS), workers)
            values = sorted((row["#n"], *staged_values(row)) for row in staged.rows)
            results.append((values, staged.bad, len(staged.load.segments)))
    return results


def staged_values(row):
    return [str(row[key]) for key in sorted(row) if key != "#n" and not key.startswith("_")]


def same(text: str, **how) -> int:
    """Both give the same; how many shares there were."""
    (cut, bad, count), (uncut, uncut_bad, _) = found(text, **how)
    assert cut == uncut
    assert bad == uncut_bad
    return int(count)


def row(number, note="x"):
    return f"{number},2024-01-05,{number}.50,{note}\n"


def test_rows_are_cut_into_shares_and_keep_their_numbers():
    assert same("".join(row(number) for number in range(1, 200))) > 3


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines_are_understood(end):
    text = "".join(row(number) for number in range(1, 200)).replace("\n", end)
    assert (same(text, header=HEADER.replace("\n", end)) > 3) == (end == "\r\n")


def test_a_bad_value_costs_its_piece_a_second_look_and_keeps_its_line():
    rows = [row(number) for number in range(1, 200)]
    rows[150] = "A-17,2024-01-05,1,x\n"
    (cut, bad, count), _ = found("".join(rows))
    assert count > 3
    assert len(cut) == 198
    assert bad == [(151, 152, "id", "is not a whole number of 64 bits")]
    assert same("".join(rows)) == count


def test_lines_within_quotes_are_no_borders():
    fake = "".join(f"{number},2024-01-05,1.50,fake\n" for number in range(900, 904))
    rows = [row(number, f'"{fake}"' if number % 3 else "x") for number in range(1, 60)]
    assert same("".join(rows)) > 1
    same("".join(rows), rows=1)  # now nearly every guess is wrong, and the file is read uncut


def test_a_quote_that_is_never_closed_is_found_where_it_is_without_a_cut():
    rows = [row(number) for number in range(1, 100)]
    rows[40] = '41,2024-01-05,1.50,"never closed\n'
    same("".join(rows))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.sampled_from(
            ["x", '"a\nb"', '"7,2024-01-05,1.50,x\n8,2024-01-05,1.50,y"', '"say ""hi"""', '5" pipe', '"', ""]
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.sampled_from([1, 2, 10]),
)
def test_whatever_rows_hold_a_cut_file_gives_what_it_gives_uncut(seed, notes, rows):
    draw = random.Random(seed)
    lines = [row(number, draw.choice([*["x"] * 4, *notes])) for number in range(1, draw.randrange(20, 80))]
    for _ in range(draw.randrange(3)):
        lines.insert(draw.randrange(len(lines)), draw.choice(["\n", ",,,\n", "A-17,2024-01-05,1,x\n", "1,2\n"]))
    same("".join(lines), workers=draw.choice([1, 2, 3]), rows=rows)

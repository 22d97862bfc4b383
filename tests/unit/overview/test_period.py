"""Periods: counted back from the newest order, compared with as many days before, in steps that fit."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.errors import ConfigError
from orderlake.overview import CHOICES, Period, chosen

BOUNDS = (date(2023, 2, 3), date(2025, 3, 10))


@pytest.mark.parametrize(
    ("choice", "first", "days"),
    [
        ("7d", date(2025, 3, 4), 7),
        ("30d", date(2025, 2, 9), 30),
        ("90d", date(2024, 12, 11), 90),
        ("12m", date(2024, 3, 11), 365),
        ("year", date(2025, 1, 1), 69),
        ("all", date(2023, 2, 3), 767),
    ],
)
def test_a_choice_ends_with_the_newest_order(choice, first, days):
    period = chosen(choice, BOUNDS)
    assert (period.first, period.last, period.days) == (first, date(2025, 3, 10), days)


def test_twelve_months_back_from_a_leap_day_begin_in_march():
    assert chosen("12m", (BOUNDS[0], date(2024, 2, 29))).first == date(2023, 3, 1)


def test_own_days_may_leave_an_end_open():
    assert chosen("custom", BOUNDS, "2024-01-01") == Period(date(2024, 1, 1), BOUNDS[1])
    assert chosen("custom", BOUNDS, "", "2024-01-01") == Period(BOUNDS[0], date(2024, 1, 1))


@pytest.mark.parametrize(
    ("choice", "start", "end", "said"),
    [
        ("decade", "", "", "there is no period 'decade': choose one of 7d"),
        ("custom", "tomorrow", "", "'tomorrow' is no day: write it as 2025-03-31"),
        ("custom", "2025-02-02", "2025-02-01", "ends before it begins"),
    ],
)
def test_a_wrong_choice_is_told(choice, start, end, said):
    with pytest.raises(ConfigError, match=said):
        chosen(choice, BOUNDS, start, end)


def test_the_period_before_is_as_long_and_touches():
    before = Period(date(2025, 3, 1), date(2025, 3, 31)).before
    assert before == Period(date(2025, 1, 29), date(2025, 2, 28))
    assert chosen("all", BOUNDS).before is None
    assert Period(date.min, date(1, 1, 5)).before is None


@given(st.dates(), st.integers(0, 4000))
def test_steps_are_in_order_within_the_period_and_leave_out_less_than_a_week(last, length):
    first = date.fromordinal(max(1, last.toordinal() - length))
    period = Period(first, last)
    buckets = period.buckets()
    assert buckets[-1].last == last
    for one, after in pairwise(buckets):
        assert one.last + timedelta(1) == after.first
    left_out = (buckets[0].first - first).days
    assert 0 <= left_out < (7 if period.step == "week" else 1)
    assert len(buckets) <= 123
    assert period.step in {"day", "week", "month", "year"}


def test_months_say_whether_they_are_whole():
    buckets = Period(date(2023, 1, 15), date(2024, 6, 30)).buckets()
    assert [bucket.whole for bucket in buckets] == [False] + [True] * 17


def test_every_choice_is_a_period_of_any_shop():
    for choice in CHOICES:
        assert chosen(choice, (date(2025, 1, 1), date(2025, 1, 1))).last == date(2025, 1, 1)

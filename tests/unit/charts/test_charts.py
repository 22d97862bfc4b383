"""Charts: what they draw is well formed, finite, escaped, and says what it shows."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.charts import (
    Chart,
    Series,
    bar_chart,
    data_table,
    exact,
    figure,
    line_chart,
    share_bar,
    short,
    sparkline,
    stacked_chart,
)
from orderlake.charts.chart import thinned
from orderlake.charts.scale import label_ticks, places, scale_of

EXPECTED = Path(__file__).parent / "expected"
DRAWERS: dict[str, Callable[[Chart], str]] = {
    "line": line_chart,
    "bar": bar_chart,
    "upright": lambda chart: bar_chart(chart, lying=False),
    "lying": lambda chart: bar_chart(chart, lying=True),
    "stacked": stacked_chart,
    "areas": lambda chart: stacked_chart(chart, areas=True),
    "share": share_bar,
}
GOLDEN = ("line", "upright", "lying", "stacked", "share")
MONEY = Chart.of_rows(
    "Sales by category",
    [("Toys", Decimal("120.50")), ("Books & more", Decimal("80.00")), ("Fashion", Decimal("-12.25"))],
    ["Sales"],
    "money",
    "Category",
)
YEAR = [date(2025, 1, 1) + timedelta(days=at) for at in range(365)]
numbers = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.decimals(-(10**9), 10**9, places=2),
)
labels = st.one_of(
    st.lists(st.text(max_size=30), min_size=0, max_size=12),
    st.lists(st.dates(), min_size=0, max_size=12, unique=True).map(sorted),
    st.lists(st.datetimes(), min_size=0, max_size=12, unique=True).map(sorted),
)


@st.composite
def charts(draw):
    names = draw(labels)
    series = draw(st.lists(st.lists(numbers, min_size=len(names), max_size=len(names)), min_size=1, max_size=3))
    return Chart(
        draw(st.text(max_size=20)),
        tuple(names),
        tuple(Series(draw(st.text(max_size=10)), tuple(values)) for values in series),
        draw(st.sampled_from(["count", "money", "percent", "days"])),
    )


def size(element, name):
    """An attribute as a number, without its percent sign."""
    return float((element.get(name) or "").rstrip("%"))


def texts(markup):
    return "".join(ET.fromstring(markup).itertext())


@pytest.mark.parametrize("kind", DRAWERS)
@given(charts())
def test_any_chart_is_well_formed_and_has_finite_coordinates_only(kind, chart):
    drawn = DRAWERS[kind](chart)
    root = ET.fromstring(drawn)
    assert root.get("role") == "img"
    assert root.find("title") is not None
    for element in root.iter():
        assert "style" not in element.attrib
        for name in ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy"):
            value = element.get(name, "0")
            assert re.fullmatch(r"[-0-9.MLZ %]*", value), (name, value)
        for name in ("width", "height"):
            assert not element.get(name, "").startswith("-"), (name, element.attrib)


@given(charts())
def test_any_figure_and_its_table_are_well_formed(chart):
    whole = ET.fromstring(figure(chart, line_chart(chart), "a note"))
    assert whole.get("class") == "chart"
    assert len(ET.fromstring(data_table(chart)).findall(".//tbody/tr")) == len(chart.labels)


@given(st.lists(numbers, max_size=200))
def test_any_sparkline_is_well_formed_or_nothing(values):
    drawn = sparkline("Revenue", values)
    known = Chart("x", ("a",) * len(values), (Series("x", tuple(values)),)).known
    assert (drawn == "") == (len(known) < 2)
    if drawn:
        ET.fromstring(drawn)


@pytest.mark.parametrize("kind", DRAWERS)
def test_what_the_data_says_is_never_markup(kind):
    nasty = '<script>alert("x")</script>&\x00'
    chart = Chart(nasty, (nasty, "b"), (Series(nasty, (1, 2)), Series("other", (2, 1))))
    markup = figure(chart, DRAWERS[kind](chart), nasty)
    assert "<script" not in markup
    assert '<script>alert("x")</script>&\N{REPLACEMENT CHARACTER}' in texts(markup)


@pytest.mark.parametrize("kind", DRAWERS)
def test_a_chart_without_data_says_so(kind):
    for chart in (Chart("Sales", (), (Series("Sales", ()),)), Chart("Sales", ("a",), (Series("Sales", (None,)),))):
        assert "No data" in texts(DRAWERS[kind](chart))


@pytest.mark.parametrize("kind", ["line", "upright", "lying", "stacked", "areas", "share"])
def test_one_point_is_shown(kind):
    chart = Chart("Sales", (date(2025, 3, 1),), (Series("Sales", (5,)),))
    drawn = ET.fromstring(DRAWERS[kind](chart))
    assert [one for one in drawn.iter() if one.tag in {"circle", "rect"} and "series-1" in one.get("class", "")]


def test_the_series_must_fit_the_labels():
    with pytest.raises(ValueError, match="Sales has 1 values for 2 labels"):
        Chart("Sales", ("a", "b"), (Series("Sales", (1,)),))


def test_a_chart_says_its_highest_lowest_and_total_to_those_who_cannot_see_it():
    said = ET.fromstring(bar_chart(MONEY)).findtext("desc")
    assert said == "Sales: highest 120.50 (Toys), lowest -12.25 (Fashion), total 188.25."


def test_a_course_of_zeros_lies_at_the_foot():
    lines = [one.get("d") for one in ET.fromstring(sparkline("Orders", [0, 0])).iter("path")]
    assert lines[-1] == "M0 31L1000 31"


def test_what_does_not_add_up_has_no_total():
    series = Series("Revenue per order", (Decimal(10), Decimal(30)), adds=False)
    chart = Chart("Average basket", ("a", "b"), (series,), "money")
    assert "total" not in texts(line_chart(chart)) + texts(line_chart(chart.part([0, 1])))
    assert "total" not in texts(sparkline("Average basket", series.values, "money", adds=False))
    assert "total 40.00" in texts(sparkline("Revenue", series.values, "money"))


def test_a_total_of_decimals_is_exact():
    chart = Chart("x", tuple("abc"), (Series("x", (Decimal("0.1"), Decimal("0.2"), Decimal("0.3"))),), "money")
    assert "total 0.60" in texts(line_chart(chart))
    huge = Chart("x", tuple("ab"), (Series("x", (Decimal("90071992547409.93"), Decimal("0.01"))),), "money")
    assert "total 90,071,992,547,409.94" in texts(line_chart(huge))


def test_bars_begin_at_zero_and_those_below_it_hang_down():
    drawn = ET.fromstring(bar_chart(MONEY, lying=False))
    zero = next(size(line, "y1") for line in drawn.iter("line") if line.get("class") == "zero")
    bars = [rect for rect in drawn.iter("rect") if "bar" in rect.get("class", "")]
    up, _, down = [(size(bar, "y"), size(bar, "height")) for bar in bars]
    assert up[0] + up[1] == pytest.approx(zero, abs=0.02)
    assert down[0] == pytest.approx(zero, abs=0.02)
    assert up[1] / down[1] == pytest.approx(120.50 / 12.25, rel=0.02)


def test_a_gap_parts_a_line_and_is_not_zero():
    chart = Chart("x", tuple(YEAR[:5]), (Series("x", (1, 2, None, 3, 4)), Series("y", (None, None, 5, None, None))))
    drawn = ET.fromstring(line_chart(chart))
    assert len([one for one in drawn.iter("path") if one.get("class") == "line series-1"]) == 2
    assert len([one for one in drawn.iter("circle") if one.get("class") == "dot series-2"]) == 1
    assert "–" in data_table(chart)


def test_a_year_of_days_keeps_its_peak_when_points_are_thinned():
    days = [date(2020, 1, 1) + timedelta(days=at) for at in range(4000)]
    values = [10 + at % 7 for at in range(4000)]
    values[1234] = 999
    chart = Chart("x", tuple(days), (Series("x", tuple(values)),))
    shown = thinned(chart, 400)
    assert len(shown.labels) <= 402
    assert days[1234] in shown.labels
    assert (shown.labels[0], shown.labels[-1]) == (days[0], days[-1])
    assert len(line_chart(chart)) < 200_000


def test_bars_are_upright_over_dates_and_lie_under_long_names():
    assert 'class="chart-bar"' in bar_chart(Chart("x", tuple(YEAR[:30]), (Series("x", (1,) * 30),)))
    assert 'class="chart-bar"' in bar_chart(Chart("x", ("a", "b"), (Series("x", (1, 2)),)))
    assert 'class="chart-lying"' in bar_chart(Chart("x", ("A rather long name", "b"), (Series("x", (1, 2)),)))
    assert 'class="chart-line"' in bar_chart(Chart("x", tuple(YEAR), (Series("x", (1,) * 365),)))


def test_of_many_categories_the_first_are_drawn_and_the_rest_is_counted():
    chart = Chart("x", tuple(f"name {at}" for at in range(50)), (Series("x", tuple(range(50))),))
    assert "and 20 more, in the table" in texts(bar_chart(chart))
    assert "name 49" in data_table(chart)


def test_shares_add_up_and_beyond_eight_there_is_a_rest():
    chart = Chart("x", tuple(f"c{at}" for at in range(20)), (Series("x", (10,) * 20),))
    drawn = ET.fromstring(share_bar(chart))
    bars = [one for one in drawn.iter("rect") if one.get("y") == "0"]
    assert sum(size(bar, "width") for bar in bars) == pytest.approx(100, abs=0.1)
    assert "13 others" in texts(share_bar(chart))


def test_ticks_are_one_two_or_five_steps_and_hold_all_values():
    for top in (1, 3, 7, 12, 99, 101, 12_345, 0.07, 1e-9, 1e300):
        scale = scale_of([top], 100)
        step = scale.ticks[1] - scale.ticks[0]
        assert re.match(r"[125]\.0*e", f"{step:.3e}"), (top, step)
        assert scale.high >= top
        assert 2 <= len(scale.ticks) <= 8
        assert 0 <= scale.at(top) <= scale.at(0) == 100
    assert scale_of([2], 100, whole=True).ticks == (0.0, 1.0, 2.0)
    assert scale_of([-3, 5], 100).low <= -3


def test_a_year_is_labelled_by_months_and_a_week_by_days():
    year = label_ticks(YEAR, [at / 364 for at in range(365)])
    assert [tick.text for tick in year] == ["Jan 2025", "Mar", "May", "Jul", "Sep", "Nov"]
    week = label_ticks(YEAR[:7], [at / 6 for at in range(7)])
    assert [tick.text for tick in week] == [f"{day} Jan" for day in range(1, 8)]
    assert [tick.minor for tick in week] == [False, True, False, True, False, True, False]
    assert (week[0].anchor, week[1].anchor, week[-1].anchor) == ("start", "middle", "end")
    decade = [date(2015 + at, 1, 1) for at in range(10)]
    assert [tick.text for tick in label_ticks(decade, [at / 9 for at in range(10)])][:2] == ["2015", "2017"]


def test_dates_stand_by_their_time():
    chart = Chart("x", (date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 11)), (Series("x", (1, 2, 3)),))
    assert places(chart, slots=False) == [0.0, 0.1, 1.0]
    times = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 12, 48)]
    hours = Chart("x", tuple(times), (Series("x", (1,) * 3),))
    assert places(hours, slots=False) == [0.0, 0.25, 1.0]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1_000_000, "count", "1M"),
        (999_999, "count", "1M"),
        (999.5, "count", "1k"),
        (-1_500, "money", "-1.5k"),
        (12.5, "percent", "12.5%"),
        (float("nan"), "count", "–"),
        (2_500_000_000, "count", "2.5bn"),
    ],
)
def test_numbers_are_short_on_an_axis(value, unit, said):
    assert short(value, unit) == said


def test_numbers_are_exact_in_tables():
    assert exact(Decimal("12345678901234567.89"), "money") == "12,345,678,901,234,567.89"
    assert exact(Decimal("2.500")) == "2.5"
    assert exact(10**15) == "1,000,000,000,000,000"


def test_the_past_is_drawn_faintly_and_leaves_the_present_filled():
    chart = Chart("x", tuple(YEAR[:3]), (Series("now", (1, 2, 3)), Series("before", (2, 2, 2), past=True)))
    classes = [one.get("class") for one in ET.fromstring(line_chart(chart)).iter("path")]
    assert classes == ["area series-1", "line series-1", "line past"]


def golden(name):
    if name in {"lying", "share", "upright"}:
        chart = MONEY
    else:
        series = (Series("first", (3, None, 8, 5, 4)), Series("repeat", (0, 1, 2, 3, 4)))
        chart = Chart("Orders by day", tuple(YEAR[58:63]), series, "count", "Day")
    return figure(chart, DRAWERS[name](chart), "A note.").replace("><", ">\n<") + "\n"


@pytest.mark.parametrize("name", GOLDEN)
def test_drawings_are_to_the_letter_what_they_were(name):
    """`python -m tests.unit.charts.test_charts` writes them anew; then look at them."""
    assert golden(name) == (EXPECTED / f"{name}.html").read_text("utf-8")


def test_nothing_that_answers_a_pointer_sticks_out():
    chart = Chart("x", tuple(YEAR[:2]), (Series("x", (1, 2)),))
    for target in ET.fromstring(line_chart(chart)).iter("rect"):
        left, width = size(target, "x"), size(target, "width")
        assert left >= 0
        assert left + width <= 100


@pytest.mark.parametrize("module", ["bar", "chart", "line", "scale", "svg", "words"])
def test_the_examples_in_the_modules_are_true(module):
    failed, _ = doctest.testmod(import_module(f"orderlake.charts.{module}"))
    assert failed == 0


if __name__ == "__main__":
    for each in GOLDEN:
        (EXPECTED / f"{each}.html").write_text(golden(each), "utf-8")

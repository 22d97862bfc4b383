"""The figures of a shop as cards and charts: for the page Overview, and for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from orderlake.charts import (
    Chart,
    Series,
    bar_chart,
    exact,
    figure,
    line_chart,
    share_bar,
    sparkline,
    stacked_chart,
)
from orderlake.errors import NotFoundError
from orderlake.overview import Delivery, Figures, Kept, Measure, Period, Ranked, Shop

_STEPS: Final = {"day": "Day", "week": "Week from", "month": "Month from", "year": "Year from"}
_TALL: Final = 260


@dataclass(frozen=True, slots=True)
class Card:
    """A figure in short; `kind` is good, bad, or nothing, and is the change's."""

    label: str
    value: str
    change: str
    kind: str
    before: str
    spark: Markup


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What a page shows of a shop: cards, one wide chart, and charts side by side; `delivery` likewise, or empty."""

    title: str
    span: str
    before: str
    cards: tuple[Card, ...]
    wide: Markup
    pairs: tuple[Markup, ...]
    delivery: tuple[Markup, ...]
    definitions: tuple[tuple[str, str], ...]
    empty: bool


def dashboard(shop: Shop, kept: Kept, figures: Figures) -> Dashboard:
    """The dashboard of a shop's figures. `kept` is what they were counted from."""
    delivery = figures.delivery
    cards = [_card(measure) for measure in figures.measures]
    pairs = [_orders(figures), _basket(figures)]
    pairs += _ranking(shop, figures.categories, "category") + _ranking(shop, figures.products, "product")
    return Dashboard(
        shop.title,
        span_text(figures.period),
        "" if figures.measures[0].before is None or figures.period.before is None else span_text(figures.period.before),
        tuple(cards),
        _revenue(shop, figures),
        tuple(pairs),
        () if delivery is None else (_punctuality(delivery), _late(figures, delivery), _places(delivery)),
        _definitions(shop, kept, figures),
        figures.measure("Orders").value == 0,
    )


def named_shop(shops: Sequence[Shop], name: str) -> Shop | None:
    """The shop of that name, or the first one; NotFoundError tells which there are."""
    if not name:
        return shops[0] if shops else None
    for shop in shops:
        if shop.name == name:
            return shop
    known = ", ".join(shop.name for shop in shops) or "none: no pipeline of this project has orders"
    raise NotFoundError(f"there is no shop {name!r} in this lake; there are {known}")


def span_text(period: Period) -> str:
    """A period for people."""
    return f"{_day(period.first)} – {_day(period.last)}"


def _card(measure: Measure) -> Card:
    change, kind = measure.change, ""
    if change is not None and change != 0 and measure.better:
        kind = "good" if (change > 0) == (measure.better == "more") else "bad"
    arrow = "" if change is None else "▲ " if change > 0 else "▼ " if change < 0 else ""
    return Card(
        measure.name,
        exact(measure.value, measure.unit),
        "" if change is None else f"{arrow}{abs(change):,}%",
        kind,
        "" if measure.before is None else exact(measure.before, measure.unit),
        Markup(sparkline(f"{measure.name} over time", measure.course, measure.unit, adds=measure.adds)),  # noqa: S704 - escaped in charts
    )


def _revenue(shop: Shop, figures: Figures) -> Markup:
    series = [Series("Revenue", figures.measure("Revenue").course)]
    if figures.revenue_before is not None:
        series.append(Series(f"{figures.period.days:,} days before", figures.revenue_before, past=True))
    chart = _over_time(f"Revenue by {figures.period.step}", figures, series, "money")
    return _figure(chart, line_chart(chart, _TALL), shop.facts["orders"].revenue)


def _orders(figures: Figures) -> Markup:
    series = [Series("New customers’ first orders", figures.firsts), Series("Returning customers", figures.repeats)]
    chart = _over_time(f"Orders by {figures.period.step}", figures, series, "count")
    note = "A customer is new on the day of the first order ever; further orders of that day count as returning."
    if figures.unknown:
        note += f" {figures.unknown:,} orders without a known customer are left out."
    return _figure(chart, stacked_chart(chart), note)


def _basket(figures: Figures) -> Markup:
    chart = _over_time(
        f"Average basket by {figures.period.step}",
        figures,
        [Series("Revenue per order", figures.measure("Average basket").course, adds=False)],
        "money",
    )
    return _figure(chart, line_chart(chart), "Revenue divided by orders.")


def _ranking(shop: Shop, found: Sequence[Ranked], by: str) -> list[Markup]:
    if not found:
        return []
    lines = shop.facts["lines"]
    word = lines.category if by == "category" else "Product"
    named = [one for one in found if not one.others]
    chart = Chart.of_rows(
        f"Sales by {word.lower()}", [(one.name, one.amount) for one in named], ["Sales"], "money", word
    )
    rest = [f"And {one.name} with {one.amount:,.2f}." for one in found if one.others]
    return [_figure(chart, bar_chart(chart, lying=True), " ".join([lines.revenue, *rest]))]


def _punctuality(delivery: Delivery) -> Markup:
    rows = [("On time", delivery.on_time), ("Late", delivery.late)]
    chart = Chart.of_rows("Deliveries on time", rows, ["Orders"], "count", "Delivered")
    note = f"Half of the orders arrive within {delivery.days} days." if delivery.days is not None else ""
    if delivery.before is not None and any(delivery.before):
        note += f" In the period before {_share(*delivery.before):.1f}% were late."
    return _figure(chart, share_bar(chart), note.strip())


def _late(figures: Figures, delivery: Delivery) -> Markup:
    shares = tuple(_share(*step) if any(step) else None for step in delivery.course)
    chart = _over_time(f"Late deliveries by {figures.period.step}", figures, [Series("Late", shares)], "percent")
    return _figure(chart, line_chart(chart), "Share of the delivered orders, by the day of the order.")


def _places(delivery: Delivery) -> Markup:
    rows = [(f"{place.name} · {place.orders:,} orders", place.days) for place in delivery.places]
    chart = Chart.of_rows("Median days to deliver", rows, ["Days"], "count", "Where to").without_totals()
    return _figure(chart, bar_chart(chart, lying=True), "The places with most deliveries.")


def _over_time(title: str, figures: Figures, series: Sequence[Series], unit: str) -> Chart:
    labels = tuple(bucket.first for bucket in figures.buckets)
    return Chart(title, labels, tuple(series), unit, _STEPS[figures.period.step])  # type: ignore[arg-type]


def _figure(chart: Chart, drawn: str, note: str) -> Markup:
    return Markup(figure(chart, drawn, note))  # noqa: S704 - charts escape what they show


def _definitions(shop: Shop, kept: Kept, figures: Figures) -> tuple[tuple[str, str], ...]:
    said = [("Revenue", shop.facts["orders"].revenue), ("Orders", shop.facts["orders"].counted)]
    said.append(("Average basket", "Revenue divided by orders."))
    if "lines" in shop.facts:
        said.append(("Sales, units", f"{shop.facts['lines'].revenue} Units: the quantities of the same lines."))
    said.append(("New customers", "Customers whose first order ever was in the period."))
    if "deliveries" in shop.facts:
        said.append(("Deliveries", shop.facts["deliveries"].counted))
    said += _steps(figures)
    said.append(("Change", "Against as many days right before, where the shop had begun by then."))
    said.append(("Counted", f"From all orders as they were at {kept.at[:19].replace('T', ' ')} UTC."))
    return tuple((name, text) for name, text in said if text)


def _steps(figures: Figures) -> list[tuple[str, str]]:
    """What is to be known of the charts' steps."""
    drawn = sum((bucket.last - bucket.first).days + 1 for bucket in figures.buckets)
    if drawn < figures.period.days:
        left_out = "day" if figures.period.days - drawn == 1 else f"{figures.period.days - drawn} days"
        return [("Weeks", f"Seven days each, back from the last. Charts by week leave the first {left_out} out.")]
    if not all(bucket.whole for bucket in figures.buckets):
        step = figures.period.step
        return [(f"{step.capitalize()}s", f"The first or the last {step} is cut short by the period.")]
    return []


def _share(on_time: int, late: int) -> Decimal:
    return (Decimal(100) * late / (on_time + late)).quantize(Decimal("0.01"))


def _day(day: object) -> str:
    return f"{day:%d %b %Y}".lstrip("0")

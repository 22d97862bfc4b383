"""What every kind of generated file promises: the same bytes, bounded memory, whole files, clear refusals."""

from __future__ import annotations

import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from orderlake.errors import ConfigError
from orderlake.generate import FORMATS, generate
from orderlake.generate.plan import Plan
from orderlake.generate.season import days, weight

PAIRS = [(kind, format_) for kind, formats in FORMATS.items() for format_ in formats]


def contents(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize(("kind", "format_"), PAIRS)
def test_the_same_arguments_give_the_same_bytes(kind, format_, tmp_path):
    once = contents(generate(kind, 1_500, 7, tmp_path / "once", format_))
    again = contents(generate(kind, 1_500, 7, tmp_path / "again", format_))
    assert once == again


@pytest.mark.parametrize("kind", FORMATS)
def test_another_seed_gives_other_bytes_even_when_only_its_sign_differs(kind, tmp_path):
    one = list(contents(generate(kind, 50, 1, tmp_path / "one")).values())
    minus = list(contents(generate(kind, 50, -1, tmp_path / "minus")).values())
    assert one[0] != minus[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_memory_does_not_grow_with_the_number_of_orders(kind, tmp_path):
    peaks = []
    for orders in (2_000, 8_000):
        tracemalloc.start()
        generate(kind, orders, 1, tmp_path / str(orders))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Less than an id for each of the orders that came on top.
    assert peaks[1] - peaks[0] < 6_000 * 40
    assert peaks[1] < 24 * 1024 * 1024


@pytest.mark.parametrize(
    ("kind", "format_", "remedy"),
    [
        ("orders", "csv", "Choose json or ndjson"),
        ("shopify", "csv", "Choose json or ndjson"),
        ("olist", "json", "Choose csv"),
        ("olist", "ndjson", "Choose csv"),
        ("orders", "parquet", "Choose json or ndjson"),
        ("magento", None, "choose one of orders, olist, shopify"),
    ],
)
def test_what_cannot_be_written_is_refused_with_what_can(kind, format_, remedy, tmp_path):
    with pytest.raises(ConfigError, match=remedy):
        generate(kind, 10, 1, tmp_path / "out", format_)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"orders": -1}, "0 or more"),
        ({"days": 0}, "1 or more"),
        ({"start": date(9999, 1, 1)}, "fewer days"),
        ({"days": 10_000_000}, "fewer days"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_remedy(changes, remedy, tmp_path):
    with pytest.raises(ConfigError, match=remedy):
        generate(**({"kind": "orders", "orders": 10, "seed": 1, "out": tmp_path} | changes))


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="Give another folder"):
        generate("orders", 10, 1, tmp_path / "taken")


@pytest.mark.parametrize("kind", FORMATS)
def test_an_interrupted_run_leaves_no_file_behind(kind, tmp_path):
    def stop(written: int) -> None:
        assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(kind, 3_000, 1, tmp_path, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_progress_counts_up_to_the_number_of_orders(kind, tmp_path):
    told: list[int] = []
    generate(kind, 2_345, 1, tmp_path, on_progress=told.append)
    assert told == [1_000, 2_000, 2_345]


@pytest.mark.parametrize(
    ("kind", "format_", "text"),
    [("orders", "json", "[\n]\n"), ("orders", "ndjson", ""), ("shopify", "json", '{"orders": [\n]}\n')],
)
def test_no_orders_give_a_file_without_records(kind, format_, text, tmp_path):
    (path,) = generate(kind, 0, 1, tmp_path, format_)
    assert path.read_text() == text


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orders", [0, 1, 2])
def test_few_orders_over_many_days_and_many_over_one_day_are_written(kind, orders, tmp_path):
    assert generate(kind, orders, 1, tmp_path, days=800)
    assert generate(kind, orders * 600, 1, tmp_path, start=date(1, 1, 1), days=1)


def test_the_days_share_out_exactly_the_orders_asked_for():
    plan = Plan(12_345, 3, date(2024, 2, 20), 400)
    shares = list(days(plan))
    assert sum(count for _, count in shares) == plan.orders
    assert [day for day, _ in shares] == sorted({day for day, _ in shares})
    assert len(shares) == plan.days


def test_black_friday_is_the_busiest_day_of_any_year():
    for year, friday in ((2023, date(2023, 11, 24)), (2024, date(2024, 11, 29)), (2025, date(2025, 11, 28))):
        calendar = [date.fromordinal(date(year, 1, 1).toordinal() + index) for index in range(365)]
        assert max(calendar, key=weight) == friday

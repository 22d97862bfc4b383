"""Months before 1970 have numbers below zero: they are partitions like any other."""

from tests.reference import NOON, SECOND, expected, found, new_lake, order, written

DAYS = ["1969-12-31", "1969-11-01", "1970-01-01", "2024-01-05"]


def test_a_correction_over_months_before_and_after_1970_rewrites_each(tmp_path):
    with new_lake(tmp_path) as lake:
        raw = lake.project.raw
        many = [order(number, "A", day=DAYS[number % 4]) for number in range(12)]
        made = [written(lake, raw / "orders_1.json", many, NOON)]
        lake.run()
        few = [order(number, "B", day=DAYS[(number + 1) % 4]) for number in range(3)]
        made.append(written(lake, raw / "orders_2.json", few, NOON + SECOND))
        assert [report.status for report in lake.run()] == ["unchanged", "loaded"]
        assert found(lake) == expected(made)

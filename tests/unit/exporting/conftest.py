"""A lake with rows that are hard to write down."""

import pytest

from tests.reference import NOON, new_lake, order, written

NASTY = ['say "x", y', "two\nlines\r\n", " spaced ", "=1+1", "@cmd", "-1", "+1", "ünïcode ✓", "\t=1", "'quoted'"]


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        records = [
            order(number, "A", "B", total=f"{number}.10", customer={"customer_id": number, "name": name})
            for number, name in enumerate(NASTY, 1)
        ]
        records.append(order(99, total="12345678901234.56", customer={"customer_id": None, "name": None, "email": ""}))
        written(opened, opened.project.raw / "orders_1.json", records, NOON)
        opened.run()
        yield opened

"""The named queries of the workgroup, translated from Athena's SQL, over a lake on this machine."""

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlglot

from orderlake import Lake
from tests.e2e.terraform.plans import MODULE

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake.init(tmp_path_factory.mktemp("lake"), ["orders"])
    file = lake.project.raw / "orders.json"
    file.write_text(json.dumps(ORDERS))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    lake.run()
    return lake


ORDERS = [
    {
        "order_id": 1,
        "order_date": "2024-01-01",
        "total_amount": 200.50,
        "products": [
            {"product_id": "P1", "category": "Books", "price": 25, "quantity": 2},
            {"product_id": "P2", "category": "Toys", "price": 45, "quantity": 1},
        ],
    },
    {"order_id": 2, "order_date": "2024-01-02", "total_amount": 10, "products": []},
    {"order_id": "none", "order_date": "2024-01-03", "total_amount": 10, "products": []},
]


def answer(lake, query):
    """What a named query says here, translated from Athena's SQL."""
    (sql,) = sqlglot.transpile((MODULE / "queries" / f"{query}.sql").read_text(), read="athena", write="duckdb")
    return [tuple(row) for row in lake.query(sql).rows]


def test_daily_revenue_counts_each_order_once(lake):
    assert answer(lake, "daily_revenue") == [
        (date(2024, 1, 2), 1, Decimal("10.00")),
        (date(2024, 1, 1), 1, Decimal("200.50")),
    ]


def test_category_sales_are_of_the_lines(lake):
    assert answer(lake, "category_sales") == [("Books", 2, Decimal("50.00")), ("Toys", 1, Decimal("45.00"))]


def test_freshness_tells_the_newest_order_and_file(lake):
    newest = datetime.fromtimestamp(1_700_000_000, UTC)
    assert answer(lake, "freshness") == [
        ("orders", 2, date(2024, 1, 2), newest),
        ("order_lines", 2, date(2024, 1, 1), newest),
    ]


def test_quarantine_is_told_by_reason(lake):
    ((pipeline, field, reason, records, _),) = answer(lake, "quarantine_by_reason")
    assert (pipeline, field, records) == ("orders", "order_id", 1)
    assert reason

"""Shops: found by their tables, described at the top of their SQL, and added by the project."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from orderlake.errors import ConfigError, QueryError
from orderlake.overview import Keeper, days_of
from orderlake.overview.shop import BUNDLED, read_facts, shops_of
from orderlake.query.duckdb import QueryTable
from tests.reference import NOON, SECOND, new_lake, order, written

OWN = """-- title: By mail
-- needs: orders
-- revenue: Half of it.
SELECT order_id, order_date AS day, customer_id AS customer, total_amount / 2 AS amount, 1.25::DOUBLE AS fee FROM orders
"""


def tables(*names, files=("a.parquet",)):
    return {name: QueryTable(name, list(files), {}) for name in names}


def test_a_shop_is_there_when_its_tables_are(tmp_path):
    assert shops_of(tables("orders"), tmp_path)[0].name == "orders"
    assert list(shops_of(tables("orders"), tmp_path)[0].facts) == ["orders"]
    assert list(shops_of(tables("orders", "order_lines"), tmp_path)[0].facts) == ["orders", "lines"]
    assert shops_of(tables("order_lines"), tmp_path) == []


def test_a_shop_without_data_comes_after_those_with(tmp_path):
    found = shops_of(tables("orders", files=()) | tables("shopify_orders"), tmp_path)
    assert [shop.name for shop in found] == ["shopify", "orders"]


@pytest.mark.parametrize("file", sorted(BUNDLED.glob("*.sql")), ids=lambda file: file.name)
def test_every_bundled_file_says_what_it_counts(file):
    facts = read_facts(file)
    assert facts.needs
    assert facts.revenue or facts.counted
    if "." not in file.stem:
        assert facts.title
        assert facts.revenue
        assert facts.counted


def test_the_key_changes_with_files_and_with_the_question(tmp_path):
    shop = shops_of(tables("orders"), tmp_path)[0]
    key = shop.key(tables("orders"))
    assert shop.key(tables("orders") | tables("quarantine")) == key
    assert shop.key(tables("orders", files=("a.parquet", "b.parquet"))) != key
    (tmp_path / "orders.sql").write_text(OWN, "utf-8")
    assert shops_of(tables("orders"), tmp_path)[0].key(tables("orders")) != key


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        written(opened, opened.project.raw / "orders_1.json", [order(1, "A", total="20.50"), order(2)], NOON)
        opened.run()
        (tmp_path / "overview").mkdir()
        yield opened


def test_a_file_of_the_project_makes_a_shop_and_wins_over_a_bundled_one(lake):
    folder = lake.project.root / "overview"
    (folder / "mail.sql").write_text(OWN, "utf-8")
    (folder / "orders.sql").write_text(OWN.replace("By mail", "Mine"), "utf-8")
    with lake.session() as session:
        keeper = lake.overview(session)
        assert [(shop.name, shop.title) for shop in keeper.shops()] == [("mail", "By mail"), ("orders", "Mine")]
        assert keeper.counted(keeper.shops()[0]).amounts == ("fee",)
        keeper.close()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mail.sql", "SELECT 1", r"mail\.sql: say at its top which tables it needs"),
        ("my mail.sql", "-- needs: orders\nSELECT 1", "rename the file"),
    ],
)
def test_a_file_that_is_none_is_told(lake, name, text, said):
    (lake.project.root / "overview" / name).write_text(text, "utf-8")
    with lake.session() as session, pytest.raises(ConfigError, match=said):
        lake.overview(session).shops()


@pytest.mark.parametrize(
    ("select", "error", "said"),
    [
        ("SELECT nothing FROM orders", QueryError, r"mail\.sql: .*nothing"),
        ("SELECT order_id, order_date AS day FROM orders", ConfigError, r"no column customer, amount: give it as"),
    ],
)
def test_a_wrong_select_is_told_with_its_file_and_not_asked_again(lake, select, error, said):
    (lake.project.root / "overview" / "mail.sql").write_text(f"-- needs: orders\n{select}", "utf-8")
    with lake.session() as session:
        keeper: Keeper = lake.overview(session)
        shop = keeper.shops()[0]
        for _ in range(2):
            with pytest.raises(error, match=said):
                keeper.kept(shop, 30)
        assert keeper.revision == 1
        keeper.close()


def test_the_shop_of_the_documentation_works_and_follows_a_table_whose_file_is_replaced(lake):
    """Its table is a mart, a plain Parquet file that has the same name each time it is built."""
    text = (Path(__file__).parents[3] / "docs" / "overview.md").read_text("utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (lake.project.root / "overview" / "mail.sql").write_text(block, "utf-8")
    (lake.project.root / "marts").mkdir()
    (lake.project.root / "marts" / "mail_orders.sql").write_text(
        "SELECT order_id AS number, order_date AS ordered_on, customer_id AS customer, total_amount AS invoiced, "
        "CAST(4.90 AS DECIMAL(18,2)) AS postage, order_date AS sent_on FROM orders",
        "utf-8",
    )
    seen = []
    for number in (3, 4):
        lake.marts()
        with lake.session() as session:
            keeper = lake.overview(session)
            mail = next(shop for shop in keeper.shops() if shop.name == "mail")
            (day,) = days_of(keeper.engine, keeper.counted(mail)).values
            seen.append((mail.title, day.orders, day.amount, day.more))
            keeper.close()
        written(lake, lake.project.raw / f"orders_{number}.json", [order(number)], NOON + number * SECOND)
        lake.run()
    assert seen == [
        ("By mail", 2, Decimal("30.50"), (Decimal("9.80"),)),
        ("By mail", 3, Decimal("40.50"), (Decimal("14.70"),)),
    ]

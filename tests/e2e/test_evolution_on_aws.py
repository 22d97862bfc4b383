"""A pipeline that changes under a lake in buckets: Glue shows each table as the newest load made it."""

import pytest

from orderlake.errors import ConfigError
from orderlake.querying import stored
from tests.e2e.test_lake_on_aws import Shop
from tests.reference import by_text
from tests.reference import order as made

pytestmark = pytest.mark.e2e


TABLES = ("orders", "order_lines", "orders_parquet_datalake")


def order(number, lines=1):
    return made(number, *(f"P{line}" for line in range(1, lines + 1)), total=f"{5 * lines}.00")


def contents(lake):
    return {table: by_text(lake.query(f"SELECT COLUMNS('^[^_]') FROM {table}").rows) for table in TABLES}


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path, "orders")


def edit(shop, *changes):
    """Change the pipeline of both homes."""
    file = shop.folder / "pipelines" / "orders.yaml"
    text = file.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def shown(shop, table):
    """The columns that Glue shows."""
    found = shop.aws.client("glue").get_table(DatabaseName=shop.settings.database, Name=table)["Table"]
    return {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}


def load(shop):
    with shop.lake() as lake, shop.twin() as twin:
        reports = [report for report in lake.run() if report.status == "loaded"]
        twin.run()
        assert contents(lake) == contents(twin) != {table: [] for table in TABLES}
        assert lake.verify().findings == ()
        return reports


def test_what_a_load_changes_is_shown_in_glue_and_is_the_same_in_folders(shop):
    shop.put("orders_1.json", [order(1, lines=2), order(2)], twin=True)
    load(shop)
    edit(
        shop,
        ("total_amount: money\n", "total_amount: decimal(20,2)\n          coupon: string\n"),
        ("line_number: int", "line_number: bigint"),
        ("total_amount: double\n", "total_amount: double\n          coupon: string\n"),
        ("          category: string from products.category\n          price: money", "          price: money"),
    )
    with shop.lake() as lake:
        assert "coupon" not in stored(lake._backends, frozenset({"orders"}))["orders"]
    shop.put("orders_2.json", [{**order(2, lines=1), "coupon": "X"}, order(3)], twin=True)
    (report,) = load(shop)
    assert report.changes == (
        "orders.total_amount was widened from decimal(18,2) to decimal(20,2)",
        "orders.coupon (string) was added",
        "order_lines.line_number was widened from int to bigint",
        "order_lines.category is declared no longer: it stays, and is NULL in new rows",
        "orders_parquet_datalake.coupon (string) was added",
    )
    assert shown(shop, "orders")["total_amount"] == "decimal(20,2)"
    assert (shown(shop, "orders")["coupon"], shown(shop, "order_lines")["line_number"]) == ("string", "bigint")
    assert (shown(shop, "order_lines")["category"], shown(shop, "orders_parquet_datalake")["coupon"]) == ("string",) * 2
    with shop.lake() as lake:
        found = stored(lake._backends, frozenset({"orders", "order_lines", "quarantine"}))
        assert (found["orders"]["coupon"], found["order_lines"]["category"]) == ("VARCHAR", "VARCHAR")
        assert "quarantine" not in found


def test_what_is_not_exact_is_refused_there_too(shop):
    shop.put("orders_1.json", [order(1)])
    with shop.lake() as lake:
        lake.run()
    edit(shop, ("customer_id: bigint from", "customer_id: string from"))
    shop.put("orders_2.json", [order(2)])
    with shop.lake() as lake:
        with pytest.raises(ConfigError, match=r"orders\.customer_id holds bigint and cannot become string"):
            lake.run()
        assert lake.query("SELECT count(*) FROM orders").rows == ((1,),)

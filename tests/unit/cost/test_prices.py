"""The price table: every price has a source, a date and a unit."""

from decimal import Decimal

import pytest

from orderlake.cost.prices import Charge, price_table, prices_of
from orderlake.errors import ConfigError

TABLE = price_table()


@pytest.mark.parametrize("key", TABLE.prices)
def test_a_price_has_a_source_and_says_where_it_was_seen(key):
    price = TABLE[key]
    assert price.usd > 0
    assert price.free >= 0
    assert price.source.startswith("https://aws.amazon.com/")
    assert price.checked.startswith(f"{TABLE.date}, ") or price.checked == "not confirmed here"
    assert price.unit


def test_what_is_free_is_taken_off_the_quantity_and_never_below_nothing():
    price = TABLE["lambda.requests"]
    assert Charge(price, Decimal(3_000_000)).full == Decimal("0.6")
    assert Charge(price, Decimal(3_000_000)).due == Decimal("0.4")
    assert Charge(price, Decimal(10)).due == 0


def test_there_are_no_prices_of_a_region_without_a_source():
    assert prices_of("us-east-1") is prices_of(None)
    with pytest.raises(ConfigError, match="no prices for eu-central-1"):
        prices_of("eu-central-1")

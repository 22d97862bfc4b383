"""`orderlake cost`."""

from decimal import Decimal

import pytest

from orderlake.cost.estimate import estimate
from orderlake.cost.prices import price_table
from orderlake.cost.workload import ASSUMPTIONS, Workload


def test_the_estimate_shows_every_price_both_totals_and_all_it_rests_on(cli):
    answer = cli("cost")
    assert answer.code == 0
    found = estimate(Workload(), price_table())
    for charge in found.charges:
        assert f"\n{charge.price.key} " in answer.out
        assert charge.price.source in answer.out
        assert charge.price.checked in answer.out
    for one in ASSUMPTIONS.values():
        assert f"{one.name} = {one.value:f}: {one.meaning} [{one.source}]" in answer.out
    total = next(line for line in answer.lines if line.startswith("total"))
    assert total.split()[1:] == [f"{found.full:.2f}", f"{found.due:.4f}"]
    assert answer.lines[0] == (
        "10,000 orders a month in 300 files, 100 queries; prices of us-east-1 as of " + price_table().date
    )


def test_it_says_where_a_dollar_a_month_stops_being_enough(cli):
    answer = cli("cost")
    most = cli("cost", "--json").json["orders_for_a_dollar"]
    assert most["due"] > 10_000
    assert most["full"] is None
    assert (
        f"A dollar a month is enough for {most['due']:,} orders a month in files like these after the free tier, "
        "for no shop at all where nothing is free."
    ) in answer.out


def test_the_original_s_crawler_is_set_beside_its_own_estimate(cli):
    text = cli("cost").out
    assert "with 1 DPU, would be $53.53 a month: 122 times its own estimate." in text
    assert "with 2 DPU, would be $107.07 a month: 243 times its own estimate." in text


def test_json_holds_the_same_figures_exactly(cli):
    document = cli("cost", "--orders", "1000", "--file-orders", "100", "--queries", "0", "--json").json
    assert document["workload"]["files"] == 10
    assert document["total"]["full"] == pytest.approx(sum(one["full"] for one in document["charges"]))
    assert {one["price"] for one in document["charges"]} == {
        charge.price.key for charge in estimate(Workload(1000, 10, queries=0), price_table()).charges
    }
    assert all(one["source"] for one in [*document["charges"], *document["assumptions"]])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--region", "eu-central-1"), "no prices for eu-central-1"),
        (("--files", "1", "--file-orders", "1"), "--files or --file-orders"),
        (("--orders", "-1"), "from 0"),
        (("--scan-mb", "nan"), "from 0"),
        (("--scan-mb", "inf"), "from 0"),
    ],
)
def test_what_cannot_be_estimated_is_refused(cli, words, said):
    answer = cli("cost", *words)
    assert answer.code == 78
    assert said in answer.err


def test_a_shop_without_orders_still_costs_its_alarms_and_polls(cli):
    document = cli("cost", "--orders", "0", "--files", "0", "--queries", "0", "--json").json
    assert 0 < document["total"]["due"] < document["total"]["full"]


def test_each_load_is_shown_with_its_cost_and_that_of_a_thousand_orders(cli, loaded):
    (load,) = cli("cost", "--actual", "--json").json
    assert load["orders"] == 2
    assert load["usd_per_1000_orders"] == pytest.approx(load["usd"] * 500)
    answer = cli("cost", "--actual")
    assert "orders_1.json" in answer.lines[2]
    assert f"{Decimal(str(load['usd'])):.6f}" in answer.lines[2]
    assert "as if nothing were free" in answer.lines[-1]


def test_only_the_last_loads_are_shown_when_asked(cli, loaded, put):
    put("orders_2.json", [{"order_id": 9, "order_date": "2024-01-05", "products": []}])
    assert cli("run").code == 0
    assert [one["source"][-13:] for one in cli("cost", "--actual", "--limit", "1", "--json").json] == ["orders_2.json"]
    assert cli("cost", "--actual", "--limit", "0", "--json").json == []


def test_what_loads_did_cost_is_told_of_the_lake_that_is_named(cli, loaded):
    answer = cli("cost", "--actual", "--env", "aws")
    assert answer.code == 66
    assert "is not deployed on AWS" in answer.err


def test_a_load_on_the_other_architecture_and_with_more_memory_costs_more(cli, loaded):
    def cost(*words):
        return cli("cost", "--actual", "--json", *words).json[0]["usd"]

    assert cost() < cost("--architecture", "x86_64") < cost("--architecture", "x86_64", "--memory", "1024")

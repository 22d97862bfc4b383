"""The overview in a browser: a shop, a time, its figures; and files that land while one looks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from orderlake import Lake
from tests.browser.serving import serving

pytestmark = pytest.mark.e2e


def card(page, label):
    return page.locator(".card", has=page.get_by_text(label, exact=True)).locator(".value")


def asked(shop: Path, sql: str) -> str:
    with Lake(shop) as lake:
        ((value,),) = lake.query(sql).rows
    return f"{value:,}"


def test_the_figures_are_those_of_the_tables_for_any_chosen_time(shop, console, open_page):
    page = open_page(console)
    page.get_by_role("link", name="All time").click()
    expect(card(page, "Orders")).to_have_text(asked(shop, "SELECT count(*) FROM orders"))
    expect(card(page, "Revenue")).to_have_text(asked(shop, "SELECT sum(total_amount) FROM orders"))
    page.get_by_label("From", exact=True).fill("2025-03-01")
    page.get_by_label("To", exact=True).fill("2025-03-31")
    page.get_by_role("button", name="Show").click()
    march = "FROM orders WHERE order_date BETWEEN DATE '2025-03-01' AND DATE '2025-03-31'"
    expect(card(page, "Orders")).to_have_text(asked(shop, f"SELECT count(*) {march}"))
    expect(card(page, "Revenue")).to_have_text(asked(shop, f"SELECT sum(total_amount) {march}"))


def test_the_other_shop_is_a_click_away_and_tells_of_deliveries(console, open_page):
    page = open_page(console)
    page.get_by_role("link", name="Olist").click()
    expect(page.locator("#overview-head")).to_contain_text("Olist marketplace, ")
    expect(page.locator("main")).to_contain_text("On time")
    expect(page.locator("main svg[role=img]").first).to_be_visible()


def test_a_chart_has_its_numbers_as_a_table(console, open_page):
    page = open_page(console)
    figure = page.locator("figure", has_text="Sales by category").first
    figure.get_by_text("Numbers").click()
    expect(figure.locator("table")).to_be_visible()
    assert figure.locator("tbody tr").count() > 3


def test_a_file_that_lands_while_one_looks_shows_without_a_reload(tmp_path, open_page):
    with Lake.init(tmp_path / "live", ["orders"]) as lake:
        raw = lake.project.raw
    with serving(tmp_path / "live", "--write") as address:
        page = open_page(address)
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator("main")).to_contain_text("No orders yet")
        order = {"order_id": 1, "order_date": "2025-05-05", "total_amount": 41.5, "customer": {}, "products": []}
        (raw / "part").write_text(json.dumps([order]), encoding="utf-8")
        (raw / "part").rename(raw / "orders_1.json")
        expect(card(page, "Revenue")).to_have_text("41.50")
        (raw / "part").write_text(json.dumps([order | {"order_id": 2, "total_amount": 8.5}]), encoding="utf-8")
        (raw / "part").rename(raw / "orders_2.json")
        expect(card(page, "Revenue")).to_have_text("50.00")


def test_a_read_only_console_shows_a_file_that_landed_as_waiting_and_loads_nothing(tmp_path, open_page):
    with Lake.init(tmp_path / "still", ["orders"]) as lake:
        raw = lake.project.raw
    with serving(tmp_path / "still") as address:
        page = open_page(f"{address}/loads")
        expect(page.locator("#live")).to_have_text("live")
        (raw / "orders_1.json").write_text("[]", encoding="utf-8")
        expect(page.locator("#summary")).to_contain_text("1 file waits")
        expect(page.locator("#summary")).to_contain_text(re.compile("orderlake .*run"))
    with Lake(tmp_path / "still") as lake:
        assert lake.loads() == []


def test_an_average_is_never_said_to_have_a_total(console, open_page):
    page = open_page(f"{console}/?shop=orders")
    said = dict(
        page.locator("svg[role=img]").evaluate_all(
            "all => all.map(each => [...each.children].slice(0, 2).map(part => part.textContent))"
        )
    )
    assert "total" in said["Revenue over time"]
    assert "total" not in said["Average basket over time"]
    assert "total" not in next(text for title, text in said.items() if title.startswith("Average basket by"))


def test_where_all_was_set_aside_the_overview_leads_to_the_reasons(tmp_path, open_page):
    with Lake.init(tmp_path / "bad", ["orders"]) as lake:
        (lake.project.raw / "orders_1.json").write_text('[{"order_id": 1, "order_date": "never"}]', encoding="utf-8")
        lake.run()
    with serving(tmp_path / "bad") as address:
        page = open_page(address)
        expect(page.locator(".empty")).to_contain_text("1 record set aside")
        page.get_by_role("link", name="See why").click()
        expect(page.locator("#quality-reasons")).to_contain_text("is not a date")

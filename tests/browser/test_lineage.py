"""The page Lineage in a browser: the graph by keyboard, on a phone, and a record up to its file."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def test_the_graph_is_walked_by_keyboard(console, open_page):
    page = open_page(f"{console}/lineage")
    page.locator(".graph").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "table orders":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="orders", exact=True)).to_be_visible()
    expect(page.locator(".graph a[aria-current]")).to_have_attribute("aria-label", "table orders")
    row = page.get_by_role("group", name="Columns of orders").locator("tr", has_text="customer_name")
    expect(row).to_contain_text("customer.name")


def test_on_a_phone_the_graph_scrolls_in_its_own_box(console, open_page):
    page = open_page(f"{console}/lineage?of=table:orders")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.graph'))")


def test_an_order_is_followed_to_the_file_and_the_text_that_it_came_from(console, open_page):
    page = open_page(f"{console}/lineage")
    page.get_by_label("Known by").select_option("orders.order_id")
    page.get_by_label("Value").fill("1010")
    page.get_by_role("button", name="Find").click()
    record = page.locator("article").first
    expect(record).to_contain_text("orders_increment.json")
    expect(record.locator("pre")).to_contain_text('"order_id": 1010')
    record.get_by_role("link", name="The load").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("orders_increment.json")


def test_a_column_is_followed_to_what_asks_for_it_and_a_value_that_is_nowhere_says_so(console, open_page):
    page = open_page(f"{console}/lineage?all=1")
    page.locator(".graph").get_by_role("link", name="table order_lines").click()
    expect(page.get_by_role("group", name="Columns of order_lines")).to_contain_text("products.quantity")
    page.get_by_label("Known by").select_option("orders.order_id")
    page.get_by_label("Value").fill("no such <b>order</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="No table has a row")).to_contain_text("<b>order</b>")
    assert page.locator("main b").count() == 0

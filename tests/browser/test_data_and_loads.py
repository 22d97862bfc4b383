"""The pages Data and Loads in a browser: from a list to one table, from a list to one file."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from orderlake import Lake

pytestmark = pytest.mark.e2e


def test_a_table_opens_to_its_columns_partitions_snapshots_files_and_rows(shop, console, open_page):
    page = open_page(f"{console}/data")
    page.get_by_role("link", name="order_lines", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("order_lines")
    for title in ("Columns", "Some rows", "Partitions", "Snapshots", "Files"):
        expect(page.get_by_role("heading", level=2).filter(has_text=title)).to_be_visible()
    with Lake(shop) as lake:
        (table,) = [table for table in lake.tables() if table.name == "order_lines"]
    columns = page.locator("section", has_text="Columns").first.locator("tbody tr")
    assert columns.count() == len(table.columns)
    expect(page.locator(".card", has_text="Rows").locator(".value").first).to_have_text(f"{table.rows:,}")


def test_a_table_leads_to_a_question_about_it(console, open_page):
    page = open_page(f"{console}/data/orders")
    page.get_by_role("link", name="Query it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Query")
    expect(page.locator("textarea")).to_have_value("SELECT * FROM orders LIMIT 100")


def test_loads_are_found_by_name_and_status_and_open_to_the_whole_account(console, open_page):
    page = open_page(f"{console}/loads")
    page.get_by_label("Status").select_option("rejected")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#loads tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Show all").first.click()
    page.get_by_label("File name holds").fill("orders_sample")
    page.keyboard.press("Enter")
    expect(page.locator("#loads tbody tr")).to_have_count(1)
    page.locator("#loads tbody th a").click()
    expect(page.locator("main")).to_contain_text("12 read = 10 loaded + 1 superseded + 1 duplicate")


def test_a_page_that_is_not_there_says_so_and_leads_back(console, open_page, complaints):
    page = open_page(f"{console}/data/nothing")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    page.get_by_role("link", name="overview").first.click()
    expect(page).to_have_url(f"{console}/")
    # The browser complains of the page itself, once more each time the page looks whether it is there by now.
    assert complaints
    assert all("status of 404 (Not Found)" in each for each in complaints)
    complaints.clear()

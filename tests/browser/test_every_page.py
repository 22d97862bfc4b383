"""Each page of the console, in a real browser: readable at any width, by keyboard, in light and dark, without help."""

from __future__ import annotations

import subprocess

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from orderlake import Lake
from tests.browser.serving import COMMAND, NARROW, PAGES, SCREENSHOTS, WIDE, serving

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_passes_the_accessibility_check_and_fits_its_window(console, open_page, name, width, scheme):
    check(open_page(console + PAGES[name], width, scheme), name, width, scheme)


MORE = {
    "table": "/data/orders",
    "table-wide": "/data/orders_parquet_datalake",
    "table-quarantine": "/data/quarantine",
    "load-rejected": "/loads?status=rejected",
    "quality-all": "/quality?status=all",
    "overview-olist": "/?shop=olist&period=all",
    "lineage-table": "/lineage?of=table:orders",
    "lineage-order": "/lineage?by=orders.order_id&key=1010",
    "lineage-all": "/lineage?all=1",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", MORE)
def test_what_a_page_leads_to_is_readable_too(console, open_page, name, width, scheme):
    check(open_page(console + MORE[name], width, scheme), name, width, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_load_and_an_error_are_readable(console, open_page, complaints, width, scheme):
    page = open_page(f"{console}/loads?status=rejected", width, scheme)
    page.locator("#loads tbody th a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("orders_broken.json.gz")
    check(page, "load", width, scheme)
    page.goto(f"{console}/data/nothing")
    check(page, "error", width, scheme)
    assert complaints.pop().startswith("error: Failed to load resource")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_report_is_readable(report, open_page, width, scheme):
    check(open_page(report.as_uri(), width, scheme), "report", width, scheme, live=False)


@pytest.fixture(scope="module")
def report(shop, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    subprocess.run([COMMAND, "--project", shop, "report", "--html", file], check=True, capture_output=True)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_pages_of_a_lake_without_data_are_readable(hollow, open_page, width, scheme):
    for name, path in PAGES.items():
        page = open_page(hollow + path, width, scheme)
        check(page, f"empty-{name}", width, scheme)
        page.context.close()


@pytest.fixture(scope="module")
def hollow(tmp_path_factory):
    root = tmp_path_factory.mktemp("hollow") / "new"
    Lake.init(root, ["orders"]).close()
    with serving(root) as address:
        yield address


def check(page, name, width, scheme, *, live=True):
    if live:
        expect(page.locator("#live")).to_have_text("live")
    expect(page.get_by_text("Counting…")).to_have_count(0)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_where_one_is_and_leads_to_the_others_by_keyboard(console, open_page, name):
    page = open_page(console + PAGES[name])
    assert page.locator("nav [aria-current=page]").inner_text().lower() == name
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to content"
    reached = set()
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.add(page.locator(":focus").get_attribute("href"))
    assert set(PAGES.values()) <= reached


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_without_scripts(console, open_page, name):
    page = open_page(console + PAGES[name], script=False)
    assert page.locator("h1").count() == 1
    assert page.locator("main").inner_text().strip()


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_the_name_of_the_page_is_in_sight(console, open_page, name):
    page = open_page(console + PAGES[name], NARROW)
    box = page.locator("nav [aria-current=page]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW


def test_on_a_phone_every_page_is_in_sight_from_every_other(console, open_page):
    page = open_page(console, NARROW)
    links = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    assert len(links) == 6
    for link in links:
        box = link.bounding_box()
        assert (box["x"] >= 0, box["x"] + box["width"] <= NARROW) == (True, True)

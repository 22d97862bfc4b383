"""Each page of the console, in a real browser: readable at any width, by keyboard, in light and dark, without help."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.serving import NARROW, PAGES, SCREENSHOTS, WIDE

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_passes_the_accessibility_check_and_fits_its_window(console, open_page, name, width, scheme):
    page = open_page(console + PAGES[name], width, scheme)
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

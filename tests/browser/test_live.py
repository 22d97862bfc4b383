"""Pages that follow the lake: what has changed shows by itself, and what their user works in is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from orderlake import Lake
from tests.browser.serving import serving

pytestmark = pytest.mark.e2e
Open = Callable[..., Page]
LIVE = "#live[data-state=live]"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of its own, with more loads than fit on a screen."""
    with Lake.init(tmp_path / "live", ["orders"]) as lake:
        for number in range(60):
            put(tmp_path / "live", number)
        lake.run()
    return tmp_path / "live"


def put(root: Path, number: int, *, load: bool = False) -> None:
    """A file with one order, and perhaps its load, by another process as far as the console knows."""
    text = json.dumps([{"order_id": number, "order_date": "2024-01-05"}])
    (root / "raw" / f"orders_{number:02}.json").write_text(text, encoding="utf-8")
    if load:
        with Lake(root) as lake:
            lake.run()


def test_a_file_that_waits_and_its_load_show_by_themselves(root: Path, open_page: Open) -> None:
    with serving(root) as address:
        page = open_page(f"{address}/loads")
        page.wait_for_selector(LIVE)
        put(root, 70)
        expect(page.locator("#summary")).to_contain_text("1 file waits")
        put(root, 71, load=True)
        expect(page.locator("#summary")).not_to_contain_text("waits")
        expect(page.locator("#loads")).to_contain_text("orders_71.json")


def test_focus_scrolling_and_what_was_typed_stay(root: Path, open_page: Open) -> None:
    with serving(root) as address:
        page = open_page(f"{address}/loads", 600)
        page.wait_for_selector(LIVE)
        page.fill("#source", "typed")
        page.evaluate("document.querySelector('#loads .table-wrap').scrollLeft = 40")
        link = page.locator("#loads tbody a").nth(20)
        link.focus()
        seen = page.evaluate("document.activeElement.getBoundingClientRect().top")
        put(root, 70)
        expect(page.locator("#summary")).to_contain_text("1 file waits")
        expect(link).to_be_focused()
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") == pytest.approx(seen, abs=2)
        assert page.evaluate("scrollY") > 0
        assert page.evaluate("document.querySelector('#loads .table-wrap').scrollLeft") == 40
        expect(page.locator("#source")).to_have_value("typed")


def test_a_part_with_marked_text_waits_until_nothing_is_marked(root: Path, open_page: Open) -> None:
    with serving(root) as address:
        page = open_page(f"{address}/loads")
        page.wait_for_selector(LIVE)
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#loads'))")
        put(root, 70, load=True)
        expect(page.locator("#summary .card").first).to_contain_text("61")  # this part is not marked
        expect(page.locator("#loads")).not_to_contain_text("orders_70.json")
        page.evaluate("getSelection().removeAllRanges()")
        expect(page.locator("#loads")).to_contain_text("orders_70.json")


def test_a_page_without_news_is_not_asked_for_again(root: Path, open_page: Open) -> None:
    with serving(root) as address:
        asked: list[str] = []
        page = open_page(f"{address}/data")
        page.wait_for_selector(LIVE)
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        with page.expect_request(f"{address}/data"):
            put(root, 70, load=True)
        expect(page.locator("#data .card").nth(1)).to_contain_text("61")
        assert 1 <= asked.count("/data") <= 3  # it came, it was loaded: as often as a look fell in between
        assert set(asked) == {"/data"}


def test_a_console_that_went_and_came_is_found_again(root: Path, open_page: Open, complaints: list[str]) -> None:
    with serving(root) as address:
        page = open_page(f"{address}/data")
        page.wait_for_selector(LIVE)
        port = address.rpartition(":")[2]
    page.wait_for_selector("#live[data-state=reconnecting]")
    put(root, 70, load=True)
    with serving(root, "--port", port):
        page.wait_for_selector(LIVE)
        expect(page.locator("#data .card").nth(1)).to_contain_text("61")
        page.close()
    assert all("ERR_" in complaint for complaint in complaints)  # what a browser says while nobody answers
    complaints.clear()


def test_any_number_of_pages_share_one_connection_and_one_takes_over(root: Path, chromium: Browser) -> None:
    """A browser opens six connections to an address: a seventh page that listened would never load."""
    with serving(root) as address, chromium.new_context(service_workers="block") as context:
        pages = [context.new_page() for _ in range(9)]
        for page in pages:
            page.goto(f"{address}/data")
            page.wait_for_selector(LIVE)
        put(root, 70, load=True)
        for page in pages:
            expect(page.locator("#data .card").nth(1)).to_contain_text("61")
        for page in pages[:5]:
            page.close()
        put(root, 71, load=True)
        for page in pages[5:]:
            expect(page.locator("#data .card").nth(1)).to_contain_text("62")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "#overview-quality .card >> text=orders_70.json"),
        ("/data", "#data .card:nth-child(2) >> text=61"),
        ("/data/orders", ".card:first-child >> text=61"),
        ("/loads", "#loads >> text=orders_70.json"),
        ("/quality", "#quality-cards .card:first-child .value >> text=61"),
    ],
)
def test_each_page_shows_a_load_of_another_process_without_a_reload(
    root: Path, open_page: Open, path: str, place: str
) -> None:
    with serving(root) as address:
        page = open_page(f"{address}{path}")
        page.wait_for_selector(LIVE)
        page.evaluate("document.body.dataset.same = 'yes'")
        expect(page.locator(place)).to_have_count(0)
        put(root, 70, load=True)
        expect(page.locator(place)).to_be_visible()
        assert page.evaluate("document.body.dataset.same") == "yes"
        page.close()


def test_a_statement_being_written_and_its_answer_stay_while_the_lake_changes(root: Path, open_page: Open) -> None:
    with serving(root) as address:
        page, other = open_page(f"{address}/query"), open_page(f"{address}/data")
        other.wait_for_selector(LIVE)
        page.wait_for_selector(LIVE)
        page.fill("#sql", "SELECT count(*) FROM orders")
        page.keyboard.press("Control+Enter")
        cells = page.get_by_role("group", name="Rows").locator("tbody td")
        expect(cells).to_have_text(["60"])
        page.locator("#sql").press_sequentially(" WHERE order_id >")
        put(root, 70, load=True)
        expect(other.locator("#data .card").nth(1)).to_contain_text("61")
        expect(page.locator("#sql")).to_have_value("SELECT count(*) FROM orders WHERE order_id >")
        expect(page.locator("#sql")).to_be_focused()
        expect(cells).to_have_text(["60"])  # an answer is of the moment when it was asked
        page.keyboard.type(" 0")
        page.keyboard.press("Control+Enter")
        expect(cells).to_have_text(["60"])  # number 0 is left out, 70 is there
        for each in (page, other):
            each.close()

"""The page Quality in a browser: what was set aside is read as text, fixed in its page, replayed, and gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from orderlake import Lake
from tests.browser.serving import NARROW, SCREENSHOTS, WIDE, serving

pytestmark = pytest.mark.e2e
HOSTILE = "</pre><script>alert(1)</script><b>Eve</b>"


def order(number: int, day: str, **more: object) -> str:
    return json.dumps({"order_id": number, "order_date": day, "total_amount": 5, **more})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with three records set aside, two of them for their day."""
    lines = [
        order(1, "2025-05-05"),
        order(2, "2025-13-45", note=HOSTILE),
        order(3, "never"),
        order(4, "2025-05-06", customer="nobody"),
    ]
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        (lake.project.raw / "orders_a.ndjson").write_text("\n".join(lines), encoding="utf-8")
        lake.run()
    return tmp_path / "shop"


def still_open(page: Page):
    return page.locator("#quality-cards .card", has_text="In quarantine, open").locator(".value")


def test_records_are_filtered_and_stand_there_as_text(root, open_page):
    with serving(root) as address:
        page = open_page(f"{address}/quality")
        expect(still_open(page)).to_have_text("3")
        expect(page.locator(".record")).to_have_count(3)
        page.get_by_label("Reason", exact=True).select_option("is not a date like 2024-12-31")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".record")).to_have_count(2)
        page.get_by_label("Status").select_option("fixed")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#records .empty")).to_be_visible()
        page.goto(f"{address}/quality")
        expect(page.locator(".record pre", has_text="Eve").first).to_contain_text(HOSTILE)
        assert page.locator(".record b, .record script").count() == 0
        page.get_by_role("link", name="orders_a.ndjson, record 2").click()
        expect(page.get_by_label("The record", exact=True)).to_contain_text(HOSTILE)
        assert page.locator("main b, main script").count() == 0


def test_a_console_that_only_reads_has_nothing_to_mend_by(root, open_page):
    with serving(root) as address:
        page = open_page(f"{address}/quality")
        expect(page.locator("#records .notice")).to_contain_text("read-only")
        assert page.locator("form[method=post]").count() == 0
        page.locator(".record a").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("orders_a.ndjson")
        assert page.locator("form").count() == 0
        told = page.request.post(f"{address}/quality/record", headers={"origin": address}, form={"do": "replay"})
        assert told.status == 403


def test_a_record_is_fixed_in_its_page_and_leaves_the_quarantine(root, open_page):
    with serving(root, "--write") as address:
        page, other = open_page(f"{address}/quality"), open_page(f"{address}/quality")
        expect(other.locator("#live")).to_have_text("live")
        page.locator(".record", has_text="record 3").get_by_role("link", name="Fix").click()
        draft = page.get_by_label("The record as it should be")
        expect(draft).to_have_value(order(3, "never"))
        draft.fill(order(3, "2025-05-07", total_amount=7))
        page.get_by_role("button", name="Fix and load").click()
        expect(page.get_by_role("status").filter(has_text="Loaded")).to_be_visible()
        expect(still_open(other)).to_have_text("2")  # by itself
        page.get_by_role("link", name="Its load").click()
        expect(page.locator("main")).to_contain_text("mended")
    with Lake(root) as lake:
        rows = lake.query("SELECT order_id, order_date::VARCHAR, total_amount FROM orders ORDER BY 1").rows
    assert [(number, day, int(amount)) for number, day, amount in rows] == [(1, "2025-05-05", 5), (3, "2025-05-07", 7)]


def test_what_is_still_wrong_says_so_and_what_was_typed_is_kept(root, open_page, complaints):
    with serving(root, "--write") as address:
        page = open_page(f"{address}/quality")
        page.locator(".record", has_text="record 3").get_by_role("link", name="Fix").click()
        page.get_by_label("The record as it should be").fill("{ no record")
        page.get_by_role("button", name="Fix and load").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("The record as it should be")).to_have_value("{ no record")
        assert complaints.pop().startswith("error: Failed to load resource")  # it was answered with 422


def test_a_record_replayed_as_it_was_is_set_aside_for_the_same_reason(root, open_page):
    with serving(root, "--write") as address:
        page = open_page(f"{address}/quality")
        page.locator(".record", has_text="record 3").get_by_role("button", name="Replay as is").click()
        expect(page.get_by_role("alert")).to_contain_text("Set aside again: order_date is not a date like 2024-12-31")
        page.goto(f"{address}/quality")
        expect(still_open(page)).to_have_text("3")


def test_a_record_is_dropped_with_a_reason_and_leaves_the_open_ones(root, open_page):
    with serving(root, "--write") as address:
        page = open_page(f"{address}/quality")
        page.get_by_role("link", name="orders_a.ndjson, record 3").click()
        page.get_by_label("Close it without loading, because").fill("a test order")
        page.get_by_role("button", name="Drop").click()
        expect(page.locator("dl.facts")).to_contain_text("a test order")
        page.goto(f"{address}/quality?status=dropped")
        expect(still_open(page)).to_have_text("2")
        expect(page.locator(".record")).to_have_count(1)


def test_what_is_being_typed_is_not_lost_when_the_lake_changes(root, open_page):
    with serving(root, "--write") as address:
        page = open_page(f"{address}/quality")
        expect(page.locator("#live")).to_have_text("live")
        page.get_by_label("Source holds").fill("half a na")
        with Lake(root) as lake:
            (lake.project.raw / "orders_b.ndjson").write_text(order(9, "no day"), encoding="utf-8")
            lake.run()
        expect(still_open(page)).to_have_text("4")
        expect(page.get_by_label("Source holds")).to_have_value("half a na")
        expect(page.get_by_label("Source holds")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_page_of_a_record_is_readable(root, open_page, width, scheme):
    with serving(root, "--write") as address:
        page = open_page(f"{address}/quality", width, scheme)
        page.locator(".record", has_text="record 2").get_by_role("link", name="Fix").click()
        expect(page.get_by_label("The record as it should be")).to_be_visible()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"record-{width}-{scheme}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

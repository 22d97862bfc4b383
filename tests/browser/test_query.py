"""The page Query in a browser: typed, completed, run, drawn, put right, exported and stopped."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from orderlake import Lake
from tests.browser.serving import NARROW, SCREENSHOTS, WIDE

pytestmark = pytest.mark.e2e
ENDLESS = "SELECT count(*) FROM range(90000) a, range(90000) b, range(90000) c WHERE a.range + b.range = c.range - 0.5"


def run(page, sql: str) -> None:
    page.locator("#sql").fill(sql)
    page.keyboard.press("Control+Enter")


def rows(page):
    return page.get_by_role("group", name="Rows").locator("tbody tr")


def asked(shop: Path, sql: str):
    with Lake(shop) as lake:
        return lake.query(sql).rows


def test_a_statement_is_written_with_completion_run_and_left_by_keyboard_alone(shop, console, open_page):
    page = open_page(f"{console}/query")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "sql":
            break
    page.keyboard.type("SELECT catego")  # of which table is not written yet
    expect(page.get_by_role("option", selected=True)).to_contain_text("category")
    page.keyboard.press("Tab")
    page.keyboard.type(", sum(quantity) AS units FROM order_l")
    expect(page.get_by_role("option", selected=True)).to_contain_text("order_lines")
    page.keyboard.press("Tab")
    expect(page.locator("#sql")).to_have_value(re.compile(r"FROM order_lines$"))
    page.keyboard.type(" WHERE catego")
    expect(page.get_by_role("option", selected=True)).to_contain_text("category")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.type(" IS NOT NULL GROUP BY ALL ORDER BY units DESC, category")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    told = [text.split("\t") for text in rows(page).first.locator("xpath=..").inner_text().splitlines()]
    sql = "SELECT category, sum(quantity) FROM order_lines WHERE category IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    assert told == [[category, str(units)] for category, units in asked(shop, sql)]
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel"))
    assert {"Run", "Plan", "Export CSV", "Export Parquet"} <= set(reached)


def test_names_after_an_alias_are_the_columns_of_its_table(console, open_page):
    page = open_page(f"{console}/query")
    page.locator("#sql").fill("SELECT  FROM orders o JOIN order_lines l USING (order_id)")
    page.locator("#sql").evaluate("area => area.setSelectionRange(7, 7)")
    page.locator("#sql").press_sequentially("l.quan")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text("quantity")
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    assert "l.quan FROM" in page.locator("#sql").input_value()


def test_an_answer_is_drawn_as_its_user_chooses(console, open_page):
    page = open_page(f"{console}/query")
    run(page, "SELECT category, sum(quantity) AS units, count(*) AS lines FROM order_lines GROUP BY 1 ORDER BY 1")
    expect(page.locator("#result figure svg[role=img]")).to_be_visible()
    page.locator(".chooser summary").click()
    page.get_by_label("Kind").select_option("stacked")
    page.get_by_label("lines", exact=True).check()
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("#result figure .legend")).to_contain_text("lines")
    expect(page.locator("#result figure .legend")).to_contain_text("units")
    page.locator(".chooser summary").click()
    page.get_by_label("Kind").select_option("no chart")
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("#result figure")).to_have_count(0)
    expect(rows(page).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_saved_query_takes_parameters_and_its_page_is_readable(shop, console, open_page, width, scheme):
    page = open_page(f"{console}/query", width, scheme)
    page.locator(".saved summary", has_text="orders").click()
    link = page.get_by_role("link", name="Sales by category")
    if not link.is_visible():
        page.locator(".saved summary", has_text="orders").click()
    link.click()
    expect(page.get_by_role("heading", name="Sales by category").first).to_be_visible()
    page.get_by_label("start").fill("2025-03-01")
    page.get_by_label("until").fill("2025-03-31")
    page.get_by_role("button", name="Run with these").click()
    sql = (
        "SELECT category, sum(price * quantity) FROM order_lines "
        "WHERE order_date BETWEEN DATE '2025-03-01' AND DATE '2025-03-31' GROUP BY 1 ORDER BY 2 DESC"
    )
    category, sales = asked(shop, sql)[0]
    expect(page.locator("#sql")).to_have_value(re.compile("2025-03-31"))
    expect(rows(page).first).to_contain_text(category)
    assert Decimal(rows(page).first.locator("td").nth(1).inner_text()) == sales
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"query-answer-{width}-{scheme}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_parameter_that_does_not_fit_says_so(console, open_page):
    page = open_page(f"{console}/query?saved=sales_by_category")
    page.get_by_label("start").fill("yesterday'; DROP TABLE orders")
    page.get_by_role("button", name="Run with these").click()
    expect(page.get_by_role("alert")).to_contain_text("start")
    expect(page.get_by_role("group", name="Rows")).to_have_count(0)


def test_a_sum_over_repeated_rows_is_warned_of_and_put_right(shop, console, open_page):
    page = open_page(f"{console}/query")
    run(page, "SELECT sum(total_amount) AS revenue FROM orders_parquet_datalake")
    expect(page.locator(".lint")).to_contain_text("total_amount is counted more than once")
    page.get_by_role("button", name="Use this").click()
    expect(page.locator(".lint")).to_have_count(0)
    ((revenue,),) = asked(shop, "SELECT sum(total_amount) FROM orders")
    expect(rows(page)).to_have_text([f"{revenue}"])
    expect(page.locator("#sql")).not_to_have_value("SELECT sum(total_amount) AS revenue FROM orders_parquet_datalake")


def test_a_plan_and_the_bytes_that_a_statement_reads_are_told(console, open_page):
    page = open_page(f"{console}/query")
    page.locator("#sql").fill("SELECT sum(quantity) FROM order_lines")
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_label("Plan", exact=True).last).to_contain_text("Read Parquet")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#told")).to_contain_text(re.compile(r"1 row\.\s.*\sReads at most [\d.,]+ .?B in [\d,]+ files"))
    page.get_by_text("What it reads").click()
    expect(page.locator("#result li", has_text="order_lines")).to_have_text("order_lines: quantity")


@pytest.mark.parametrize("form", ["CSV", "Parquet"])
def test_an_exported_file_holds_the_whole_table(shop, console, open_page, tmp_path, form):
    page = open_page(f"{console}/query")
    sql = "SELECT order_id, order_date, total_amount, customer_name FROM orders ORDER BY order_id"
    run(page, sql)
    expect(page.locator("#told")).to_contain_text("The first 1,000 rows; there are more.")
    with page.expect_download() as coming:
        page.get_by_role("button", name=f"Export {form}").click()
    file = tmp_path / coming.value.suggested_filename
    coming.value.save_as(file)
    assert file.name == f"answer.{form.lower()}"
    read = {
        "CSV": f"read_csv('{file}', types={{'total_amount': 'DECIMAL(38,2)', 'order_id': 'VARCHAR'}})",
        "Parquet": f"read_parquet('{file}')",
    }[form]
    found = duckdb.execute(f"SELECT CAST(order_id AS VARCHAR), * EXCLUDE (order_id) FROM {read}").fetchall()
    assert [tuple(map(str, row)) for row in found] == [tuple(map(str, row)) for row in asked(shop, sql)]


def test_an_error_is_shown_and_its_line_is_marked_in_the_editor(console, open_page):
    page = open_page(f"{console}/query")
    run(page, "SELECT order_id,\n  totl_amount\nFROM orders")
    expect(page.get_by_role("alert")).to_contain_text("LINE 2")
    expect(page.locator("#sql")).to_be_focused()
    marked = page.locator("#sql").evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert marked == "  totl_amount"
    run(page, "SELECT 1 AS one")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.locator("#sql").get_attribute("aria-invalid") is None


def test_a_long_statement_is_cancelled_and_the_next_one_runs(console, open_page):
    page = open_page(f"{console}/query")
    run(page, ENDLESS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#running")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    assert page.locator("#sql").input_value() == ENDLESS
    run(page, "SELECT 42 AS answer")
    expect(rows(page)).to_have_text(["42"])


def test_a_link_from_elsewhere_fills_in_the_editor_and_runs_nothing(console, open_page):
    page = open_page(f"{console}/query?sql={quote('SELECT count(*) FROM orders')}&run=guessed")
    expect(page.locator("#sql")).to_have_value("SELECT count(*) FROM orders")
    expect(page.locator("#result")).to_contain_text("has not run")
    expect(page.get_by_role("group", name="Rows")).to_have_count(0)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(rows(page)).to_have_count(1)


def test_what_is_no_select_or_reads_the_disk_is_refused(console, open_page):
    page = open_page(f"{console}/query")
    for sql in ("DROP TABLE orders", "SELECT * FROM read_text('/etc/passwd')"):
        run(page, sql)
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("group", name="Rows")).to_have_count(0)
        run(page, "SELECT 1 AS one")
        expect(rows(page)).to_have_text(["1"])


def test_text_of_an_answer_is_never_markup(console, open_page):
    page = open_page(f"{console}/query")
    run(
        page,
        "SELECT '<img src=x onerror=alert(1)><b>bold</b>' AS text, 2 AS n UNION SELECT '</script>', 1 ORDER BY n",
    )
    expect(rows(page).last).to_contain_text("<b>bold</b>")
    assert page.locator("#result img, #result b").count() == 0
    expect(page.locator("#result figure")).to_contain_text("<b>bold</b>")


def test_back_and_forward_lead_through_what_was_asked(console, open_page):
    page = open_page(f"{console}/query")
    run(page, "SELECT 1 AS one")
    expect(rows(page)).to_have_text(["1"])
    run(page, "SELECT 2 AS two")
    expect(rows(page)).to_have_text(["2"])
    page.go_back()
    expect(rows(page)).to_have_text(["1"])
    expect(page.locator("#sql")).to_have_value("SELECT 1 AS one")


def test_on_a_phone_a_query_is_chosen_and_read_by_touch(chromium, console):
    with chromium.new_context(viewport={"width": NARROW, "height": 740}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto(f"{console}/query?saved=product_performance")
        page.get_by_role("button", name="Run", exact=True).tap()
        expect(rows(page).first).to_be_visible()
        box = page.get_by_role("group", name="Rows")
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        small = page.locator("button:visible").evaluate_all("all => all.filter(each => each.offsetHeight < 24).length")
        assert small == 0  # what a finger can hit


def test_without_scripts_a_statement_runs_all_the_same(console, open_page):
    page = open_page(f"{console}/query", script=False)
    page.locator("#sql").fill("SELECT 6 * 7 AS answer")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(rows(page)).to_have_text(["42"])

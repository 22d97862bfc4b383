"""A report is one page that needs nothing but itself, with the figures that the files have."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from datetime import date
from html.parser import HTMLParser

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from orderlake import Lake
from orderlake.cli import main
from orderlake.generate import generate
from orderlake.overview import chosen
from tests.reference import NOON, new_lake, order, written
from tests.unit.overview.recount import of_olist, of_orders

REFERENCES = {"src", "href", "srcset", "data", "action", "poster", "xlink:href", "style", "background"}


class References(HTMLParser):
    """Whatever in a page may lead out of it, or run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += (
            [f"<{tag}>"] if tag in {"script", "link", "iframe", "object", "img", "base", "form", "use"} else []
        )
        self.found += [f"{tag} {name}={value}" for name, value in attributes if name in REFERENCES]
        self.found += [f"{tag} {name}" for name, _ in attributes if name.startswith("on")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("report") / "shop"
    with Lake.init(root, ["orders", "olist"]) as lake:
        generate("orders", 1200, 5, root / "raw", None, date(2024, 1, 1), 366)
        generate("olist", 500, 5, root / "raw", None, date(2024, 1, 1), 366)
        lake.run()
    return root


@pytest.fixture(scope="module")
def page(shop, tmp_path_factory):
    target = tmp_path_factory.mktemp("pages") / "report.html"
    assert main(["--project", str(shop), "report", "--html", str(target)]) == 0
    return target


def test_a_report_refers_to_nothing_outside_and_runs_nothing(page):
    text = page.read_text("utf-8")
    assert not re.search(r"https?:|url\(|@import|//[a-z]", text)
    seen = References()
    seen.feed(text)
    assert seen.found == []


def test_the_figures_are_those_of_the_files(shop, page):
    by_hand = {"Orders": of_orders(sorted((shop / "raw").glob("orders_*.json"))), "Olist": of_olist(shop / "raw")}
    parts = re.split(r'<section class="shop"', page.read_text("utf-8"))[1:]
    assert len(parts) == 2
    for part, facts in zip(parts, by_hand.values(), strict=True):
        days = [row[1] for row in facts.orders]
        wanted = facts.figures(chosen("90d", (min(days), max(days))))
        cards = dict(re.findall(r'class="label">([^<]*)</p><p class="value">([^<]*)<', part))
        assert cards["Revenue"] == f"{wanted['Revenue']:,.2f}"
        assert cards["Orders"] == f"{wanted['Orders']:,}"
        assert cards["New customers"] == f"{wanted['New customers']:,}"
        assert cards["Units"] == f"{wanted['Units']:,}"


@pytest.mark.slow
def test_a_browser_without_a_network_opens_it_and_neither_it_nor_axe_complains(page):
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[] if os.geteuid() else ["--no-sandbox"])
        opened = browser.new_context(offline=True).new_page()
        opened.on("console", lambda message: faults.append(str(message)))
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("request", lambda asked: faults.append(asked.url) if asked.url != page.as_uri() else None)
        for width in (1280, 360):
            opened.set_viewport_size({"width": width, "height": 800})
            opened.goto(page.as_uri())
            assert opened.locator("figure.chart").count() >= 10
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
            assert len(opened.pdf()) > 10_000
        opened.evaluate("document.querySelector('details').open = true")
        assert Axe().run(opened).response["violations"] == []
        browser.close()
    assert faults == []


def test_a_report_is_of_the_days_the_shop_and_the_title_that_were_asked_for(shop, tmp_path, capsys):
    words = ["--shop", "olist", "--from", "2024-02-01", "--to", "2024-02-29", "--title", "February <3"]
    assert main(["--project", str(shop), "report", "--html", str(tmp_path / "r.html"), *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    text = (tmp_path / "r.html").read_text("utf-8")
    assert said == {"file": str(tmp_path / "r.html"), "bytes": len(text.encode()), "shops": ["olist"]}
    assert "<h1>February &lt;3</h1>" in text
    assert "1 Feb 2024 – 29 Feb 2024" in text


def test_a_dash_writes_to_standard_output(shop, capsys):
    assert main(["--project", str(shop), "report", "--html", "-", "--shop", "orders"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_a_report_replaces_the_one_before_in_one_step_and_a_failed_one_leaves_it(shop, tmp_path, capsys):
    target = tmp_path / "r.html"
    target.write_text("the one before", "utf-8")
    assert main(["--project", str(shop), "report", "--html", str(target), "--shop", "corner"]) == 66
    assert "there is no shop 'corner' in this lake; there are orders, olist" in capsys.readouterr().err
    assert target.read_text("utf-8") == "the one before"
    assert main(["--project", str(shop), "report", "--html", str(target)]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]
    assert "Revenue" in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "soon"], "'soon' is no day"),
        (["--period", "7d", "--to", "2024-01-01"], "give --period, or --from and --to, not both"),
    ],
)
def test_wrong_days_are_refused(shop, tmp_path, capsys, words, said):
    assert main(["--project", str(shop), "report", "--html", str(tmp_path / "r.html"), *words]) == 78
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_pip_line_is_said(shop, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "orderlake.console.report", None)
    assert main(["--project", str(shop), "report", "--html", str(tmp_path / "r.html")]) == 78
    assert "pip install 'orderlake[console]'" in capsys.readouterr().err


def test_a_folder_is_no_target(shop, tmp_path, capsys):
    assert main(["--project", str(shop), "report", "--html", str(tmp_path)]) == 78
    assert "name the file that the report is to be" in capsys.readouterr().err


def test_tables_under_other_names_are_said_to_need_a_shop_of_their_own(tmp_path, capsys):
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        pipeline = lake.project.root / "pipelines" / "orders.yaml"
    text = pipeline.read_text("utf-8").replace("      orders: ", "      sold: ")
    pipeline.write_text(text.replace("{table: orders,", "{table: sold,"), "utf-8")
    assert main(["--project", str(tmp_path / "shop"), "report", "--html", str(tmp_path / "r.html")]) == 66
    assert "say what its orders are in overview/NAME.sql" in capsys.readouterr().err


def test_an_empty_lake_has_nothing_to_report(tmp_path, capsys):
    with new_lake(tmp_path / "lake"):
        pass
    assert main(["--project", str(tmp_path / "lake"), "report", "--html", str(tmp_path / "r.html")]) == 66
    assert "load some with `orderlake run`" in capsys.readouterr().err


def test_what_was_set_aside_is_said_at_the_foot(tmp_path):
    with new_lake(tmp_path / "lake") as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1), order(2) | {"order_date": "none"}], NOON)
        lake.run()
    target = tmp_path / "r.html"
    assert main(["--project", str(tmp_path / "lake"), "report", "--html", str(target)]) == 0
    assert "1 record could not be loaded and is not in these figures." in target.read_text("utf-8")

"""The page Overview: the shop's figures for a chosen time, at once, and honest about what they are of."""

from __future__ import annotations

import re
import threading
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from orderlake import Lake
from orderlake.console.app import make_app
from orderlake.console.state import Console
from orderlake.overview import keeper as keeping
from orderlake.overview.cube import build
from tests.reference import NOON, SECOND, new_lake, order, written

NASTY = "<b onmouseover=alert(1)>Toys</b>"


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        product = {"product_id": "A", "name": NASTY, "category": NASTY, "price": "10.25", "quantity": 2}
        orders = [
            order(1, day="2024-01-05", total="20.50", customer={"customer_id": 1}) | {"products": [product]},
            order(2, day="2024-02-01", total="30.00", customer={"customer_id": 1}),
            order(3, day="2024-03-15", total="1234.50", customer={"customer_id": 2}),
        ]
        written(opened, opened.project.raw / "orders_1.json", orders, NOON)
        opened.run()
        yield opened


@pytest.fixture
def client(lake, monkeypatch):
    monkeypatch.setattr("orderlake.console.pages.overview._PATIENCE", 30)
    console = Console(lake)
    yield TestClient(make_app(console), base_url="http://127.0.0.1")
    console.close()


def values(text):
    """The cards by name."""
    pairs = re.findall(r'class="label">([^<]*)</p>\s*<p class="value[^"]*">([^<]*)<', text)
    return {label: value.strip() for label, value in pairs}


def test_the_page_shows_the_figures_of_the_last_ninety_days(client):
    answer = client.get("/")
    assert answer.status_code == 200
    shown = values(answer.text)
    assert (shown["Revenue"], shown["Orders"], shown["New customers"]) == ("1,285.00", "3", "2")
    assert shown["Average basket"] == "428.33"
    assert "Total amounts of the orders, as the shop sent them." in answer.text


def test_the_period_is_chosen_by_the_address(client):
    assert values(client.get("/?period=7d").text)["Revenue"] == "1,234.50"
    own = client.get("/?from=2024-02-01&to=2024-02-29")
    assert values(own.text)["Revenue"] == "30.00"
    assert 'value="2024-02-29"' in own.text
    assert "No orders in these days" in client.get("/?from=2020-01-01&to=2020-01-31").text


@pytest.mark.parametrize("query", ["period=decade", "from=soon", "from=2024-02-02&to=2024-02-01"])
def test_a_wrong_period_is_told_and_the_usual_one_shown(client, query):
    answer = client.get(f"/?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert values(answer.text)["Revenue"] == "1,285.00"


def test_a_period_of_thousands_of_years_is_a_page_of_the_usual_size(client):
    answer = client.get("/?from=0001-01-01&to=9999-12-31")
    assert values(answer.text)["Orders"] == "3"
    assert len(answer.text) < 1_000_000


def test_a_shop_that_is_not_there_is_not_found(client):
    answer = client.get("/?shop=corner")
    assert answer.status_code == 404
    assert "there is no shop" in answer.text


def test_what_the_data_says_is_never_markup(client):
    text = client.get("/").text
    assert "<b onmouseover" not in text
    assert "&lt;b onmouseover=alert(1)&gt;Toys" in text


def test_nothing_in_the_page_needs_an_inline_style_or_script(client):
    text = client.get("/").text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*src=)", text)
    outside_of_values = re.sub(r'"[^"]*"', '""', text)
    assert not re.search(r"<[^>]+ on[a-z]+=", outside_of_values)


def test_every_chart_is_well_formed_with_its_numbers_beside_it(client):
    figures = re.findall(r"<figure.*?</figure>", client.get("/").text, re.DOTALL)
    assert len(figures) == 5
    for figure in figures:
        root = ET.fromstring(figure)
        assert root.find(".//svg[@role='img']") is not None
        assert root.find("details//table") is not None


def test_an_empty_lake_says_how_to_load_or_generate(tmp_path):
    with new_lake(tmp_path) as lake:
        console = Console(lake)
        visitor = TestClient(make_app(console), base_url="http://127.0.0.1")
        text = visitor.get("/").text
        while "Counting…" in text:  # on a busy machine even nothing takes a moment
            text = visitor.get("/").text
        console.close()
    assert "orderlake generate orders" in text
    assert "orderlake run" in text


def test_a_project_without_shops_has_an_overview_all_the_same(tmp_path):
    with Lake.init(tmp_path, ["orders"]) as lake:
        for file in lake.project.pipelines.iterdir():
            file.unlink()
        console = Console(lake)
        answer = TestClient(make_app(console), base_url="http://127.0.0.1").get("/")
        console.close()
    assert answer.status_code == 200
    assert "No shop that is known" in answer.text


def test_while_figures_are_counted_the_page_comes_at_once_and_the_pulse_tells_when_they_are_done(lake, monkeypatch):
    gate = threading.Event()

    def held_up(*args):
        gate.wait(30)
        build(*args)

    monkeypatch.setattr(keeping, "build", held_up)
    monkeypatch.setattr("orderlake.console.pages.overview._PATIENCE", 0.01)
    console = Console(lake)
    client = TestClient(make_app(console), base_url="http://127.0.0.1")
    text = client.get("/").text
    assert "Counting…" in text
    assert 'http-equiv="refresh"' in text
    before = console.look()
    gate.set()
    assert console.overview.kept(console.overview.shops()[0], 30) is not None
    console.overview.close()
    assert console.look() != before
    assert values(client.get("/").text)["Revenue"] == "1,285.00"
    gate.clear()
    written(lake, lake.project.raw / "orders_2.json", [order(4, day="2024-03-16", total="1.00")], NOON + SECOND)
    lake.run()
    stale = client.get("/").text
    assert "refreshing…" in stale
    assert values(stale)["Revenue"] == "1,285.00"
    gate.set()
    assert console.overview.kept(console.overview.shops()[0], 30) is not None
    assert values(client.get("/").text)["Revenue"] == "1,286.00"
    console.close()


def test_the_quality_strip_counts_what_was_set_aside(client, lake):
    assert values(client.get("/").text)["Records set aside"] == "0"
    written(lake, lake.project.raw / "orders_3.json", [order(9) | {"order_date": "none"}], NOON + 2 * SECOND)
    lake.run()
    text = client.get("/").text
    assert values(text)["Records set aside"] == "1"
    assert 'href="/quality"' in text


def test_tables_under_other_names_are_no_empty_shop(tmp_path):
    with Lake.init(tmp_path / "shop", ["orders"]) as made:
        pipeline = made.project.root / "pipelines" / "orders.yaml"
    text = pipeline.read_text("utf-8").replace("      orders: ", "      sold: ")
    pipeline.write_text(text.replace("{table: orders,", "{table: sold,"), "utf-8")
    with Lake(tmp_path / "shop") as lake:
        console = Console(lake)
        text = TestClient(make_app(console), base_url="http://127.0.0.1").get("/").text
        console.close()
    assert ("overview/NAME.sql" in text, "No orders yet" in text) == (True, False)

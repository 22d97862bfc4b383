"""The page Lineage: all that is made from something, by mouse, keyboard and ear; and records up to their file."""

import html
import json
import os
import re
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from orderlake.console.app import make_app
from orderlake.console.state import Console
from orderlake.explain import trace
from tests.reference import NOON, SECOND, new_lake, order, written
from tests.unit.lineage.artifacts import MANIFEST

NASTY = "<script>alert('x')</script>"


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        records = [order(1, "A", "B", customer={"customer_id": 7, "name": NASTY}), order(2, "A")]
        written(opened, opened.project.raw / "orders_1.json", records, NOON)
        opened.run()
        folder = opened.project.state / "dbt" / "target"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(MANIFEST))
        (opened.project.root / "queries").mkdir()
        (opened.project.root / "queries" / "mine.sql").write_text(
            "-- title: Mine\n-- question: Which?\n-- grain: one row\nSELECT count(*) AS n FROM orders\n"
        )
        yield opened


@pytest.fixture
def client(lake):
    console = Console(lake)
    yield TestClient(make_app(console), base_url="http://127.0.0.1")
    console.close()


def part(pattern, text):
    """What a pattern finds, or its group."""
    found = re.search(pattern, text, re.DOTALL)
    assert found is not None, pattern
    return found[found.re.groups]


def picture(text):
    """The graph, which must be well-formed."""
    return ET.fromstring(part(r"<svg width.*?</svg>", text))


def drawn(text):
    """The nodes of the graph: what is said of each, by where it leads."""
    return {each.get("href"): each.get("aria-label") for each in picture(text).iter("a")}


def rows(text, label):
    """The cells of a table, as text, by its label."""
    body = part(rf'aria-label="{re.escape(label)}".*?<tbody>(.*?)</tbody>', text)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")]
    return [[" ".join(html.unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in row] for row in cells if row]


def test_the_graph_leads_from_files_to_readers_and_each_node_is_a_link(client):
    text = client.get("/lineage").text
    assert set(drawn(text).values()) == {
        "files *order*.json*",
        "stream orders",
        "table orders",
        "table order_lines",
        "table orders_parquet_datalake",
        "mart fct",
        "mart agg",
        "reader The board",
    }
    for href in drawn(text):
        assert client.get(href.split("#")[0]).status_code == 200
    assert "style=" not in text
    assert not re.search(r"<script(?! src)", text)


def test_the_same_is_said_as_a_table(client):
    said = {row[0]: row[1:] for row in rows(client.get("/lineage").text, "List") if row[1] != "table"}
    assert said["fct"] == ["mart", "orders", "agg"]
    assert said["The board"] == ["reader", "agg", ""]
    assert said["*order*.json*"] == ["files", "", "orders"]


def test_staging_models_and_saved_queries_are_shown_when_asked_for(client):
    text = client.get("/lineage?all=1").text
    assert {"staging model stg", "saved query mine"} <= set(drawn(text).values())
    assert "Show less" in text
    assert re.search(
        r'href="/lineage\?all=1">Show [\d,]+ more: staging models and saved queries<', client.get("/lineage").text
    )


def test_a_chosen_node_is_shown_with_what_it_is_made_from_and_what_is_made_from_it(client):
    text = client.get("/lineage?of=mart:agg").text
    assert set(drawn(text).values()) == {
        "files *order*.json*",
        "stream orders",
        "table orders",
        "mart fct",
        "mart agg",
        "reader The board",
    }
    (chosen,) = [each for each in picture(text).iter("a") if each.get("aria-current") == "true"]
    assert chosen.get("aria-label") == "mart agg"
    assert 'href="/lineage"' in text


def test_columns_of_a_table_come_from_paths_of_the_record_and_go_into_marts(client):
    found = {row[0]: row[1:] for row in rows(client.get("/lineage?of=table:orders").text, "Columns of orders")}
    assert found["customer_name"] == ["VARCHAR", "customer.name", ""]
    assert found["total_amount"] == ["DECIMAL(18,2)", "total_amount", "fct.revenue, agg.revenue, agg.both"]
    assert "the file that the row came from" in found["_source_file"][1]
    lines = {
        row[0]: row[1:] for row in rows(client.get("/lineage?of=table:order_lines").text, "Columns of order_lines")
    }
    assert lines["line_number"] == ["INTEGER", "products its position in the list, from 1", ""]


def test_columns_of_a_mart_come_from_other_columns_and_in_the_end_from_loaded_ones(client):
    found = {row[0]: row[1:] for row in rows(client.get("/lineage?of=mart:agg").text, "Columns of agg")}
    assert found == {
        "n": ["nothing: counted, or written in the SQL", ""],
        "revenue": ["fct.revenue", "orders.total_amount"],
        "both": ["fct.order_key, fct.revenue", "orders.order_id, orders.total_amount"],
    }


def test_a_model_built_anew_is_shown_as_it_is_now(client, lake):
    client.get("/lineage")
    file = lake.project.state / "dbt" / "target" / "manifest.json"
    file.write_text(json.dumps({**MANIFEST, "exposures": {}}))
    os.utime(file, ns=(1, 1))
    assert "The board" not in client.get("/lineage").text


def test_what_there_is_not_is_said(client):
    answer = client.get("/lineage?of=mart:nope")
    assert answer.status_code == 404
    assert "there is nothing called mart:nope here" in answer.text


def test_a_record_is_shown_with_its_rows_its_load_and_as_it_was_received_and_nothing_of_it_is_markup(client):
    text = client.get("/lineage?by=orders.order_id&key=1").text
    assert "Record 1 of raw/orders_1.json" in text
    assert "2 read, 2 loaded" in text
    record = json.loads(html.unescape(part(r'aria-label="Record 1 of [^"]*">(.*?)</pre>', text)))
    assert record["customer"]["name"] == NASTY
    assert len(rows(text, "Rows of order_lines")) == 2
    assert rows(text, "Rows of orders")[0][4] == NASTY
    assert NASTY not in text
    load = part(r'href="(/loads/[^"]+)"', text)
    assert client.get(load).status_code == 200


def test_a_record_that_was_corrected_comes_from_the_file_that_corrected_it(client, lake):
    written(lake, lake.project.raw / "orders_2.json", [order(3), order(1, "C")], NOON + SECOND)
    lake.run()
    text = client.get("/lineage?by=orders.order_id&key=1").text
    assert "Record 2 of raw/orders_2.json" in text
    assert "orders_1.json" not in text


@pytest.mark.parametrize("key", ["77", "no number", "1; DROP TABLE orders", "' OR 1=1 --"])
def test_a_key_that_no_row_has_is_said(client, key):
    answer = client.get("/lineage", params={"by": "orders.order_id", "key": key})
    assert answer.status_code == 200
    assert f"No table has a row whose order_id is {key}." in html.unescape(answer.text)


def changed(path, *_):
    path.write_text(path.read_text() + " ")


def gone(path, *_):
    path.unlink()


def large(_, monkeypatch):
    monkeypatch.setattr(trace, "_LARGEST", 10)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(changed, "has changed since it was loaded"), (gone, "is not there any more"), (large, "too large to look for")],
)
def test_a_record_that_cannot_be_shown_any_more_says_why_and_its_rows_stay(client, lake, monkeypatch, spoil, said):
    spoil(lake.project.raw / "orders_1.json", monkeypatch)
    text = client.get("/lineage?by=orders.order_id&key=1").text
    assert said in text
    assert len(rows(text, "Rows of orders")) == 1


def test_only_what_a_load_has_read_is_ever_opened(client, lake, monkeypatch):
    """A row that names another file, from a lake that somebody has tampered with, shows nothing of it."""
    (lake.project.root / "secret.json").write_text('{"order_id": 1, "secret": "hush"}')
    real = trace._record
    monkeypatch.setattr(trace, "_record", lambda look, stream, _, *rest: real(look, stream, "secret.json", *rest))
    text = client.get("/lineage?by=orders.order_id&key=1").text
    assert "hush" not in text
    assert "has changed since it was loaded" in text


def test_an_empty_project_says_how_to_begin(tmp_path):
    with new_lake(tmp_path / "shop") as empty:
        for file in empty.project.pipelines.iterdir():
            file.unlink()
        console = Console(empty)
        text = TestClient(make_app(console), base_url="http://127.0.0.1").get("/lineage").text
        console.close()
    assert "The project has no pipeline" in text
    assert "No pipeline of this project has a key." in text

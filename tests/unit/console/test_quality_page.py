"""The page Quality: what was set aside stands there as text, and is mended from there where that was asked for."""

import html
import json
import re
import threading

import pytest
from starlette.testclient import TestClient

from orderlake import Lake
from orderlake.console import checking
from orderlake.console.app import make_app
from orderlake.console.state import Console
from tests.reference import NOON, SECOND, order, put

ORIGIN = {"origin": "http://127.0.0.1:7373"}
EVIL = "<img src=x onerror=alert(1)>"
SOURCE = "raw/orders.json"


def bad(number, **more):
    return order(number, "P1", day="never", **more)


@pytest.fixture
def lake(tmp_path):
    with Lake.init(tmp_path, ["orders"]) as opened:
        put(tmp_path / "raw" / "orders.json", [order(1, "P1"), bad(2, note=EVIL), bad(3, note="x" * 2000)], NOON)
        (tmp_path / "raw" / "orders_broken.json").write_text("never JSON")
        opened.run()
        yield opened


@pytest.fixture
def opened(lake, monkeypatch):
    monkeypatch.setattr(checking, "_PATIENCE", 30)
    console = Console(lake, writable=True)
    yield console
    console.close()


@pytest.fixture
def client(opened):
    return TestClient(make_app(opened), base_url="http://127.0.0.1:7373")


@pytest.fixture
def reading(lake, monkeypatch):
    monkeypatch.setattr(checking, "_PATIENCE", 30)
    console = Console(lake)
    yield TestClient(make_app(console), base_url="http://127.0.0.1:7373")
    console.close()


def cards(text):
    return dict(re.findall(r'class="label">([^<]*)</p>\s*<p class="value">([^<]*)<', text))


def place(position, version=NOON):
    return {"source": SOURCE, "position": str(position), "version": str(version)}


def mend(client, position, **more):
    return client.post("/quality/record", data={**place(position), **more}, headers=ORIGIN, follow_redirects=False)


def shown(text):
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def test_the_page_counts_what_was_taken_and_what_was_not(client):
    text = client.get("/quality").text
    assert cards(text) == {
        "Records read": "3",
        "Taken": "33.33%",
        "In quarantine, open": "2",
        "Fixed": "0",
        "Dropped": "0",
        "Replaced": "0",
        "Rejected files": "1",
    }
    assert "Share of records set aside per file" in text
    assert "order without lines" in shown(text)


def test_what_data_holds_is_text(client):
    for address in ("/quality", "/quality?source=" + EVIL, "/quality?reason=" + EVIL, "/quality?status=" + EVIL):
        assert EVIL not in client.get(address).text
    text = client.get("/quality/record", params=place(2)).text
    assert EVIL not in text
    assert html.escape(EVIL) in text


def test_a_long_record_is_cut_and_can_be_seen_whole(client):
    text = client.get("/quality").text
    assert "Show all 2," in text
    assert f"{'x' * 2000}&#34;" in text


def test_records_are_chosen_by_status_source_and_reason(client):
    def listed(**wanted):
        return re.findall(r"<h3><a[^>]*>([^<]*)</a>", client.get("/quality", params=wanted).text)

    assert listed() == [f"{SOURCE}, record 2", f"{SOURCE}, record 3"]
    assert listed(status="fixed") == []
    assert listed(source="orders.js", status="all") == listed()
    assert listed(source="nowhere") == []
    assert listed(reason="is not a date like 2024-12-31") == listed()
    assert listed(reason="it's") == []


def test_a_list_has_pages(client, lake):
    put(lake.project.raw / "orders_many.json", [bad(number) for number in range(100, 121)], NOON)
    lake.run()
    first, third = client.get("/quality").text, client.get("/quality?page=3").text
    assert ("page 1 of 3" in first, 'rel="next"' in first, 'rel="prev"' in first) == (True, True, False)
    assert ("page 3 of 3" in third, 'rel="next"' in third, 'rel="prev"' in third) == (True, False, True)
    assert client.get("/quality?page=-1").status_code == client.get("/quality?page=" + "9" * 40).status_code == 200


def test_a_record_is_fixed_from_the_page(client, lake):
    record = client.get("/quality/record", params=place(2)).text
    (text,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", record, re.DOTALL)
    draft = json.loads(html.unescape(text))
    answer = mend(
        client, 2, do="fix", record=json.dumps(draft | {"order_date": "2024-02-03"}, indent=1).replace("\n", "\r\n")
    )
    assert answer.status_code == 303
    after = client.get(answer.headers["location"]).text
    assert "the record has left the quarantine" in after
    assert lake.query("SELECT order_id, CAST(order_date AS VARCHAR) FROM orders ORDER BY 1").rows[1] == (
        2,
        "2024-02-03",
    )
    assert (cards(client.get("/quality").text)["Fixed"], lake.verify().ok) == ("1", True)


def test_a_record_that_is_still_bad_says_so_and_keeps_what_was_written(client):
    answer = mend(client, 2, do="fix", record=json.dumps(bad(2) | {"total_amount": EVIL, "order_date": "2024-01-01"}))
    after = client.get(answer.headers["location"]).text
    assert "Set aside again: total_amount is not a number" in shown(after)
    assert EVIL not in after
    assert html.escape(EVIL) in after


def test_a_text_that_is_no_record_is_not_loaded_and_not_lost(client, lake):
    answer = mend(client, 2, do="fix", record='{"order_id": 2,')
    assert answer.status_code == 422
    assert "line 1, column 16" in shown(answer.text)
    assert "{&#34;order_id&#34;: 2,</textarea>" in answer.text
    assert len(lake.loads()) == 2
    (address,) = re.findall('<form class="panel" method="post" action="([^"]+)"', answer.text)
    again = client.get(html.unescape(address))  # by a reload, and whenever the lake changes
    assert (again.status_code, "Record 2 of raw/orders.json" in again.text) == (200, True)


def test_a_replay_says_what_came_of_it(client):
    answer = mend(client, 2, do="replay")
    assert answer.status_code == 303
    assert "Set aside again: order_date" in shown(client.get(answer.headers["location"]).text)


def test_a_read_only_console_shows_a_note_and_mends_nothing(reading, lake):
    text = reading.get("/quality").text
    assert ("read-only. Start it with" in shown(text), 'method="post"' in text) == (True, False)
    assert "<textarea" not in reading.get("/quality/record", params=place(2)).text
    assert mend(reading, 2, do="replay").status_code == 403
    assert len(lake.loads()) == 2


def test_nothing_is_mended_from_elsewhere(client, lake):
    for headers in ({}, {"origin": "https://evil.example"}):
        data = {**place(2), "do": "replay"}
        assert client.post("/quality/record", data=data, headers=headers, follow_redirects=False).status_code == 403
    assert client.get("/quality/record", params={**place(2), "do": "replay"}).status_code == 200
    assert len(lake.loads()) == 2


def test_a_link_cannot_make_the_page_say_that_something_was_loaded(client):
    text = client.get("/quality/record", params={**place(2), "tried": "1"}).text
    assert "has left the quarantine" not in text


def test_a_record_that_is_not_there_is_not_found(client):
    for named in ({}, place(1), place(2, 5), {**place(2), "position": "x"}, {**place(2), "version": "9" * 30}):
        assert client.get("/quality/record", params=named).status_code == 404


def test_a_newer_version_of_a_file_replaces_its_records(client, lake):
    put(lake.project.raw / "orders.json", [order(1), bad(9)], NOON + SECOND)
    lake.run()
    counted = cards(client.get("/quality").text)
    assert (counted["In quarantine, open"], counted["Replaced"]) == ("1", "2")


def test_days_make_charts_of_days(client, opened, lake, monkeypatch):
    assert checking.Quarantine.of(opened).by_reason() is None
    monkeypatch.setattr("orderlake.loading.utc_now", lambda: "2024-05-01T10:00:00.000+00:00")
    for number in range(8):  # more reasons than a chart has names for
        wrong = {"total_amount": f"{number}", "order_date": "2024-01-01"} | {"products": f"{'x' * number}"}
        put(lake.project.raw / f"orders_{number}.json", [order(50, day="never"), {**order(60 + number), **wrong}], NOON)
    lake.run()
    chart = checking.Quarantine.of(opened).by_reason()
    assert chart is not None
    assert str(chart.labels[0]) == "2024-05-01"
    assert sum(value or 0 for one in chart.series for value in one.values) == 18
    share = checking.share_over_time(opened)
    assert share is not None
    assert (str(share.labels[0]), share.series[0].values) == ("2024-05-01", (100.0, 66.67))
    text = client.get("/quality").text
    assert ("set aside per day<" in text, "per day, by reason<" in text) == (True, True)


def test_checks_that_take_long_do_not_keep_the_page_waiting(client, monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(checking, "_PATIENCE", 0.01)
    monkeypatch.setattr(checking, "_checked", lambda _: iter([done.wait(30)][1:]))
    assert "data-pending" in client.get("/quality").text
    done.set()
    monkeypatch.setattr(checking, "_PATIENCE", 30)
    assert "There are no checks for the tables" in client.get("/quality").text


def test_no_page_has_a_script_or_a_style_in_it(client):
    for address in ("/quality", "/quality/record?source=raw/orders.json&position=2&version=" + str(NOON)):
        assert not re.search(r"\sstyle=|<style|<script(?! src=)", client.get(address).text)


def test_a_record_is_dropped_with_a_reason_from_its_page(client, lake):
    assert 'name="why"' in client.get("/quality/record", params=place(2)).text
    refused = mend(client, 2, do="drop", why=" ")
    assert (refused.status_code, "say why" in shown(refused.text)) == (422, True)
    answer = mend(client, 2, do="drop", why="a test <b>")
    text = client.get(answer.headers["location"]).text
    assert "a test &lt;b&gt;" in text
    assert 'name="why"' not in text
    counted = cards(client.get("/quality").text)
    assert (counted["In quarantine, open"], counted["Dropped"], lake.verify().ok) == ("1", "1", True)
    listed = client.get("/quality?status=dropped").text
    assert "a test &lt;b&gt;" in listed
    assert lake.quarantine()[0]["id"] in listed


def test_what_closed_a_record_is_linked(client, lake):
    done = lake.fix(SOURCE, 2, json.dumps(order(2, "P1")))
    link = f'href="/loads?load={done.load_id}"'
    assert link in client.get("/quality?status=fixed").text
    assert link in client.get("/quality/record", params=place(2)).text

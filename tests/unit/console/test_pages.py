"""What all pages promise: data is never markup, a failing lake is a page that says so, nothing is changed unasked."""

import json
import re
import shutil
import threading
from html.parser import HTMLParser

import pytest

from orderlake import Lake
from orderlake.console.render import NAVIGATION
from orderlake.errors import CatalogUnavailableError

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
PAGES = [path for path, _ in NAVIGATION]


class Markup(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


@pytest.fixture
def hostile(tmp_path):
    """A lake in which every text that comes from outside tries to be markup."""
    root = tmp_path / HOSTILE.replace("/", "")
    with Lake.init(root, ["orders"]) as lake:
        customer = {"customer_id": 1, "name": HOSTILE, "email": HOSTILE, "address": HOSTILE}
        product = {"product_id": HOSTILE, "name": HOSTILE, "category": HOSTILE, "price": 1, "quantity": 1}
        good = {
            "order_id": 1,
            "order_date": "2024-01-05",
            "total_amount": 5,
            "customer": customer,
            "products": [product],
        }
        bad = {"order_id": HOSTILE, "order_date": HOSTILE}
        (root / "raw" / f"orders {HOSTILE}.json").write_text(json.dumps([good, bad]))
        (root / "raw" / f"orders {HOSTILE} broken.json").write_text(HOSTILE)
        lake.run()
        (root / "raw" / f"orders {HOSTILE} waits.json").write_text("[]")
    return root


def paths_of(client):
    """Every page that pages of the console lead to, from the navigation on."""
    seen, todo = set(), list(PAGES)
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code < 500, path
        links = [attrs.get("href") or "" for tag, attrs in Markup(answer.text).elements if tag == "a"]
        todo += [
            link for link in dict.fromkeys(links)
            if re.match(r"/(data|loads|quality)/", link) and link not in seen and link not in todo
        ]  # fmt: skip
    return seen


def test_what_data_says_is_never_markup(hostile, opened):
    client = opened(hostile)
    paths = paths_of(client) | {"/loads?source=" + HOSTILE, "/data/" + HOSTILE, "/query?sql=" + HOSTILE}
    assert len(paths) > 8
    shown = 0
    for path in sorted(paths):
        text = client.get(path).text
        assert "<img src=x" not in text, path
        for tag, attributes in Markup(text).elements:
            assert not any(name.startswith("on") for name in attributes), (path, tag)
            assert "style" not in attributes, (path, tag)
            assert tag != "style", path
            assert tag != "script" or attributes.get("src", "").startswith("/static/"), path
        shown += "&lt;img src=x onerror=alert(1)&gt;" in text
    assert shown >= 5


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_named_and_found_in_the_navigation(shop, opened, path):
    elements = Markup(opened(shop).get(path).text).elements
    assert [attrs["href"] for tag, attrs in elements if tag == "a" and attrs.get("aria-current") == "page"] == [path]
    assert sum(tag == "h1" for tag, _ in elements) == 1
    assert ("html", {"lang": "en"}) in [(tag, {"lang": attrs.get("lang")}) for tag, attrs in elements]


@pytest.mark.parametrize("path", [*PAGES, "/data/orders"])
def test_ids_are_unique_and_what_is_live_has_one(shop, opened, path):
    elements = Markup(opened(shop).get(path).text).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all("id" in attrs for _, attrs in elements if "data-live" in attrs)


@pytest.mark.parametrize("path", [*PAGES, "/data/orders"])
def test_a_page_needs_nothing_from_elsewhere(shop, opened, path):
    client = opened(shop)
    for tag, attrs in Markup(client.get(path).text).elements:
        for name in ("src", "href", "action"):
            target = attrs.get(name)
            if target is not None:
                assert not re.match(r"[a-z]+:|//", target), (tag, target)
            if tag in {"script", "link", "img"} and target is not None:
                assert client.get(target).status_code == 200, target


@pytest.mark.parametrize("path", ["/data", "/loads", "/loads/x"])
def test_a_catalog_that_cannot_be_read_is_a_page_that_says_so(shop, opened, monkeypatch, path):
    client = opened(shop)

    def away(*_, **__):
        raise CatalogUnavailableError("catalog.db: disk I/O <error>")

    monkeypatch.setattr("orderlake.database.Database.rows", away)
    answer = client.get(path)
    assert answer.status_code == 503
    assert "catalog.db: disk I/O &lt;error&gt;" in answer.text


def test_a_lake_whose_files_are_gone_is_a_page_that_says_so(shop, opened):
    shutil.rmtree(shop / "lake")
    client = opened(shop)
    for path in ("/data", "/data/orders"):
        answer = client.get(path)
        assert answer.status_code in (404, 503)
        assert "there is no file" in answer.text


def test_a_page_that_is_none_says_so(shop, opened):
    answer = opened(shop).get("/nothing")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_nothing_is_written_by_looking(shop, opened):
    def state():
        return {
            path: path.stat().st_mtime_ns
            for path in shop.rglob("*")
            if path.is_file() and not {"work", "cache", "overview"} & set(path.relative_to(shop).parts)
            and not path.name.endswith(("-wal", "-shm"))
        }  # fmt: skip

    before = state()
    client = opened(shop)
    for path in (*PAGES, "/data/orders"):
        client.get(path)
    assert state() == before


def test_a_page_carries_what_the_lake_was_before_it_was_made(shop, opened):
    client = opened(shop)
    (token,) = re.findall(r'data-token="([0-9a-f]{16})"', client.get("/loads").text)
    assert token == client.console.pulse.token


def test_pages_hear_of_a_load_of_another_process(shop, put, opened):
    client = opened(shop)
    before = client.console.pulse.token
    assert not client.console.pulse.beat()
    put("orders_x.json", [{"order_id": 1, "order_date": "2024-01-05"}])
    assert client.console.pulse.beat()
    with Lake(shop) as lake:
        lake.run()
    assert client.console.pulse.beat()
    assert client.console.pulse.token != before
    assert not client.console.pulse.beat()


def test_why_new_files_are_not_loaded_is_on_every_page(shop, opened, monkeypatch):
    monkeypatch.setattr("orderlake.console.intake.Intake.start", lambda _: None)
    client = opened(shop, writable=True)
    client.console.intake.problem = "the disk is <full>"
    for path in PAGES:
        assert "New files are not being loaded: the disk is &lt;full&gt;" in client.get(path).text
    assert client.console.pulse.beat()


def test_many_pages_may_be_asked_for_at_once(shop, opened):
    client, codes = opened(shop), []
    paths = [*PAGES, "/data/orders", "/data/order_lines", "/loads?source=sample"] * 3
    threads = [threading.Thread(target=lambda path=path: codes.append(client.get(path).status_code)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * len(paths)

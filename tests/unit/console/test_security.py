"""Who may speak to the console: its own pages, on this machine; and what every answer tells the browser."""

import asyncio

import pytest
from starlette.websockets import WebSocketDisconnect

from orderlake.console.security import HEADERS, Guard, refusal

OWN = "http://127.0.0.1:7373"
EVIL = "https://evil.example"
TO_A_PAGE = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize("host", ["127.0.0.1:7373", "localhost:7373", "LOCALHOST", "[::1]:7373", "127.0.0.1"])
def test_names_of_this_machine_are_answered(host):
    assert refusal("GET", {"host": host}) is None


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:7373", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.2",
     "0.0.0.0:7373", "127.0.0.1:", "127.0.0.1:777777", "user@127.0.0.1", "127.0.0.1 evil", "\uff11.0.0.1",
     "localhost\n"],
)  # fmt: skip
def test_any_other_name_is_refused_for_it_may_be_rebound_to_here(host):
    assert refusal("GET", {"host": host}) is not None


def test_a_request_without_a_host_is_refused():
    assert refusal("GET", {}) is not None


@pytest.mark.parametrize(
    ("headers", "is_fine"),
    [
        ({"origin": OWN}, True),
        ({"origin": "http://LOCALHOST:7373", "host": "localhost:7373"}, True),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": OWN, "sec-fetch-site": "same-site"}, False),
        ({"origin": OWN, "sec-fetch-site": "cross-site"} | TO_A_PAGE, False),
        ({"origin": EVIL}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://127.0.0.1:7373"}, False),
        ({"origin": "http://127.0.0.1:8080"}, False),
        ({"origin": "http://localhost:7373"}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_change_must_come_from_a_page_of_the_console(method, headers, is_fine):
    assert (refusal(method, {"host": "127.0.0.1:7373"} | headers) is None) is is_fine


@pytest.mark.parametrize(
    ("headers", "is_fine"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, True),
        ({"sec-fetch-site": "cross-site"} | TO_A_PAGE, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, False),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": EVIL}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_sites_may_link_here_and_read_nothing(method, headers, is_fine):
    assert (refusal(method, {"host": "127.0.0.1:7373"} | headers) is None) is is_fine


@pytest.mark.parametrize("name", [b"Host", b"origin", b"Sec-Fetch-Site"])
def test_a_header_that_decides_may_not_be_said_twice(name):
    sent = []

    async def never(*_):
        pytest.fail("it was let through")

    async def send(message):
        sent.append(message)

    headers = [
        (b"host", b"127.0.0.1:7373"),
        (b"origin", OWN.encode()),
        (b"sec-fetch-site", b"same-origin"),
        (name, b"x"),
    ]
    scope = {"type": "http", "method": "POST", "headers": headers}
    asyncio.run(Guard(never)(scope, never, send))
    assert sent[0]["status"] == 403
    assert b"twice" in sent[1]["body"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/", 200), ("/loads", 200), ("/nothing", 404), ("/data/nothing", 404), ("/loads?before=x", 400),
     ("/static/console.css", 200), ("/static/nothing.css", 404), ("/static/", 404), ("/data/", 200)],
)  # fmt: skip
def test_every_answer_has_the_headers(shop, opened, path, code):
    answer = opened(shop).get(path)
    assert answer.status_code == code
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name) == [value], name


def test_a_refusal_and_a_fault_of_ours_have_the_headers_too(shop, opened, monkeypatch):
    client = opened(shop, raises=False)
    monkeypatch.setattr("orderlake.console.pages.loads.history", lambda *_: 1 / 0)
    for answer, code in (
        (client.get("/", headers={"host": "evil.example"}), 403),
        (client.post("/loads"), 403),
        (client.get("/loads"), 500),
    ):
        assert answer.status_code == code
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_a_fault_of_ours_is_a_page_that_says_so(shop, opened, monkeypatch):
    client = opened(shop, raises=False)
    monkeypatch.setattr("orderlake.console.pages.loads.history", lambda *_: 1 / 0)
    assert "a bug in orderlake: ZeroDivisionError" in client.get("/loads").text


def test_what_is_refused_is_said_as_plain_text(shop, opened):
    answer = opened(shop).get("/", headers={"host": "<script>.example"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "answers to 127.0.0.1 and localhost only" in answer.text


def test_scripts_and_styles_come_from_the_console_alone(shop, opened):
    policy = opened(shop).get("/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in policy


def test_our_own_forms_are_sent_with_their_origin():
    """Under no-referrer, browsers send `Origin: null` with the forms of our own pages, which is refused."""
    assert HEADERS["referrer-policy"] == "same-origin"


def test_there_are_no_websockets(shop, opened):
    with pytest.raises(WebSocketDisconnect) as closed, opened(shop).websocket_connect("/live"):
        pass
    assert closed.value.code == 1008


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/lake.py"])
def test_only_the_files_of_the_page_are_served(shop, opened, path):
    assert opened(shop).get(path).status_code == 404


def test_a_browser_asks_for_files_again_so_that_another_version_shows(shop, opened):
    client = opened(shop)
    first = client.get("/static/console.js")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/static/console.js", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_pages_are_kept_nowhere(shop, opened):
    client = opened(shop)
    for path in ("/", "/data", "/data/orders", "/loads"):
        assert client.get(path).headers["cache-control"] == "no-store"

"""A lake worth looking at, the installed command's console over it, and a real browser: Chromium, by Playwright."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from orderlake import Lake
from orderlake.generate import generate
from orderlake.samples import sample_paths
from tests.browser.serving import WIDE, serving

PATIENCE = 30_000
"""Milliseconds until what a page waits for is given up: long, since nothing here is timed."""
expect.set_options(timeout=PATIENCE)
BAD = {
    "order_id": 900001,
    "order_date": "2025-13-45",
    "total_amount": 12.5,
    "customer": {"name": "<b>Eve</b>"},
    "products": [],
}


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a year of two shops, one record in quarantine and one rejected file."""
    root = tmp_path_factory.mktemp("browser") / "shop"
    with Lake.init(root, ["orders", "olist"]) as lake:
        generate("orders", 2000, 7, root / "raw", None, date(2025, 1, 1), 365)
        generate("olist", 600, 7, root / "raw", None, date(2025, 1, 1), 365)
        for sample in sample_paths("orders"):
            shutil.copy(sample, root / "raw")
        (root / "raw" / "orders_bad.ndjson").write_text(json.dumps(BAD) + "\n", encoding="utf-8")
        (root / "raw" / "orders_broken.json.gz").write_bytes(b"no gzip at all")
        lake.run()
    return root


@pytest.fixture(scope="session")
def console(shop: Path) -> Iterator[str]:
    """The address of a read-only console over the shop."""
    with serving(shop) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium or Chrome, else the one that Playwright has fetched (`make test` sees to it).

    One for each module: while Playwright is open it keeps an event loop running, in which others cannot run theirs.
    """
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # it refuses to run as root with one
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complained of or asked for elsewhere; a test that expects one takes it out."""
    heard: list[str] = []
    yield heard
    assert heard == []


@pytest.fixture
def open_page(chromium: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own."""
    contexts, faults = [], complaints

    def heard(message: ConsoleMessage) -> None:
        if "ERR_CONNECTION_REFUSED" in message.text:
            return  # the test has ended its console, and the page looks for it
        if message.type in {"error", "warning"}:
            faults.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not re.match(r"(http://127\.0\.0\.1:\d+/|file:|data:|blob:|about:)", request.url):
            faults.append(f"asked for {request.url}")

    def opened(address: str, width: int = WIDE, scheme: str = "light", *, script: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
            java_script_enabled=script,
            reduced_motion="reduce",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", asked)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()

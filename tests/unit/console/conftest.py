"""Lakes behind a console, and a client that speaks to it as a browser does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from orderlake import Lake
from orderlake.console.app import make_app
from orderlake.console.state import Console
from orderlake.samples import sample_paths

ADDRESS = "http://127.0.0.1:7373"
Opened = Callable[..., TestClient]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A project with the orders pipeline and no file."""
    Lake.init(tmp_path / "shop", ["orders"]).close()
    return tmp_path / "shop"


@pytest.fixture
def put(empty: Path) -> Callable[..., Path]:
    """Write records, or any text, into a file of raw/."""

    def write(name: str, records: object) -> Path:
        path = empty / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(records if isinstance(records, str) else json.dumps(records, ensure_ascii=False), "utf-8")
        return path

    return write


@pytest.fixture
def shop(empty: Path) -> Path:
    """The project with the sample orders loaded."""
    for sample in sample_paths("orders"):
        shutil.copy(sample, empty / "raw")
    with Lake(empty) as lake:
        lake.run()
    return empty


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open a console over a project; `client.console` is what is behind it."""
    with ExitStack() as stack:

        def open_console(root: Path, *, writable: bool = False, raises: bool = True) -> TestClient:
            lake = stack.enter_context(Lake(root))
            console = Console(lake, writable=writable)
            client = TestClient(make_app(console), base_url=ADDRESS, raise_server_exceptions=raises)
            client.console = console  # type: ignore[attr-defined]
            return stack.enter_context(client)

        yield open_console

"""The installed command's console over a project, and what its pages are called."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
COMMAND = Path(sysconfig.get_path("scripts")) / "orderlake"
PAGES = {
    "overview": "/",
    "data": "/data",
    "loads": "/loads",
    "quality": "/quality",
    "query": "/query",
    "lineage": "/lineage",
}
WIDE, NARROW = 1280, 360


@contextmanager
def serving(project: Path, *words: str) -> Iterator[str]:
    """`orderlake console` over a project; gives its address, and ends it as Ctrl-C does."""
    process = subprocess.Popen(
        [COMMAND, "--project", project, "console", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                break
        else:
            pytest.fail("the console did not start: " + "".join(said))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, 130)
        assert process.stdout is not None
        process.stdout.close()

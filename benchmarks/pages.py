"""Opens each page of the console over a large lake and prints what the answers took, as JSON.

    python -m benchmarks.pages FOLDER FILE REPEAT

It runs in the development environment, which has the console. `anew` is what a page would take that keeps no sums: the
overview's figures asked of the tables. The scenario `pages` reads the rest.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orderlake import Lake

PAGES = {
    "overview, 90 days": "/",
    "overview, all": "/?period=all",
    "data": "/data",
    "data, order_lines": "/data/order_lines",
    "loads": "/loads",
    "quality": "/quality",
    "query": "/query",
    "lineage": "/lineage",
}
_ASKED = (
    "SELECT order_date, count(*), sum(total_amount) FROM orders WHERE order_date > DATE '2025-07-05' GROUP BY 1",
    "SELECT first, count(*) FROM (SELECT min(order_date) AS first FROM orders GROUP BY customer_id) GROUP BY 1",
    "SELECT order_date, sum(quantity) FROM order_lines WHERE order_date > DATE '2025-07-05' GROUP BY 1",
    "SELECT category, sum(price * quantity) FROM order_lines WHERE order_date > DATE '2025-07-05' GROUP BY 1",
    "SELECT product_name, sum(price * quantity) FROM order_lines WHERE order_date > DATE '2025-07-05' GROUP BY 1",
)
"""The last 180 of the 365 days that the benchmark's orders spread over: 90, and those they are compared with."""
_COUNTING = "Counting…"
_PATIENCE = 600


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """Run the installed console over a project; give its address."""
    command = [str(Path(sys.executable).with_name("orderlake")), "--project", str(project), "console", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - our own command
        address = next(
            found[0] for line in process.stdout or () if (found := re.search(r"http://127\.0\.0\.1:\d+", line))
        )
        try:
            yield address
        finally:
            process.send_signal(signal.SIGINT)


def seconds(address: str) -> tuple[float, str]:
    """What an answer took, from the request to its last byte, and its text."""
    begun = time.perf_counter()
    with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:  # noqa: S310 - our own address
        text = answer.read().decode()
    return time.perf_counter() - begun, text


def main(folder: str, file: str, repeat: str) -> None:
    """Load the file, open the pages, and print the figures."""
    project = Path(folder) / "shop"
    with Lake.init(project, ["orders"]) as lake:
        (report,) = lake.run([file])
        rows = {table.name: table.rows for table in lake.tables()}
    found: dict[str, Any] = {"orders": report.loaded, "rows": rows, "load": report.seconds, "pages": {}}
    with serving(project) as address:
        found["first"], text = seconds(address)
        begun = time.perf_counter()
        while _COUNTING in text:
            time.sleep(0.05)
            _, text = seconds(address)
        found["counted"] = time.perf_counter() - begun
        for _ in range(int(repeat)):
            for page, path in PAGES.items():
                found["pages"].setdefault(page, []).append(seconds(address + path)[0])
    found["anew"] = [_anew(project) for _ in range(max(1, int(repeat) // 3))]
    print(json.dumps(found))


def _anew(project: Path) -> float:
    """The overview's figures of 90 days, asked of the tables: what a page takes that keeps no sums."""
    with Lake(project) as lake, lake.session() as session:
        session.query("SELECT 1")
        begun = time.perf_counter()
        for sql in _ASKED:
            session.query(sql)
        return time.perf_counter() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])

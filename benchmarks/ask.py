"""Asks a lake questions in one process: `python -m benchmarks.ask PROJECT`.

Prints, as JSON, each question's answer and the least seconds that it took, of some times.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from benchmarks.questions import QUESTIONS, told
from orderlake import Lake

REPEAT = 5


def main(project: str) -> None:
    """Ask everything, and print."""
    with Lake(project) as lake, closing(lake.session()) as session:
        print(json.dumps(asked(lambda sql: session.query(sql).rows)))


def asked(ask: Callable[[str], Any]) -> dict[str, Any]:
    """Ask each question once to warm up, then some times; give its answer and its least seconds."""
    found = {}
    for name, sql in QUESTIONS.items():
        answer = told([list(row) for row in ask(sql)])
        seconds = []
        for _ in range(REPEAT):
            start = time.perf_counter()
            ask(sql)
            seconds.append(time.perf_counter() - start)
        found[name] = {"answer": answer, "seconds": min(seconds)}
    return found


if __name__ == "__main__":
    main(sys.argv[1])

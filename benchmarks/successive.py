"""Loads files one after another through the library: `python -m benchmarks.successive PROJECT FILE-LIST`.

Prints, as JSON, the seconds each load took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from orderlake import Lake


def main(project: str, listing: str) -> None:
    """Time each `run`, and stop at the first that did not load its file."""
    lake = Lake(project)
    seconds = []
    for path in Path(listing).read_text(encoding="utf-8").splitlines():
        start = time.perf_counter()
        reports = lake.run([path])
        seconds.append(time.perf_counter() - start)
        statuses = [report.status for report in reports]
        if statuses != ["loaded"]:
            message = f"{path}: {statuses}"
            raise SystemExit(message)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:3])

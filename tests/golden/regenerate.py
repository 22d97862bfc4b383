"""Write tests/golden/expected anew from the code as it is: `python -m tests.golden.regenerate`, then read the diff.

A golden file changes only when what users get changes. Say in the changelog why it did.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.golden.canonical import EXPECTED, SCENARIOS, loaded, texts


def main() -> None:
    """Replace every expected file."""
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder, loaded(scenario, Path(folder) / "lake") as lake:
            written = texts(scenario, lake)
        shutil.rmtree(EXPECTED / scenario, ignore_errors=True)
        (EXPECTED / scenario).mkdir(parents=True)
        for name, text in written.items():
            (EXPECTED / scenario / name).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()

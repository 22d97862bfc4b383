"""docs/bad-input.md, made from the catalogue: `python -m tests.corpus.page` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.corpus import bytes_of_files, csv_files, json_broken, json_layouts, json_values
from tests.corpus.case import BadRecord, Case

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "bad-input.md"
_INTRODUCTION: Final = """\
# Bad input

What becomes of files that are not as they should be. Each row is a test: the file comes as one of ten, the other nine
load, and `verify` agrees. This page is made from the tests' catalogue (`tests/corpus/`).

- A record that cannot be loaded is **set aside**, alone: it is in the `quarantine` table with its number, its line, its
  text, the field and the reason, and can be [mended](mending.md). Nothing else in its file is touched.
- A file is **rejected** only where its records cannot be told from each other, or a CSV's header lacks a column. The
  reason is in `orderlake loads`; mend the file, and it loads.
- What a file is named says nothing: compression, encoding, layout and delimiter are told from its bytes.
- Nothing is guessed: no day and month of `1/2/2024`, no decimal comma, no missing digit. Say what a date looks like
  ([`format`](pipelines.md)) and that a file has decimal commas (`decimal: ","`), and they are read so.
- A file that changes while it is read loads as it became. One that vanishes, may not be read, or is a pipe is rejected
  alone; it loads once it can be read. A full disk is no fault of the file: the run ends with exit code 75, and the next
  one goes on.
"""
_SECTIONS: Final = (
    ("How records lie in a JSON file", json_layouts.CASES),
    ("Broken JSON", json_broken.CASES),
    ("JSON values", json_values.CASES),
    ("CSV", csv_files.CASES),
    ("Encoding, compression, and what is something else", bytes_of_files.CASES),
)
_RECORDS: Final = (
    ("JSON records that are set aside", (*json_broken.RECORDS, *json_values.RECORDS)),
    ("CSV rows that are set aside", csv_files.RECORDS),
)


def page() -> str:
    """The page's text."""
    parts = [_INTRODUCTION]
    for title, cases in _SECTIONS:
        parts += [f"\n## {title}\n\n", *_table(("the file", "what becomes of it"), map(_row, cases))]
    for title, records in _RECORDS:
        parts += [f"\n## {title}\n\n", *_table(("the record has", "field", "what is said"), map(_record, records))]
    return "".join(parts)


def _row(case: Case) -> tuple[str, ...]:
    return case.name, _outcome(case)


def _outcome(case: Case) -> str:
    if case.rejected is not None:
        return f"rejected: {case.rejected}"
    loaded = f"{case.loaded} load" if case.loaded > 1 else "1 loads" if case.loaded else ""
    if not case.aside:
        return loaded or "loads, without records"
    said = f"{case.aside[0].field} {case.aside[0].reason}".strip()
    return f"{loaded + ', ' if loaded else ''}{len(case.aside)} set aside: {said}"


def _record(record: BadRecord) -> tuple[str, ...]:
    return record.name, record.field, record.reason


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        cells = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in row)
        yield f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

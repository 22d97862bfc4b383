"""The whole corpus: every file and every record of it, by class."""

from __future__ import annotations

from typing import Final

from tests.corpus import bytes_of_files, csv_files, json_broken, json_layouts, json_values
from tests.corpus.case import BadRecord, Case

CASES: Final[tuple[Case, ...]] = (
    *json_layouts.CASES,
    *json_broken.CASES,
    *json_values.CASES,
    *csv_files.CASES,
    *bytes_of_files.CASES,
)
JSON_RECORDS: Final[tuple[BadRecord, ...]] = (*json_broken.RECORDS, *json_values.RECORDS)
CSV_RECORDS: Final[tuple[BadRecord, ...]] = csv_files.RECORDS

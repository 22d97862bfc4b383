"""Bad input, through whole lakes: each file of the catalogue comes to what a user would want of it.

Each comes as one of ten files; the other nine are fine, and load whatever is the matter with it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.config import PROJECT_FILE
from orderlake.model.report import LoadReport
from tests.corpus.case import PIPELINE, Aside, Case
from tests.corpus.catalogue import CASES, CSV_RECORDS, JSON_RECORDS
from tests.corpus.together import csv_case, json_cases

pytestmark = pytest.mark.e2e

EVERY: tuple[Case, ...] = (*CASES, *json_cases(JSON_RECORDS), csv_case(CSV_RECORDS))
NEIGHBOURS = 9
FIRST_ID = 1_000_000
NOON = 1_700_000_000


def neighbours(case: Case) -> dict[str, str]:
    """Good files for the stream of a case, by name."""
    if case.table == "words":
        return {f"words_good_{number}.csv": f"word\ngood {number}\n" for number in range(NEIGHBOURS)}
    ids = range(FIRST_ID, FIRST_ID + NEIGHBOURS)
    if case.table == "sales":
        return {f"good_{number}.csv": f"id,day,amount,note\n{number},2024-01-05,1.00,good\n" for number in ids}
    if case.table == "american":
        return {f"american_good_{number}.csv": f"id,day\n{number},1/5/2024\n" for number in ids}
    start = "wrapped_" if case.table == "wrapped" else ""
    return {f"{start}good_{number}.json": f'[{{"id": {number}, "note": "good"}}]' for number in ids}


def lake_of(folder: Path) -> Lake:
    for name in ("raw", "pipelines"):
        (folder / name).mkdir(parents=True)
    (folder / PROJECT_FILE).touch()
    (folder / "pipelines" / "corpus.yaml").write_text(PIPELINE, encoding="utf-8")
    return Lake(folder)


def load(lake: Lake, case: Case) -> dict[str, LoadReport]:
    """Load a case between its neighbours: it is neither the oldest file nor the newest. The reports by file name."""
    files = [(name, text.encode()) for name, text in neighbours(case).items()]
    files.insert(NEIGHBOURS // 2, (case.file_name, case.data))
    for age, (name, data) in enumerate(files):
        path = lake.project.raw / name
        path.write_bytes(data)
        os.utime(path, (NOON + age, NOON + age))
    return {report.source.removeprefix("raw/"): report for report in lake.run()}


def set_aside(lake: Lake) -> list[Aside]:
    rows = lake.query("SELECT position, line, field, reason FROM quarantine ORDER BY position").rows
    return [Aside(*row) for row in rows]


def column(lake: Lake, case: Case, name: str) -> tuple[object, ...]:
    """A column of the case's rows, in the order of its file."""
    rows = lake.query(
        f"SELECT {name} FROM {case.table} WHERE _source_file NOT LIKE '%good\\_%' ESCAPE '\\' ORDER BY _source_row"
    ).rows
    return tuple(value for (value,) in rows)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name.replace(" ", "-")) for case in EVERY])
def test_a_bad_file_comes_to_what_its_user_would_want(tmp_path, case):
    with lake_of(tmp_path) as lake:
        reports = load(lake, case)
        report = reports.pop(case.file_name)
        assert [(good.status, good.loaded) for good in reports.values()] == [("loaded", 1)] * NEIGHBOURS
        found = set_aside(lake) if report.quarantined else []
        assert [(bad.number, bad.line, bad.field) for bad in found] == [
            (bad.number, bad.line, bad.field) for bad in case.aside
        ]
        for told, wanted in zip(found, case.aside, strict=True):
            assert wanted.reason in told.reason
        if case.rejected is None:
            assert (report.status, report.reason) == ("loaded", None)
        else:
            assert (report.status, case.rejected in (report.reason or "")) == ("rejected", True), report.reason
        assert (report.loaded, report.quarantined) == (case.loaded, len(case.aside))
        assert report.read == case.loaded + len(case.aside)
        assert {name: column(lake, case, name) for name in case.shows} == dict(case.shows)
        assert lake.verify().findings == ()


def test_every_case_has_a_name_and_a_file_of_its_own():
    names = [case.name for case in CASES] + [record.name for record in (*JSON_RECORDS, *CSV_RECORDS)]
    assert len(set(names)) == len(names) > 300
    assert len({case.file_name for case in CASES}) == len(CASES)

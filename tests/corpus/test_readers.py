"""Whether a record stands alone or among others, in lines, an array or a row, read in pieces or whole: all the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orderlake.engine import Engine, connect
from orderlake.errors import UnreadableShareError
from orderlake.kernel import split
from orderlake.kernel.stage import stage
from orderlake.kernel.worker import Worker
from orderlake.model.pipeline import Stream, parse_pipeline
from orderlake.model.source import SourceObject
from tests.corpus.case import PIPELINE, BadRecord, Case
from tests.corpus.catalogue import CASES, CSV_RECORDS, JSON_RECORDS
from tests.corpus.together import csv_case, json_case
from tests.unit.kernel.staging import Staged, staged_of

STREAMS = {stream.name: stream for stream in parse_pipeline(yaml.safe_load(PIPELINE), "corpus").streams}
SMALL = [case for case in CASES if len(case.data) < 1 << 20]
"""Those that are quick to go through in pieces."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        made = connect(Path(folder), workers=2)
        yield made
        made.close()


def staged(engine: Engine, case: Case, folder: Path) -> Staged | str:
    """What came of a case; the reason why none of it did."""
    folder.mkdir()
    path = folder / "file"
    path.write_bytes(case.data)
    stream: Stream = STREAMS[case.table]
    try:
        load = stage(engine, stream, [(SourceObject("file", str(path), len(case.data), 1), path)], folder / "staged")
    except UnreadableShareError as error:
        return str(error)
    return staged_of(load)


def seen(found: Staged | str) -> object:
    if isinstance(found, str):
        return found
    found.check()
    rows = [
        (row["#n"], *(repr(row[key]) for key in sorted(row) if key not in ("_rid", "#source"))) for row in found.rows
    ]
    return sorted(rows), found.bad, sum(found.read)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name.replace(" ", "-")) for case in SMALL])
def test_a_file_read_with_care_or_in_pieces_comes_to_the_same(engine, tmp_path, monkeypatch, case):
    whole = seen(staged(engine, case, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "_strict", lambda *_: None)
        assert seen(staged(engine, case, tmp_path / "careful")) == whole
    monkeypatch.setattr(split, "SMALL", 10)
    monkeypatch.setattr(split, "SHARE", 64)
    monkeypatch.setattr(split, "PIECE", 32)
    assert seen(staged(engine, case, tmp_path / "pieces")) == whole


@pytest.mark.parametrize("record", [pytest.param(each, id=each.name.replace(" ", "-")) for each in JSON_RECORDS])
def test_a_bad_record_alone_between_good_ones_is_set_aside_in_every_layout(engine, tmp_path, record):
    for layout in ("lines", "array"):
        check(engine, json_case("one", [record], layout), record, tmp_path / layout)


@pytest.mark.parametrize("record", [pytest.param(each, id=each.name.replace(" ", "-")) for each in CSV_RECORDS])
def test_a_bad_row_alone_between_good_ones_is_set_aside(engine, tmp_path, record):
    check(engine, csv_case([record]), record, tmp_path / "rows")


def check(engine: Engine, case: Case, record: BadRecord, folder: Path) -> None:
    found = staged(engine, case, folder)
    assert isinstance(found, Staged)
    found.check()
    ((number, line, field, reason),) = found.bad
    assert (number, line, field, record.reason in reason) == (2, case.aside[0].line, record.field, True), reason
    assert found.read == [3]

"""Where a record stands that a check takes out is told exactly, however records lie in their lines."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake.model.pipeline import Stream, parse_pipeline
from tests.unit.kernel.staging import stage_files


def stream(form: str) -> Stream:
    owed = {"owed": {"range": {"column": "total", "min": 0}, "on_fail": "quarantine", "allow_null": True}}
    tables = {
        "orders": {"columns": {"id": "bigint required", "total": "money"}, "checks": owed},
        "lines": {"rows": "lines", "columns": {"id": "bigint required", "line": "bigint from lines.id"}},
    }
    source = {"match": "*", "format": form, "key": "id", "tables": tables}
    return parse_pipeline({"pipeline": "shop", "sources": {"orders": source}}, "shop.yaml").streams[0]


SHOP = stream("json")
GAPS = ["", "\n", "\n", "\n", "\r\n", " ", "\n\n"]
"""What parts records; only where brackets tell them may they be indented."""
lines = st.sampled_from(GAPS)
gaps = st.sampled_from([*GAPS, "\n  "])
ids = st.integers(1, 4)


@st.composite
def records(draw, is_array):
    """The text of a record: its fields in any order, with its lines in one line of the file or in several.

    Where brackets do not hold records together, a line that begins with a brace begins a record.
    """
    fields = [f'"id":{draw(ids)}']
    if draw(st.booleans()):
        fields.append(f'"total":{draw(st.sampled_from(["-1", "1", "2"]))}')
    if draw(st.booleans()):
        gap = draw(gaps if is_array else st.sampled_from(["", " ", "\n  "]))
        elements = [f'{{"id":{draw(ids)}}}' for _ in range(draw(st.integers(0, 3)))]
        fields.append(f'"lines":[{f",{gap}".join(elements)}]')
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    return "{" + ",".join(fields) + "}"


@st.composite
def files(draw):
    """A file, and of each of its records that is to be set aside the number, line and text."""
    is_array = draw(st.booleans())
    some = draw(st.lists(records(is_array), min_size=1, max_size=8))
    text = draw(st.sampled_from(["[", "[\n", "\n[ \n"])) if is_array else ""
    found = []
    for number, record in enumerate(some, 1):
        if json.loads(record).get("total") == -1:
            found.append((number, 1 + text.count("\n"), record))
        text += record
        if number < len(some):
            text += "," + draw(gaps) if is_array else draw(lines)
    return text + (draw(gaps) + "]" + draw(gaps) if is_array else draw(lines)), found


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_a_record_is_told_by_its_number_its_line_and_its_own_text(file):
    text, expected = file
    with tempfile.TemporaryDirectory() as folder:
        staged = stage_files(Path(folder), SHOP, {"f": text.encode()})
    assert [(staged.number(one), one.line, one.raw) for one in staged.rejections] == expected

"""Personal data is stored alike however its record is read, and as Python would say it."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake.model.pipeline import Stream
from tests.unit.kernel.staging import stream_of
from tests.unit.kernel.test_disguise import KEY, staged

BOUNDED = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS = {"id": "bigint required", "a": "string pii(hash)", "b": "string pii(mask)", "c": "money pii(drop)"}
JSON = stream_of("{format: json, key: id}", tables={"t": {"columns": COLUMNS}})
CSV = stream_of("{format: csv, key: id}", tables={"t": {"columns": COLUMNS}})
BLANKS = re.compile(r"[\t\n\f\r ]")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
people = st.lists(st.tuples(texts, st.one_of(st.none(), texts)), min_size=1, max_size=4)


def stored(text: str | None, policy: str) -> str | None:
    if text is None:
        return None
    if policy == "hash":
        return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    return re.sub(r"([^\t\n\f\r @.])[^\t\n\f\r @.]*", r"\1***", text)


def seen(folder: Path, stream: Stream, text: str) -> list[tuple[object, ...]]:
    rows = staged(folder, stream, text).rows
    return sorted(((row["#n"], row["a"], row["b"], row["c"], row["_hash"]) for row in rows), key=str)


@BOUNDED
@given(people)
def test_both_readers_of_json_store_the_same(found: list[tuple[str, str | None]]) -> None:
    records = [json.dumps({"id": at, "a": a, "b": b, "c": "1.50"}) for at, (a, b) in enumerate(found, 1)]
    with tempfile.TemporaryDirectory() as folder:
        strict = seen(Path(folder, "strict"), JSON, "\n".join(records))
        careful = seen(Path(folder, "careful"), JSON, "\n".join([*records, '{"id": "none"}']))
    assert strict == careful
    assert [row[:4] for row in strict] == [
        (at, stored(a, "hash"), stored(b, "mask"), None) for at, (a, b) in enumerate(found, 1)
    ]


@BOUNDED
@given(people)
def test_both_readers_of_csv_store_the_same(found: list[tuple[str, str | None]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("id", "a", "b", "c"), *((at, a, b or "", "1.50") for at, (a, b) in enumerate(found, 1))])
    with tempfile.TemporaryDirectory() as folder:
        strict = seen(Path(folder, "strict"), CSV, out.getvalue())
        careful = seen(Path(folder, "careful"), CSV, f'{out.getvalue()}"none","","",""\n')
    assert strict == careful
    assert [row[0] for row in strict] == [at for at, _ in enumerate(found, 1)]

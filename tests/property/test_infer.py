"""A draft is good enough to run at once: whatever the records are like, all of them load, none set aside."""

import csv
import io
import json
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake import Lake
from orderlake.config import PROJECT_FILE
from orderlake.errors import UnreadableObjectError
from orderlake.infer import infer
from orderlake.model.pipeline import parse_pipeline

BOUNDED = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
texts = st.one_of(
    words,
    st.sampled_from(["2024-01-05", "2024-02-30", "03/04/2024", "13/04/2024", "007", "A-17", "1.5", "1_000", " 7 ", ""]),
    st.sampled_from(["2024-01-05T10:00:00Z", "2024-01-05 10:00:00", "2024-01-05T10:00:00+0300"]),
    st.sampled_from(["epoch", "true", "10:30", "1,5", "1e3", "+5", "-0"]),
)
numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(0, 100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    st.sampled_from([10.200000000000001, 1e308, 0.1, 2**53 + 1]),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
names = st.one_of(
    st.sampled_from(
        ["id", "ID", "order_id", "when", "price", "select", "tags", "items", "a.b", "updated_at", "$position"]
    ),
    words,
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(names, inner, max_size=3),
        st.lists(inner, max_size=3),
        st.lists(st.dictionaries(names, inner, max_size=3), max_size=3),
    ),
    max_leaves=8,
)


@st.composite
def shaped(draw):
    """Records that mostly have the same fields, with the same kind of value in each."""
    kinds = {
        "id": st.integers(1, 10**18),
        "when": st.dates().map(lambda day: day.strftime("%d/%m/%Y")),
        "at": st.datetimes().map(lambda time: time.isoformat() + "Z"),
        "price": st.integers(0, 10**6).map(lambda cents: cents / 100),
        "customer": st.fixed_dictionaries({"name": words, "id": st.integers(1, 99)}),
        "lines": st.lists(
            st.fixed_dictionaries({"sku": words, "taxes": st.lists(st.fixed_dictionaries({"r": numbers}))})
        ),
        "tags": st.lists(words, max_size=2),
    }
    chosen = sorted({draw(st.sampled_from(["id", "when", "price"])), *draw(st.lists(st.sampled_from(sorted(kinds))))})
    odd = draw(st.dictionaries(names, values, max_size=1))
    records = draw(st.lists(st.fixed_dictionaries({key: kinds[key] for key in chosen}), min_size=1, max_size=5))
    return [*records, {**records[0], **odd}]


def as_json(records, form):
    if form == "lines":
        return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    if form == "envelope":
        return json.dumps({"orders": records, "count": len(records)}, ensure_ascii=False)
    return json.dumps(records, indent=2 if form == "pretty" else None, ensure_ascii=False)


def loaded(name, content):
    """Infer, load, verify: the draft and the report of the load; None when there is nothing to draft from."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / PROJECT_FILE).write_text("raw: raw\n")
        file = root / "raw" / name
        file.parent.mkdir()
        file.write_text(content, encoding="utf-8", newline="")
        with Lake(root, "local") as lake:
            draft = lake.infer([file])
            assert draft.broken == 0, draft.text
            lake.add(draft)
            (report,) = lake.run()
            assert lake.verify().ok
            return draft, report


def has_a_column(records):
    """Whether there is any field that a pipeline can read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.json"
        file.write_text(json.dumps(records), encoding="utf-8")
        try:
            infer([file])
        except UnreadableObjectError:
            return False
    return True


@BOUNDED
@given(st.lists(st.dictionaries(names, values, min_size=1, max_size=5), min_size=1, max_size=6).filter(has_a_column))
def test_records_of_any_shape_load_with_the_pipeline_that_is_drafted_from_them(records):
    draft, report = loaded("orders.json", as_json(records, "array"))
    assert (report.read, report.quarantined) == (len(records), 0), draft.text


@BOUNDED
@given(shaped(), st.sampled_from(["array", "pretty", "lines", "envelope"]))
def test_nested_records_load_with_the_pipeline_that_is_drafted_from_them_in_any_form(records, form):
    draft, report = loaded("orders.json", as_json(records, form))
    assert (report.status, report.read, report.quarantined) == ("loaded", len(records), 0), draft.text


cells = st.one_of(
    st.sampled_from(
        [
            "",
            "007",
            "1.50",
            "1,50",
            "1.234,50",
            "1.234",
            "2024-01-05",
            "03/04/2024",
            "true",
            "x",
            " y ",
            "10000000000000000000",
        ]
    ),
    st.integers(0, 10**6).map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=5),
)


@BOUNDED
@given(
    st.lists(
        st.sampled_from(["id", "Name", "when", "größe", "total price", "x;y", "a"]), min_size=2, max_size=5, unique=True
    ),
    st.data(),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_rows_of_csv_load_with_the_pipeline_that_is_drafted_from_them(header, data, delimiter):
    row = st.lists(cells, min_size=len(header), max_size=len(header)).filter(
        lambda row: any(cell.strip() for cell in row)
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([header, *rows])
    draft, report = loaded("sales.csv", out.getvalue())
    assert (report.read, report.quarantined) == (len(rows), 0), draft.text


@BOUNDED
@given(shaped())
def test_a_draft_reads_back_as_the_pipeline_it_says(records):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.json"
        file.write_text(as_json(records, "array"), encoding="utf-8")
        draft = infer([file], "shop")
    assert parse_pipeline(yaml.safe_load(draft.text), "draft") == draft.pipeline
    columns = [each for stream in draft.pipeline.streams for table in stream.tables for each in table.columns]
    # A price that is a number has a scale; the odd field may be called price too, and be of any kind.
    assert all(each.type.name not in ("double", "int", "long") for each in columns if each.path[-1] == "price")

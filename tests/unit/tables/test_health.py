"""A table's health: a number, and what takes it down."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from orderlake.model.data_file import DataFile
from orderlake.model.pipeline import parse_pipeline
from orderlake.tables.health import Health, health_of
from orderlake.tables.iceberg import create
from orderlake.tables.lakehouse import KEEP_SNAPSHOTS, Opened
from orderlake.tables.layout import table_layout
from orderlake.tables.unneeded import Known

DOCUMENT = {
    "pipeline": "p",
    "sources": {
        "s": {
            "match": "*",
            "format": "json",
            "key": "id",
            "tables": {"t": {"partition_by": "month(day)", "columns": {"id": "bigint", "day": "date"}}},
        }
    },
}


@pytest.fixture
def opened():
    (stream,) = parse_pipeline(DOCUMENT, "p.yaml").streams
    layout = table_layout(stream, stream.tables[0])
    metadata = create("file:///lake/t", layout.schema, layout.partition, {}, uuid="u", now_ms=1)
    return Opened(layout, "file:///lake/t", "file:///lake/t/metadata/0", metadata)


def files(*rows_of_months, size=1_000):
    return tuple(
        DataFile(f"file:///lake/t/data/{month}-{number}", rows, size, {"day_month": month})
        for month, rows in enumerate(rows_of_months)
        for number, rows in enumerate(rows)
    )


def test_a_table_with_nothing_to_do_is_at_its_best(opened):
    assert health_of(opened) == Health(100, ())
    assert health_of(replace(opened, live=files([5_000_000], [10, 20], [30]))) == Health(100, ())
    assert health_of(replace(opened, metadata=None)) == Health(100, ())


@pytest.mark.parametrize(("count", "score"), [(11, 100), (12, 95), (60, 71), (101, 50), (5_000, 50)])
def test_small_files_take_it_down_the_more_there_are(opened, count, score):
    found = health_of(replace(opened, live=files([10] * count)))
    assert found.score == score
    assert found.reasons == (
        () if score == 100 else (f"{count:,} small files of {count:,}: `maintain` makes 1 of them",)
    )


def test_what_nothing_needs_takes_it_down_when_it_is_more_than_the_table(opened):
    table = replace(opened, live=files([10]))
    assert health_of(table, [Known(1, 1_000)]).score == 100
    assert health_of(table, [Known(1, 1_500), Known(1, 500)]) == Health(
        80, ("2 files (2.0 kB) that nothing needs: `maintain` deletes them",)
    )
    assert health_of(table, [Known(1, 1_000_000)]).score == 70
    assert health_of(opened, [Known(1, 5)]).score == 70


def test_a_partition_that_has_nearly_all_rows_takes_it_down(opened):
    found = health_of(replace(opened, live=files([20_000_000], [10], [10], [10], [10])))
    assert found == Health(90, ("one partition of 5 has 100% of the rows: a finer `partition_by` would part them",))
    assert health_of(replace(opened, live=files([900_000], [10], [10], [10]))).score == 100
    assert health_of(replace(opened, live=files([20_000_000], [10], [10]))).score == 100


def test_snapshots_that_others_keep_take_it_down(opened):
    many = SimpleNamespace(snapshots=[None] * (KEEP_SNAPSHOTS + 1))
    assert health_of(replace(opened, metadata=many)) == Health(
        90, ("101 snapshots: `maintain` drops the old ones, branches and tags apart",)
    )


def test_the_worst_is_told_first(opened):
    found = health_of(replace(opened, live=files([10] * 200)), [Known(1, 300_000)])
    assert [reason.split()[0] for reason in found.reasons] == ["200", "1"]
    assert found.score == 100 - 50 - 15

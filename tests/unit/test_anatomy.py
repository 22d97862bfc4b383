"""What a table is made of, told from its metadata: sums, bounds and partitions as the rows have them."""

import json

import pytest

from orderlake import Lake
from orderlake.anatomy import part_text
from orderlake.errors import NotFoundError

KINDS = """
pipeline: kinds
sources:
  kinds:
    match: ["*.json"]
    format: json
    key: id
    tables:
      kinds:
        partition_by: {partition}
        columns:
          id: bigint required
          small: int
          money: money
          rate: double
          flag: boolean
          day: date
          at: timestamp
          zoned: timestamptz
          text: string
      plain:
        format: parquet
        columns:
          {{id: bigint required, money: money, rate: double, day: date, at: timestamp, flag: boolean, text: string}}
"""
FIRST = [
    {"id": -5, "small": 9, "money": "9.50", "rate": 1e10, "flag": False, "day": "2024-01-31",
     "at": "2024-01-31T10:00:00", "zoned": "2024-01-31T10:00:00+02:00", "text": "zebra"},
]  # fmt: skip
SECOND = [
    {"id": 1000, "small": 10, "money": "-10.25", "rate": 9.5, "flag": True, "day": "1969-12-31",
     "at": "1969-12-31T23:59:59.5", "zoned": "1969-12-31T23:59:59Z", "text": "a text that is longer than sixteen"},
    {"id": 99},
]  # fmt: skip


@pytest.fixture
def lake(tmp_path, request):
    partition = getattr(request, "param", "month(day)")
    with Lake.init(tmp_path, ["orders"]) as opened:
        (tmp_path / "pipelines" / "orders.yaml").unlink()
        (tmp_path / "pipelines" / "kinds.yaml").write_text(KINDS.format(partition=partition))
        for name, records in (("first.json", FIRST), ("second.json", SECOND)):
            (tmp_path / "raw" / name).write_text(json.dumps(records))
            opened.run()
        yield opened


@pytest.fixture
def told(lake):
    with lake.session() as session:
        yield session.anatomy


def bounds(anatomy):
    return {column.name: (column.nulls, column.lower, column.upper) for column in anatomy.columns}


def test_bounds_are_compared_as_values_of_their_type_not_as_text(told):
    found = bounds(told("kinds"))
    assert found["id"] == (0, "-5", "1000")
    assert found["small"] == (1, "9", "10")
    assert found["money"] == (1, "-10.25", "9.50")
    assert found["rate"] == (1, "9.5", "10000000000.0")
    assert found["flag"] == (1, "false", "true")
    assert found["day"] == (1, "1969-12-31", "2024-01-31")
    assert found["zoned"][1:] == ("1969-12-31 23:59:59+00", "2024-01-31 08:00:00+00")


def test_a_text_that_was_cut_says_so(told):
    assert bounds(told("kinds"))["text"] == (1, "a text that is l…", "zebra")


def test_plain_parquet_tells_the_same_of_its_columns(told):
    iceberg, plain = bounds(told("kinds")), bounds(told("plain"))
    for column in ("id", "money", "day", "flag", "at"):
        assert plain[column] == iceberg[column]
    assert [float(each) for each in plain["rate"][1:]] == [9.5, 1e10]
    assert plain["text"] == (1, "a text that is longer than sixteen", "zebra")


def test_without_values_no_footer_is_read_for_columns(told, monkeypatch):
    monkeypatch.setattr("orderlake.query.footers.Footers.columns", lambda *_: pytest.fail("it was read"))
    found = told("plain", values=False)
    assert found.rows == 3
    assert [column.lower for column in found.columns] == [None] * 7


def test_parts_and_files_add_up(told, lake):
    found = told("kinds")
    assert [(part.value, part.rows) for part in found.parts] == [("", 1), ("1969-12", 1), ("2024-01", 1)]
    assert found.rows == sum(piece.rows for piece in found.files) == lake.query("SELECT count(*) FROM kinds").rows[0][0]
    assert found.bytes == sum(part.bytes for part in found.parts) == sum(piece.bytes for piece in found.files)


@pytest.mark.parametrize(
    ("lake", "values"),
    [
        ("year(day)", ["", "1969", "2024"]),
        ("day(day)", ["", "1969-12-31", "2024-01-31"]),
        ("identity(day)", ["", "1969-12-31", "2024-01-31"]),
        ("identity(small)", ["", "10", "9"]),
        ("identity(text)", ["", "a text that is longer than sixteen", "zebra"]),
    ],
    indirect=["lake"],
)
def test_partitions_are_written_as_people_do(told, values):
    assert [part.value for part in told("kinds").parts] == values


def test_a_month_before_the_epoch_is_written_right():
    assert [part_text("month", value) for value in (-1, 0, -12, -13)] == ["1969-12", "1970-01", "1969-01", "1968-12"]


def test_versions_tell_what_each_snapshot_did_newest_first(told, lake):
    newest, first = told("kinds").versions
    assert (first.operation, first.added_rows, first.rows) == ("append", 1, 1)
    assert (newest.added_rows, newest.removed_rows, newest.rows) == (2, 0, 3)
    assert [newest.load_id, first.load_id] == [report.load_id for report in lake.recent(2).loads]


def test_a_table_without_rows_has_its_columns(tmp_path):
    with Lake.init(tmp_path, ["orders"]) as lake, lake.session() as session:
        for name in ("orders", "orders_parquet_datalake", "quarantine"):
            found = session.anatomy(name)
            assert (found.rows, found.files) == (0, ())
            assert len(found.columns) > 5


def test_a_table_that_does_not_exist_is_said_with_those_that_do(told):
    with pytest.raises(NotFoundError, match="there is no table none; the tables are: kinds"):
        told("none")


def test_a_file_that_shrinks_under_its_name_is_read_again(lake, tmp_path):
    with lake.session() as session:
        assert session.anatomy("plain").rows == 3
        (tmp_path / "raw" / "third.json").write_text(json.dumps([{"id": 99, "money": "77"}]))
        lake.run()
        found = session.anatomy("plain")
        assert found.rows == 3
        assert bounds(found)["money"] == (0, "-10.25", "77.00")

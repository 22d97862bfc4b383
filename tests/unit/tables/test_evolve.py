"""What a table becomes when other columns are wanted of it, from its metadata alone."""

import json

import pytest

from orderlake.model.column import ColumnType
from orderlake.model.pipeline import Partition, TableSpec
from orderlake.tables.evolve import evolve, fields_of, stored_layout
from orderlake.tables.iceberg import TableMetadata, create
from orderlake.tables.layout import LINEAGE_COLUMNS, TableLayout


def layout(columns, partition=None, key=("id",)):
    types = {name: ColumnType.parse(kind) for name, kind in columns.items()}
    return TableLayout("t", {**types, **LINEAGE_COLUMNS}, key, TableSpec("t", (), partition=partition))


BASE = {"id": "bigint", "amount": "decimal(10,2)", "count": "int", "day": "date"}
MONTH = Partition("month", "day")


def table(columns=BASE, partition=None):
    made = layout(columns, partition)
    return create("file:///t", made.schema, made.partition, {}, uuid="u", now_ms=1)


def evolved(metadata, columns, partition=None):
    """The metadata after a commit that wants these columns."""
    become = evolve(layout(columns, partition), metadata)
    assert become.conflicts == ()
    return metadata.with_schema(fields_of(become.layout, metadata))


def columns_of(metadata):
    return {each.name: (each.id, each.type) for each in metadata.schema.fields}


def test_the_same_columns_in_any_order_change_nothing():
    metadata = table()
    become = evolve(layout(dict(reversed(BASE.items()))), metadata)
    assert (become.changes, become.conflicts, become.layout.history) == ((), (), frozenset())
    assert not become.layout.differs
    assert metadata.with_schema(fields_of(become.layout, metadata)) is metadata


def test_a_table_that_is_not_there_yet_becomes_what_is_wanted():
    wanted = layout(BASE)
    assert evolve(wanted, None).layout is wanted


def test_a_new_column_stands_before_lineage_with_an_id_of_its_own():
    metadata = table()
    after = evolved(metadata, {"new": "string", **BASE})
    assert [*columns_of(after)] == [*BASE, "new", *LINEAGE_COLUMNS]
    assert columns_of(after)["new"] == (9, "string")
    assert (after.schema.id, after.last_column_id, len(after.schemas)) == (1, 9, 2)
    assert TableMetadata.from_json(after.to_json()).schema == after.schema


def test_an_id_of_a_column_that_another_engine_dropped_is_not_given_out_again():
    document = json.loads(evolved(table(), {**BASE, "gone": "string"}).to_json())
    document["schemas"].append({**document["schemas"][0], "schema-id": 2})
    dropped = TableMetadata.from_json(json.dumps({**document, "current-schema-id": 2}).encode())
    assert "gone" not in columns_of(dropped)
    assert columns_of(evolved(dropped, {**BASE, "gone": "bigint"}))["gone"] == (10, "long")


def test_a_column_not_wanted_stays_as_history():
    metadata = table()
    become = evolve(layout({"id": "bigint", "other": "string"}), metadata)
    assert become.layout.history == {"amount", "count", "day"}
    assert [*become.layout.columns] == [*BASE, "other", *LINEAGE_COLUMNS]
    assert become.changes == ("t.other (string) was added",)
    assert stored_layout(layout({"id": "bigint", "other": "string"}), metadata).columns == layout(BASE).columns


EXACT = [("count", "bigint"), ("count", "id"), ("amount", "decimal(18,2)"), ("amount", "money")]


@pytest.mark.parametrize(("column", "kind"), EXACT)
def test_a_column_grows_where_every_value_stays_what_it_is(column, kind):
    metadata = table()
    become = evolve(layout({**BASE, column: kind}), metadata)
    (said,) = become.changes
    assert said.startswith(f"t.{column} was widened from {BASE[column]} to ")
    assert become.layout.differs
    after = evolved(metadata, {**BASE, column: kind})
    assert columns_of(after)[column][0] == columns_of(metadata)[column][0]
    narrow = evolve(layout(BASE), after)
    assert (narrow.changes, narrow.conflicts) == ((), ()), "what fits into the column still does"
    assert narrow.layout.columns[column].sql == ColumnType.parse(kind).sql


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("count", "string"),
        ("count", "double"),
        ("count", "decimal(18,2)"),
        ("amount", "decimal(10,3)"),
        ("amount", "decimal(12,4)"),
        ("amount", "double"),
        ("amount", "string"),
        ("day", "timestamp"),
        ("day", "string"),
        ("id", "string"),
    ],
)
def test_what_is_not_exact_is_a_conflict_and_the_column_is_as_it_was(column, kind):
    become = evolve(layout({**BASE, column: kind}), table())
    (said,) = become.conflicts
    assert said.startswith(f"t.{column} holds {BASE[column]} and cannot become {ColumnType.parse(kind)}: ")
    assert ("another name" in said) is (column != "id")
    assert become.layout.columns == layout(BASE).columns


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, MONTH, "t is not partitioned and cannot be by month(day)"),
        (MONTH, None, "t is partitioned by month(day) and cannot be so no longer"),
        (MONTH, Partition("year", "day"), "t is partitioned by month(day) and cannot be by year(day)"),
    ],
)
def test_partitions_stay(before, after, said):
    become = evolve(layout(BASE, after), table(partition=before))
    assert [text.split(":")[0] for text in become.conflicts] == [said]
    assert become.layout.partition == layout(BASE, before).partition


def test_a_key_needs_a_column_that_old_rows_have():
    become = evolve(layout({**BASE, "number": "bigint"}, key=("number",)), table())
    assert become.conflicts[0].startswith("t.number is to hold a part of the key, which rows loaded before lack")

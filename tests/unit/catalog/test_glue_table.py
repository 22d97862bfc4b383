"""What Glue is told of a table, and that another client of Glue can open it, read it and change it."""

import gzip
import json
import uuid
from contextlib import closing

import pytest
from pyiceberg.catalog.glue import GlueCatalog as Foreign

from orderlake.catalog.glue import GlueCatalog
from orderlake.catalog.glue_table import GlueTable, athena_type, differs, iceberg_shape, parquet_columns, parquet_table
from orderlake.errors import CommitConflictError, SchemaMismatchError
from orderlake.model.column import ColumnType
from orderlake.model.ports import HeadUpdate
from orderlake.tables.iceberg import Field, Schema, create, metadata_location

TYPES = {
    "a": ("long", "bigint"),
    "b": ("int", "int"),
    "c": ("string", "string"),
    "d": ("decimal(18, 2)", "decimal(18,2)"),
    "e": ("timestamptz", "timestamp"),
    "f": ("timestamp", "timestamp"),
    "g": ("date", "date"),
    "h": ("double", "double"),
    "i": ("boolean", "boolean"),
}
SCHEMA = Schema(tuple(Field(n, name, kind, required=n == 1) for n, (name, (kind, _)) in enumerate(TYPES.items(), 1)))


def metadata(location="s3://lake/t", **members):
    made = create(location, SCHEMA, (), {}, uuid=str(uuid.uuid4()), now_ms=1_700_000_000_000)
    return json.dumps({**json.loads(made.to_json()), **members}).encode()


def test_every_type_has_its_name_in_athena():
    shape = iceberg_shape(metadata())
    assert {column["Name"]: column["Type"] for column in shape.columns} == {
        name: athena for name, (_, athena) in TYPES.items()
    }
    assert shape.location == "s3://lake/t"
    assert shape.columns[0]["Parameters"]["iceberg.field.optional"] == "false"
    assert shape.columns[1]["Parameters"]["iceberg.field.id"] == "2"


@pytest.mark.parametrize("name", ["bigint", "id", "int", "string", "money", "timestamptz", "decimal(38,0)", "date"])
def test_a_declared_type_is_the_same_in_a_plain_table_and_in_iceberg(name):
    kind = ColumnType.parse(name)
    assert parquet_columns({"X": kind}) == ({"Name": "x", "Type": athena_type(kind.iceberg)},)
    assert " " not in athena_type(kind.iceberg)


def test_the_history_of_a_metadata_file_is_what_it_came_from():
    log = [{"metadata-file": f"s3://lake/t/{number}.json", "timestamp-ms": number} for number in range(2)]
    shape = iceberg_shape(gzip.compress(metadata(**{"metadata-log": log})))
    assert shape.history == {"s3://lake/t/0.json", "s3://lake/t/1.json"}


def test_nested_columns_of_another_engine_are_told():
    nested = [
        {"id": 1, "name": "Tags", "required": False, "doc": "words", "type": {"type": "list", "element": "string"}},
        {"id": 2, "name": "m", "required": False, "type": {"type": "map", "key": "string", "value": "long"}},
        {
            "id": 3,
            "name": "s",
            "required": False,
            "type": {
                "type": "struct",
                "fields": [{"name": "x", "type": "decimal(9, 2)"}, {"name": "y", "type": "uuid"}],
            },
        },
    ]
    schemas = [{"schema-id": 7, "fields": nested}]
    found = iceberg_shape(metadata(schemas=schemas, **{"current-schema-id": 7})).columns
    assert [column["Type"] for column in found] == [
        "array<string>",
        "map<string,bigint>",
        "struct<x:decimal(9,2),y:string>",
    ]
    assert (found[0]["Name"], found[0]["Comment"]) == ("tags", "words")


@pytest.mark.parametrize(
    "data", [b"", b"no json", b"[]", b"{}", b"\x1f\x8b broken", metadata(**{"current-schema-id": 9})]
)
def test_what_is_no_metadata_is_refused(data):
    with pytest.raises(SchemaMismatchError):
        iceberg_shape(data)


def test_what_aws_adds_to_a_table_is_no_difference():
    wanted = parquet_table("t", parquet_columns({"a": ColumnType("bigint")}), "s3://lake/t")
    found = json.loads(json.dumps(wanted))
    found |= {"CreateTime": "now", "VersionId": "3", "IsRegisteredWithLakeFormation": False}
    found["StorageDescriptor"] |= {"Compressed": False, "NumberOfBuckets": 0}
    found["StorageDescriptor"]["Columns"][0]["Comment"] = "the key"
    assert not differs(GlueTable(found), wanted)
    found["StorageDescriptor"]["Columns"].append({"Name": "b", "Type": "int"})
    assert differs(GlueTable(found), wanted)


# --- another client ---------------------------------------------------------------------------------------------------


class Bucket:
    """Metadata files in the emulated lake."""

    def __init__(self, aws, lake):
        self.s3 = aws.client("s3")
        self.bucket = lake.lake.split("/")[2]
        self.table = f"{lake.lake}/t"

    def write(self, version, **members):
        location = metadata_location(self.table, version, str(uuid.uuid4()))
        self.s3.put_object(Bucket=self.bucket, Key=self.key(location), Body=metadata(self.table, **members))
        return location

    def read(self, location):
        return self.s3.get_object(Bucket=self.bucket, Key=self.key(location))["Body"].read()

    def key(self, location):
        return location.removeprefix(f"s3://{self.bucket}/")


@pytest.fixture
def lake(aws):
    return aws.deploy()


@pytest.fixture
def bucket(aws, lake):
    return Bucket(aws, lake)


@pytest.fixture
def catalog(lake, bucket):
    with closing(
        GlueCatalog(lake.table, lake.database, lake.region, lambda location: iceberg_shape(bucket.read(location)))
    ) as opened:
        yield opened


@pytest.fixture
def foreign(aws):
    keys = {"access-key-id": "testing", "secret-access-key": "testing", "region": aws.region, "endpoint": aws.endpoint}
    return Foreign(
        "foreign", **{f"{service}.{key}": value for service in ("glue", "s3") for key, value in keys.items()}
    )


def test_pyiceberg_opens_a_table_through_glue(lake, bucket, catalog, foreign):
    location = bucket.write(0)
    catalog.commit([HeadUpdate("t", None, location)])
    table = foreign.load_table(f"{lake.database}.t")
    assert table.metadata_location == location
    assert [field.name for field in table.schema().fields] == list(TYPES)
    assert [table for _, table in foreign.list_tables(lake.database)] == ["t"]


def test_what_pyiceberg_commits_through_glue_is_adopted(lake, bucket, catalog, foreign):
    first = bucket.write(0)
    catalog.commit([HeadUpdate("t", None, first)])
    with foreign.load_table(f"{lake.database}.t").transaction() as transaction:
        transaction.set_properties(owner="ada")
    theirs = foreign.load_table(f"{lake.database}.t").metadata_location
    assert theirs != first
    second = bucket.write(1)
    with pytest.raises(CommitConflictError, match="another engine"):
        catalog.commit([HeadUpdate("t", first, second)])
    assert catalog.heads(["t"])["t"].metadata == theirs
    catalog.commit([HeadUpdate("t", theirs, second)])
    assert foreign.load_table(f"{lake.database}.t").metadata_location == second

"""Whatever a partition's value is: the rows are there, corrections find them, and other readers prune right."""

import json
import os
from datetime import date
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo, IsNull

from orderlake import Lake
from orderlake.errors import ConfigError
from tests.reference import NOON, SECOND

IS_NULL: Any = IsNull
EQUAL: Any = EqualTo
PIPELINE = """
pipeline: things
sources:
  things:
    match: ["*.json"]
    format: json
    key: id
    tables:
      things:
        partition_by: {partition}
        columns: {{id: bigint required, part: {type}, n: int}}
"""
TEXTS = [
    None, "", "NULL", "null", "a/b", "../../../x", "..", "ü", "__HIVE_DEFAULT_PARTITION__", "x=y", "100%", "a b",
    "'q'", '"d"',
    "a\\b", "1", "#?&",
]  # fmt: skip
CASES: dict[str, tuple[str, str, list[Any]]] = {
    "identity of text": ("identity(part)", "string", TEXTS),
    "identity of numbers": ("identity(part)", "bigint", [None, 0, -1, 2**53 + 1]),
    "identity of small numbers": ("identity(part)", "int", [None, 0, -1, 2**31 - 1]),
    "identity of dates": ("identity(part)", "date", [None, "1969-12-31", "2024-02-29"]),
    "day": ("day(part)", "date", [None, "1969-12-31", "1970-01-01", "2024-02-29"]),
    "month": ("month(part)", "date", [None, "1969-12-31", "1970-01-01", "2024-02-29", "2024-03-01"]),
    "year": ("year(part)", "date", [None, "1969-12-31", "1970-01-01", "2024-02-29"]),
}


def things_lake(folder, partition, kind):
    lake = Lake.init(folder, ["orders"])
    (lake.project.pipelines / "orders.yaml").unlink()
    (lake.project.pipelines / "things.yaml").write_text(PIPELINE.format(partition=partition, type=kind), "utf-8")
    return lake


def load(lake, values, tick, name="all", first=0):
    path = lake.project.raw / f"{name}.json"
    path.write_text(
        json.dumps([{"id": first + number, "part": value, "n": tick} for number, value in enumerate(values)])
    )
    os.utime(path, ns=(NOON + tick * SECOND, NOON + tick * SECOND))
    assert [report.loaded for report in lake.run([path])] == [len(values)]


@pytest.mark.parametrize("case", CASES)
def test_every_value_is_kept_corrected_and_pruned_right(tmp_path, case):
    partition, kind, values = CASES[case]
    with things_lake(tmp_path, partition, kind) as lake:
        for number, value in enumerate(values):  # one partition at a time, then all of them in one write
            load(lake, [value], 1, str(number), number)
        load(lake, values, 2)
        plain = [date.fromisoformat(value) if kind == "date" and value else value for value in values]
        rows = lake.query("SELECT id, part, n FROM things ORDER BY id").rows
        assert rows == tuple((number, value, 2) for number, value in enumerate(plain))
        assert [path for path in tmp_path.rglob("*.parquet") if not path.is_relative_to(lake.project.lake)] == []

        catalog = SqlCatalog("orderlake", uri=f"sqlite:///{lake.project.state}/catalog.db", init_catalog_tables="false")
        table = catalog.load_table("lake.things")
        for number, value in enumerate(values):
            wanted = IS_NULL("part") if value is None else EQUAL("part", value)
            assert [row["id"] for row in table.scan(row_filter=wanted).to_arrow().to_pylist()] == [number]
        catalog.engine.dispose()


@pytest.mark.parametrize("kind", ["double", "boolean", "money", "timestamp"])
def test_an_identity_that_iceberg_cannot_keep_is_refused(tmp_path, kind):
    with things_lake(tmp_path, "identity(part)", kind) as lake:
        (lake.project.raw / "a.json").write_text('[{"id": 1, "part": null, "n": 1}]')
        with pytest.raises(ConfigError, match="partition"):
            lake.run()

"""Tables as text: the same rows give the same bytes on every machine.

One CSV per table: the declared columns in their order, rows sorted by all of them, text in quotes, everything else
bare, NULL as nothing at all, times in UTC.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pyiceberg.table import StaticTable

from orderlake import Lake
from orderlake.samples import sample_paths

EXPECTED: Final = Path(__file__).parent / "expected"
ICEBERG: Final = "iceberg.json"
SCENARIOS: Final = {
    "orders": ("orders", ("orders_sample.json",)),
    "orders_increment": ("orders", ("orders_sample.json", "orders_increment.json")),
    "olist": ("olist", tuple(path.name for path in sample_paths("olist"))),
    "shopify": ("shopify", ("shopify_orders_sample.json", "shopify_order_update.json")),
}
"""What is loaded: the kind of the samples, and the files, one run each, in that order."""

_FIRST_ARRIVAL: Final = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
_HOUR: Final = 3600


@contextmanager
def loaded(scenario: str, folder: Path) -> Iterator[Lake]:
    """A lake with every bundled pipeline and a scenario's files, which arrive an hour apart from 2025-01-01 UTC."""
    kind, names = SCENARIOS[scenario]
    samples = {path.name: path for path in sample_paths(kind)}
    with Lake.init(folder) as lake:
        for hour, name in enumerate(names):
            file = Path(shutil.copyfile(samples[name], lake.project.raw / name))
            os.utime(file, (_FIRST_ARRIVAL + hour * _HOUR,) * 2)
            (report,) = lake.run([file])
            assert (report.status, report.pipeline, report.quarantined) == ("loaded", kind, 0), report
        yield lake


def texts(scenario: str, lake: Lake) -> dict[str, str]:
    """File name → content of everything that a scenario's lake is expected to hold."""
    kind, _ = SCENARIOS[scenario]
    (pipeline,) = (pipeline for pipeline in lake.pipelines if pipeline.name == kind)
    found = {}
    for table in (table for stream in pipeline.streams for table in stream.tables):
        columns = [column.name for column in table.columns]
        found[f"{table.name}.csv"] = _csv(lake, table.name, columns)
    found[ICEBERG] = json.dumps(_iceberg(lake), indent=1) + "\n"
    return found


def _csv(lake: Lake, table: str, columns: list[str]) -> str:
    rows = lake.query(f"SELECT {', '.join(columns)} FROM {table} ORDER BY ALL").rows
    return "".join(",".join(line) + "\n" for line in [columns, *([_cell(value) for value in row] for row in rows)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.tzinfo is None else value.astimezone(UTC).isoformat(" ")
    return repr(value) if isinstance(value, float) else str(value)


def iceberg_tables(lake: Lake) -> dict[str, StaticTable]:
    """Each of the lake's declared Iceberg tables, opened by pyiceberg."""
    heads = lake._backends.catalog.tables()
    return {
        head.table: StaticTable.from_metadata(head.metadata)
        for head in heads
        if head.metadata is not None and not head.table.startswith("_")
    }


def _iceberg(lake: Lake) -> dict[str, Any]:
    found = {}
    for name, table in iceberg_tables(lake).items():
        schema = table.schema()
        found[name] = {
            "columns": {field.name: str(field.field_type) for field in schema.fields},
            "partition": [
                f"{field.name}: {field.transform}({schema.find_column_name(field.source_id)})"
                for field in table.spec().fields
            ],
        }
    return found

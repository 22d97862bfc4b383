"""Kill -9 at each numbered step of a commit: before step 7 nothing happened, from step 8 on everything did."""

import shutil
import signal

import pytest

from orderlake.errors import TransientError
from orderlake.model.source import SourceObject
from orderlake.tables.commit import Committer
from orderlake.tables.hive import file_name
from tests.fault.worker import ended, spawn
from tests.reference import NOON, SECOND, expected, found, new_lake, newest, order, visible_parquet, written

pytestmark = pytest.mark.fault

STEPS = range(1, 11)


def scene(lake):
    """One file that is loaded, and two that are about to be: a correction of half of it, and a new one."""
    raw = lake.project.raw
    old = [written(lake, raw / "orders_1.json", [order(n, "A", "B") for n in range(1, 5)], NOON)]
    lake.run()
    fresh = [
        written(lake, raw / "orders_2.json", [order(1, "C"), order(2, day="2024-02-02")], NOON + SECOND),
        written(lake, raw / "orders_3.json", [order(9, "Z")], NOON + 2 * SECOND),
    ]
    return old, [*old, *fresh]


def plain_files(lake, files):
    """The plain Parquet files there have to be: one per source that some winner with lines came from."""
    standing = newest(files)
    sources = [
        SourceObject(file.uri, "", (lake.project.root / file.uri).stat().st_size, file.mtime)
        for file in files
        if any(winner is record and winner["products"] for winner in standing for record in file.records)
    ]
    return sorted(file_name("orders_ETL", source) for source in sources)


def of_iceberg(tables):
    return {name: rows for name, rows in tables.items() if name != "orders_parquet_datalake"}


@pytest.mark.parametrize("step", STEPS)
def test_death_at_any_step_leaves_the_tables_before_or_after_and_a_second_run_finishes(tmp_path, step):
    with new_lake(tmp_path) as lake:
        old, every = scene(lake)
        status, _ = ended(spawn(tmp_path, kill=(1, step)))
        assert status == -signal.SIGKILL

        landed = expected(every if step > 7 else old)
        assert of_iceberg(found(lake)) == of_iceberg(landed)
        published = expected(every if step > 8 else old)["orders_parquet_datalake"]
        assert found(lake)["orders_parquet_datalake"] == published

        reports = lake.run()
        assert [report.status for report in reports] == ["unchanged", *["unchanged" if step > 7 else "loaded"] * 2]
        assert found(lake) == expected(every)
        assert visible_parquet(lake) == plain_files(lake, every)
        assert sorted(load.source for load in lake.loads()) == sorted(file.uri for file in every)
        assert {load.status for load in lake.loads()} == {"loaded"}
        assert all(load.conserved and load.read for load in lake.loads())
        assert {report.status for report in lake.run()} == {"unchanged"}


@pytest.mark.parametrize("kill", [(1, 1), (1, 3), (1, 8), (1, 9), (2, 7), (2, 8)], ids=str)
def test_death_while_finishing_for_the_dead_is_finished_by_the_next(tmp_path, kill):
    with new_lake(tmp_path) as lake:
        _, every = scene(lake)
        assert ended(spawn(tmp_path, [[str(lake.project.raw / "orders_2.json")]], kill=(1, 8)))[0] < 0
        assert ended(spawn(tmp_path, kill=kill))[0] == -signal.SIGKILL
        lake.run()
        assert found(lake) == expected(every)
        assert visible_parquet(lake) == plain_files(lake, every)


@pytest.mark.parametrize("step", [5, 7, 8, 9])
def test_death_in_a_later_commit_leaves_the_earlier_one_whole(tmp_path, step):
    with new_lake(tmp_path) as lake:
        _, every = scene(lake)
        batches = [[str(lake.project.root / file.uri)] for file in every[1:]]
        assert ended(spawn(tmp_path, batches, kill=(2, step)))[0] == -signal.SIGKILL
        assert of_iceberg(found(lake)) == of_iceberg(expected(every if step > 7 else every[:2]))
        lake.run()
        assert found(lake) == expected(every)


def test_death_in_the_first_commit_of_all(tmp_path):
    with new_lake(tmp_path) as lake:
        every = [written(lake, lake.project.raw / "orders_1.json", [order(1, "A")], NOON)]
        for step in (7, 8):
            assert ended(spawn(tmp_path, kill=(1, step)))[0] == -signal.SIGKILL
        assert [report.status for report in lake.run()] == ["unchanged"]
        assert found(lake) == expected(every)


def test_the_work_of_the_dead_is_swept_away(tmp_path):
    with new_lake(tmp_path) as lake:
        scene(lake)
        ended(spawn(tmp_path, kill=(1, 7)))
        work = lake.project.state / "work"
        dead = set(work.iterdir())
        assert dead
        lake.run()
        assert not dead & set(work.iterdir())


def test_a_lost_ledger_doubles_nothing(tmp_path):
    with new_lake(tmp_path) as lake:
        _, every = scene(lake)
        lake.run()
    for file in (tmp_path / ".orderlake").glob("ledger.db*"):
        file.unlink()
    with new_lake(tmp_path) as lake:
        reports = lake.run()
        assert {report.loaded for report in reports} == {0}
        assert found(lake) == expected(every)


def test_dead_files_never_show(tmp_path):
    """What a death before the commit leaves behind is in no table, however often it happens."""
    with new_lake(tmp_path) as lake:
        old, every = scene(lake)
        for step in (6, 7, 7):
            ended(spawn(tmp_path, kill=(1, step)))
            assert found(lake) == expected(old)
        lake.run()
        shutil.rmtree(lake.project.lake / ".pending" / "orders_parquet_datalake")
        assert found(lake) == expected(every)


def test_the_control_that_does_not_look_again_is_caught(tmp_path, monkeypatch):
    """Without step 3, a death between commit and publication loses plain files: this suite sees it."""
    with new_lake(tmp_path) as lake:
        _, every = scene(lake)
        ended(spawn(tmp_path, kill=(1, 8)))
        monkeypatch.setattr(Committer, "_look_again", lambda *_: {})
        lake.run()
        assert found(lake) != expected(every)


def test_an_exception_at_any_step_is_as_harmless_as_death(tmp_path):
    class StoppedError(TransientError):
        pass

    for step in STEPS:

        def stop(reached, step=step):
            if reached == step:
                raise StoppedError("here")

        with new_lake(tmp_path / str(step)) as lake:
            _, every = scene(lake)
            with pytest.raises(StoppedError):
                lake.run(on_step=stop)
            lake.run()
            assert found(lake) == expected(every)

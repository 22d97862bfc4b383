"""Kill -9 at each numbered step of a rollback, and of undoing it: the tables before or after, never between."""

import signal
import threading

import pytest

from orderlake import Lake
from orderlake.errors import CatalogUnavailableError, LakeError, NotFoundError, TransientError
from orderlake.rollback import Wish
from tests.fault.worker import ended, spawn
from tests.reference import NOON, SECOND, expected, found, new_lake, order, visible_parquet, written

pytestmark = pytest.mark.fault

STEPS = range(1, 11)


def scene(lake):
    """Two files, the second of which corrects and adds, and a third that corrects the second; the second's load."""
    raw = lake.project.raw
    files = [
        written(lake, raw / "orders_1.json", [order(n, "A", "B") for n in range(1, 5)], NOON),
        written(lake, raw / "orders_2.json", [order(1, "C"), order(2, day="2024-02-02"), order(7, "E")], NOON + SECOND),
        written(lake, raw / "orders_3.json", [order(2, "D"), order(9, "Z")], NOON + 2 * SECOND),
    ]
    loads = [lake.run([raw / f"orders_{number}.json"])[0].load_id for number in (1, 2, 3)]
    return files, loads[1]


def of_iceberg(tables):
    return {name: rows for name, rows in tables.items() if name != "orders_parquet_datalake"}


@pytest.mark.parametrize("step", STEPS)
def test_death_at_any_step_leaves_the_tables_before_or_after_and_the_next_one_finishes(tmp_path, step):
    with new_lake(tmp_path) as lake:
        files, load = scene(lake)
        status, _ = ended(spawn(tmp_path, kill=(1, step), rollback=load))
        assert status == -signal.SIGKILL

        rest = [files[0], files[2]]
        assert of_iceberg(found(lake)) == of_iceberg(expected(rest if step > 7 else files))
        published = expected(rest if step > 8 else files)["orders_parquet_datalake"]
        assert found(lake)["orders_parquet_datalake"] == published

        if step > 7:
            reports = {report.source: report for report in lake.run()}
            assert {report.status for report in reports.values()} == {"unchanged"}
            if step < 10:  # a run has finished it only where it commits; a look at the tables does
                assert lake.verify().findings == ()
            with pytest.raises(NotFoundError, match="rolled back already"):
                lake.rollback(load)
        else:
            lake.rollback(load)
        assert found(lake) == expected(rest)
        assert lake.verify().findings == ()
        assert len(visible_parquet(lake)) == 2
        assert [report.status for report in lake.loads()] == ["loaded", "loaded", "loaded", "rolled_back"]


@pytest.mark.parametrize("step", STEPS)
def test_death_while_it_is_undone_is_as_harmless(tmp_path, step):
    with new_lake(tmp_path) as lake:
        files, load = scene(lake)
        lake.rollback(load)
        status, _ = ended(spawn(tmp_path, kill=(1, step), restore=load))
        assert status == -signal.SIGKILL
        landed = files if step > 7 else [files[0], files[2]]
        assert of_iceberg(found(lake)) == of_iceberg(expected(landed))

        if step > 7:
            assert lake.verify().findings == ()
            with pytest.raises(NotFoundError, match="nothing of load"):
                lake.restore(load)
        else:
            assert {report.status for report in lake.run()} == {"unchanged"}
            assert [report.status for report in lake.restore(load)] == ["loaded"]
        assert found(lake) == expected(files)
        assert lake.verify().findings == ()


@pytest.mark.parametrize("step", [8, 9])
def test_a_load_that_comes_after_a_dead_rollback_finishes_it(tmp_path, step):
    with new_lake(tmp_path) as lake:
        files, load = scene(lake)
        ended(spawn(tmp_path, kill=(1, step), rollback=load))
        late = written(lake, lake.project.raw / "orders_4.json", [order(7, "F")], NOON + 3 * SECOND)
        lake.run([lake.project.raw / "orders_4.json"])
        assert found(lake) == expected([files[0], files[2], late])
        assert lake.verify().findings == ()


def test_an_exception_at_any_step_leaves_nothing_half_done(tmp_path):
    class StoppedError(TransientError):
        pass

    for step in STEPS:

        def stop(reached, step=step):
            if reached == step:
                raise StoppedError("here")

        with new_lake(tmp_path / str(step)) as lake:
            files, load = scene(lake)
            with pytest.raises(StoppedError):
                lake.rollback(load, stop)
            if step > 7:
                assert lake.verify().findings == ()
            else:
                lake.rollback(load)
            assert found(lake) == expected([files[0], files[2]])


def test_a_lost_reply_is_not_a_second_rollback(tmp_path, monkeypatch):
    """The catalog has committed and does not say so: looking again finds the rollback done."""
    with new_lake(tmp_path) as lake:
        files, load = scene(lake)
        catalog = lake._backends.catalog
        commit = catalog.commit
        lost: list[bool] = []

        def losing(updates):
            commit(updates)
            if not lost:
                lost.append(True)
                raise CatalogUnavailableError("the reply is lost")

        monkeypatch.setattr(catalog, "commit", losing)
        done = lake.rollback(load)
        assert (done.is_done, done.loads, done.removed) == (True, (load,), 2)
        assert done.restored == {files[0].uri: 1}
        assert found(lake) == expected([files[0], files[2]])
        assert lake.verify().findings == ()


def test_loads_that_race_with_a_rollback_converge(tmp_path):
    with new_lake(tmp_path) as lake:
        files, load = scene(lake)
        late = [
            written(lake, lake.project.raw / f"orders_{n}.json", [order(n % 9, "F")], NOON + n * SECOND)
            for n in range(4, 10)
        ]
        errors = []

        def loading(number):
            try:
                with Lake(tmp_path) as mine:
                    mine.run([mine.project.raw / f"orders_{number}.json"])
            except LakeError as error:
                errors.append(error)

        threads = [threading.Thread(target=loading, args=(number,)) for number in range(4, 10)]
        for thread in threads:
            thread.start()
        lake.rollback(Wish(load))
        for thread in threads:
            thread.join()
        assert errors == []
        assert found(lake) == expected([files[0], files[2], *late])
        assert lake.verify().findings == ()

"""Maintenance beside loads and readers, and when it dies: nothing that anybody needs goes, and the next one goes on."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from orderlake import Lake
from orderlake.errors import StorageUnavailableError
from orderlake.maintain import TableUpkeep
from orderlake.maintain.maintain import Wanted, _Maintenance
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written
from tests.unit.maintain.test_maintain import DAY, Clock, corrected, maintained


@pytest.fixture
def waiting(tmp_path):
    """A lake with snapshots to expire, small files to fold, and files that have been known to be unneeded for a day."""
    with new_lake(tmp_path) as lake:
        made, clock = corrected(lake, 14), Clock(lake)
        clock.ahead = 31 * DAY
        maintained(lake, clock)
        made += corrected(lake, 3, 20)
        clock.ahead += 40 * DAY
        yield lake, made, clock


@pytest.mark.parametrize("operation", ["store.delete", "store.write", "store.create", "catalog.commit"])
def test_maintenance_that_dies_anywhere_has_done_no_harm_and_the_next_one_goes_on(waiting, monkeypatch, operation):
    lake, made, clock = waiting
    part, _, name = operation.partition(".")
    holder = getattr(lake._backends, part)
    real = getattr(holder, name)
    survived = False
    for last in range(100):
        calls: list[object] = []

        def dies(*args, calls=calls, last=last):
            calls.append(args)
            if len(calls) > last:
                raise StorageUnavailableError("pulled the plug")
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(type(holder), name, lambda _, *args, dies=dies: dies(*args))
            with suppress(StorageUnavailableError):
                maintained(lake, clock)
                survived = True
        assert found(lake) == expected(made)
        assert lake.verify().ok
        if survived:
            break
    assert survived
    clock.ahead += DAY
    maintained(lake, clock)
    report = lake.verify(orphan_hours=0)
    assert (report.ok, report.orphans) == (True, ())


@pytest.mark.parametrize("step", [5, 6, 7, 8, 9])
def test_the_files_of_a_load_that_has_not_committed_yet_stay(waiting, step):
    lake, made, clock = waiting
    made.append(written(lake, lake.project.raw / "orders_new.json", [order(5, "C")], NOON))
    clock.ahead = 0

    def meanwhile(reached):
        if reached == step:
            with Lake(lake.project.root) as other:
                assert swept(other, Clock(other)).note == ""

    lake.run(on_step=meanwhile)
    assert found(lake) == expected(made)
    assert lake.verify().ok


def swept(lake, clock, **more):
    """Deleting alone: a load has its turn, and what folds and expires would wait for it."""
    engine = lake._backends.engine(lake.project.state / "work" / "sweep")
    try:
        tables = {table: TableUpkeep(table) for table in ("orders", "order_lines")}
        return _Maintenance(lake._backends, engine, Wanted(now_ns=clock, **more))._swept(tables)["orders"]
    finally:
        engine.close()


def test_the_control_that_deletes_at_once_is_caught(waiting):
    lake, _, _ = waiting
    written(lake, lake.project.raw / "orders_new.json", [order(5, "C")], NOON)

    def meanwhile(reached):
        if reached == 7:
            with Lake(lake.project.root) as other:
                assert swept(other, Clock(other), hours=0).deleted > 0

    lake.run(on_step=meanwhile)
    assert not lake.verify().ok


def test_loads_readers_and_maintenance_beside_each_other_lose_no_row(tmp_path):
    with new_lake(tmp_path) as lake:
        made = corrected(lake, 3)

        def load(number):
            path = lake.project.raw / f"orders_{number}.json"
            one = written(lake, path, [order(number, "A"), order(1, "B", total=f"{number}.00")], NOON + number * SECOND)
            with Lake(lake.project.root) as own:
                own.run([path])
            return one

        def look(_):
            with Lake(lake.project.root) as own:
                return own.query("SELECT count(*) FROM orders").rows[0][0]

        def keep(_):
            with Lake(lake.project.root) as own:
                clock = Clock(own)
                clock.ahead = 31 * DAY
                return maintained(own, clock, hours=31 * 24.0 + 1)

        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(load, number) for number in range(100, 112)]
            others = [pool.submit(each, number) for number in range(6) for each in (look, keep)]
            made += [each.result() for each in loads]
            assert all(each.result() for each in others)
        assert found(lake) == expected(made)
        assert lake.verify().ok

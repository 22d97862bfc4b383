"""A full disk, a folder that may not be written, a store that fails: nothing half done, and a second run is fine."""

import pytest

from orderlake import Lake
from orderlake.errors import CatalogUnavailableError, StorageUnavailableError, TransientError, exit_code
from tests.fault.worker import ended, spawn
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written

pytestmark = pytest.mark.fault


class Failing:
    """A store whose n-th change fails; `changes` counts them."""

    def __init__(self, inner, fails_at):
        self._inner, self.fails_at, self.changes = inner, fails_at, 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def _change(self):
        self.changes += 1
        if self.changes == self.fails_at:
            raise StorageUnavailableError("no space left")

    def write(self, location, data):
        self._change()
        self._inner.write(location, data)

    def create(self, location, data):
        self._change()
        self._inner.create(location, data)

    def publish(self, source, target):
        self._change()
        return self._inner.publish(source, target)

    def delete(self, location):
        self._change()
        self._inner.delete(location)


def scene(lake):
    raw = lake.project.raw
    old = [written(lake, raw / "orders_1.json", [order(n, "A", "B") for n in range(1, 5)], NOON)]
    lake.run()
    fresh = [written(lake, raw / "orders_2.json", [order(1, "C"), order(2, day="2024-02-02")], NOON + SECOND)]
    fresh += [written(lake, raw / "orders_3.json", [order(3), order(4)], NOON + 2 * SECOND)]
    return old, [*old, *fresh]


def failing(folder, fails_at):
    lake = Lake(folder)
    lake._backends.__dict__["store"] = Failing(lake._backends.store, fails_at)
    return lake


def test_whichever_write_fails_the_error_is_transient_and_a_second_run_is_right(tmp_path):
    fails_at, failed = 0, True
    while failed:
        fails_at += 1
        folder = tmp_path / str(fails_at)
        with new_lake(folder) as lake:
            old, every = scene(lake)
        with failing(folder, fails_at) as lake:
            try:
                lake.run()
                failed = False
            except StorageUnavailableError:
                assert lake._backends.store.changes == fails_at
        with Lake(folder) as lake:
            iceberg = {name: rows for name, rows in found(lake).items() if name != "orders_parquet_datalake"}
            assert iceberg in [{name: expected(files)[name] for name in iceberg} for files in (old, every)]
            lake.run()
            assert found(lake) == expected(every)
            assert len(lake.loads()) == 3
    assert fails_at > 10


@pytest.mark.parametrize("limit", [1, 3, 10, 40])
def test_a_full_disk_is_transient_and_leaves_nothing_half_done(tmp_path, limit):
    """Nothing that any part of the loader writes may grow beyond `limit` KiB: the engine, the catalog, the ledger."""
    with new_lake(tmp_path) as lake:
        old = [written(lake, lake.project.raw / "orders_1.json", [order(1, "A")], NOON)]
        lake.run()
        records = [order(n, f"product {n * 7919 % 10007}", name=f"n{n}") for n in range(6000)]
        every = [*old, written(lake, lake.project.raw / "orders_2.json", records, NOON + SECOND)]
    status, said = ended(spawn(tmp_path, file_limit=limit << 10))
    assert said.get("error") in ("StorageUnavailableError", "CatalogUnavailableError", "CommitStateUnknownError"), said
    assert status == exit_code(TransientError()) == exit_code(CatalogUnavailableError())
    with Lake(tmp_path) as lake:
        assert found(lake) == expected(old)
        lake.run()
        assert found(lake) == expected(every)
        assert [load.status for load in lake.loads()] == ["loaded", "loaded"]


@pytest.mark.parametrize("place", ["orders", "order_lines/data", ".pending/orders_parquet_datalake"])
def test_a_table_folder_that_cannot_be_made_is_transient(tmp_path, place):
    """A file stands where a folder has to be, which stops even the superuser."""
    with new_lake(tmp_path) as lake:
        made = [written(lake, lake.project.raw / "orders_1.json", [order(1, "A")], NOON)]
        blocked = lake.project.lake / place
        blocked.parent.mkdir(parents=True)
        blocked.touch()
        with pytest.raises(StorageUnavailableError):
            lake.run()
        assert lake.loads() == []
        blocked.unlink()
        lake.run()
        assert found(lake) == expected(made)

"""On AWS: a store, a catalog or a ledger that fails at any change; and how little a load asks of them.

An emulator stands in for AWS (tests/emulators).
"""

import pytest

from orderlake.errors import CatalogUnavailableError, CommitStateUnknownError, StorageUnavailableError
from orderlake.storage.s3 import S3Store
from tests.fault.aws_worker import PLAIN, Object, Shop, load
from tests.fault.test_storage import Failing
from tests.reference import expected, found, order

pytestmark = pytest.mark.fault


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path / "shop")


def scene(shop):
    """A loaded object, and one that corrects half of it."""
    old = [shop.put("orders_0.json", [order(n, "A", "B") for n in range(1, 5)])]
    with shop.open() as lake:
        load(lake, old)
    return old, [*old, shop.put("orders_1.json", [order(1, "C"), order(2, day="2024-02-02")])]


@pytest.mark.slow
def test_whichever_write_fails_the_error_is_transient_and_a_second_run_is_right(shop):
    """One lake: each object's first load fails one change later than the one before."""
    every: list[Object] = []
    failed = True
    while failed:
        at = len(every)
        every.append(shop.put(f"orders_{at}.json", [order(at % 3, f"P{at}", "Q"), order(100 + at, "R")]))
        with shop.open() as lake:
            lake._backends.__dict__["store"] = Failing(lake._backends.store, at + 1)
            try:
                load(lake, every[-1:])
                failed = False
            except StorageUnavailableError:
                assert lake._backends.store.changes >= at + 1
        with shop.open() as lake:
            load(lake, every[-1:])
    assert len(every) > 10
    shop.assert_right(every)


REFUSED = {
    "PutObject": StorageUnavailableError,
    "TransactGetItems": CatalogUnavailableError,
    "TransactWriteItems": CommitStateUnknownError,
    "BatchGetItem": CatalogUnavailableError,
    "PutItem": CatalogUnavailableError,
    "UpdateTable": CommitStateUnknownError,
    "CopyObject": StorageUnavailableError,
}
"""Calls that fail for good, and what a load ends in."""


@pytest.mark.parametrize("operation", REFUSED)
def test_a_service_that_is_down_is_transient_and_a_second_run_is_right(aws, shop, operation, monkeypatch):
    monkeypatch.setattr("orderlake.tables.commit._ATTEMPTS", 2)
    monkeypatch.setattr("orderlake.catalog.heads._ATTEMPTS", 2)
    old, every = scene(shop)
    aws.faults.refuse(operation, "InternalServerError", status=500, times=10_000)
    with shop.open() as lake:
        with pytest.raises((REFUSED[operation], CatalogUnavailableError)):
            load(lake, every[1:])
        aws.faults.clear()
        committed = operation in ("UpdateTable", "CopyObject")
        assert found(lake)["orders"] == expected(every if committed else old)["orders"]
        assert [report.status for report in load(lake, every[1:])] == ["unchanged" if committed else "loaded"]
    shop.assert_right(every)


# --- how little is asked for ------------------------------------------------------------------------------------------

MOST = 38
"""Calls of loading one small object of new orders, once the process is warm; two ask who is forgotten."""
FOLDING = 52
"""Calls of a load that also folds small files."""


def test_a_load_asks_for_little_and_the_tenth_for_no_more_than_the_second(aws, shop):
    counts = []
    with shop.open() as lake:
        for number in range(12):
            one = shop.put(f"orders_{number}.json", [order(number, "A", "B"), order(100 + number, "C")])
            aws.faults.forget_calls()
            load(lake, [one])
            counts.append(len(aws.faults.calls()))
    assert sorted(counts)[len(counts) // 2] <= MOST, counts
    assert counts[-1] <= MOST, counts
    assert max(counts) <= FOLDING, counts


def test_what_was_just_written_is_not_asked_for_again(aws, shop):
    bucket = shop.settings.lake.removeprefix("s3://").split("/")[0]
    one = shop.put("orders_0.json", [order(1, "A")])
    with shop.open() as lake:
        aws.faults.forget_calls()
        load(lake, [one])
    ours = [call for call in aws.faults.calls() if call.resource.startswith(bucket)]
    asked = {call.resource for call in ours if call.operation == "GetObject"}
    assert [resource.rpartition("/")[2] for resource in asked] == [".forgotten.json"]
    assert {call.operation for call in ours} == {"PutObject", "CopyObject", "DeleteObject", "GetObject"}


def test_metadata_is_remembered_and_plain_files_are_asked_for(shop):
    ours, other = S3Store(shop.settings.region), S3Store(shop.settings.region)
    metadata, plain = (f"{shop.settings.lake}/t/{name}" for name in ("metadata/1.json", "a.parquet"))
    for location in (metadata, plain):
        ours.write(location, b"old")
        other.write(location, b"new")
    assert (ours.read(metadata), ours.read(plain)) == (b"old", b"new")
    ours.delete(metadata)
    other.write(metadata, b"new")
    assert ours.read(metadata) == b"new"


def test_an_object_another_has_published_already_is_not_published_again(shop):
    ours, other = S3Store(shop.settings.region), S3Store(shop.settings.region)
    hidden, final = f"{shop.settings.lake}/.pending/{PLAIN}/a.parquet", f"{shop.settings.lake}/{PLAIN}/a.parquet"
    with ours.writer(hidden) as target:
        target.write(b"first")
    assert ours.size(hidden) == 5
    assert other.publish(hidden, final)
    other.write(final, b"corrected")
    assert not ours.publish(hidden, final)
    assert other.read(final) == b"corrected"


def test_what_the_engine_is_about_to_write_is_there_once_it_is_written(shop):
    store, other = S3Store(shop.settings.region), S3Store(shop.settings.region)
    location = store.target_path(f"{shop.settings.lake}/t/data/a.parquet")
    assert store.stat(location) is None
    upload = store.upload(location)
    upload.write(b"PAR1")
    upload.close()
    assert store.size(location) == other.size(location) == 4

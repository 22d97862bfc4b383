"""A record of the quarantine is dropped once, for good, with a reason; and verify counts it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderlake import Lake
from orderlake.errors import CatalogUnavailableError, ConfigError, NotFoundError
from orderlake.mending import Which
from tests.reference import NOON, SECOND, new_lake, order, put


def bad(number):
    return order(number, "P1", day="never")


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        put(opened.project.raw / "orders.json", [order(1), bad(2), bad(3)], NOON)
        opened.run()
        yield opened


def ids(lake):
    return [each["id"] for each in lake.quarantine()]


def test_a_dropped_record_says_who_when_and_why_and_is_no_longer_open(lake):
    first, second = ids(lake)
    done = lake.drop(Which(ids=(first,)), "  a test order ")
    assert (done.dropped, done.closed) == ((first,), ())
    record, tries = lake.quarantined(first)
    assert (record["status"], record["drop_reason"], record["closed_by"], tries) == (
        "dropped",
        "a test order",
        None,
        [],
    )
    assert record["dropped_by"]
    assert (record["dropped_at"] or "").endswith("+00:00")
    assert lake.quarantine_counts() == {"open": 1, "fixed": 0, "replaced": 0, "dropped": 1}
    assert [each["id"] for each in lake.quarantine(which=Which(status="open"))] == [second]
    assert lake.verify().ok


def test_dropping_twice_is_dropping_once_and_the_first_reason_stays(lake):
    first, second = ids(lake)
    lake.drop(Which(ids=(first,)), "one")
    again = lake.drop(Which(ids=(first, second)), "two")
    assert (again.dropped, again.closed) == ((second,), (first,))
    assert lake.query("SELECT position, reason FROM quarantine_drops ORDER BY 1").rows == ((2, "one"), (3, "two"))
    assert lake.drop(Which(), "three").dropped == ()


def test_a_dropped_record_can_be_fixed_later_all_the_same(lake):
    first, _ = ids(lake)
    lake.drop(Which(ids=(first,)), "a mistake")
    assert lake.fix("raw/orders.json", 2, json.dumps(order(2))).outcome == "loaded"
    assert lake.quarantined(first)[0]["status"] == "fixed"
    assert lake.verify().ok


def test_a_try_that_fails_leaves_a_dropped_record_dropped(lake):
    first, _ = ids(lake)
    lake.drop(Which(ids=(first,)), "why not")
    lake.fix("raw/orders.json", 2, json.dumps(bad(22)))
    assert lake.quarantined(first)[0]["status"] == "dropped"


def test_a_drop_is_of_one_version_of_a_file(lake):
    lake.drop(Which(status="open"), "gone")
    put(lake.project.raw / "orders.json", [order(1), bad(2)], NOON + SECOND)
    lake.run()
    assert [each["status"] for each in lake.quarantine()] == ["dropped", "dropped", "open"]


def test_what_is_wrong_with_a_drop_is_said(lake):
    with pytest.raises(ConfigError, match="say why"):
        lake.drop(Which(), "  ")
    with pytest.raises(NotFoundError, match="no record abc-1"):
        lake.drop(Which(ids=("abc-1",)), "because")
    assert lake.query("SELECT count(*) FROM quarantine_drops").rows == ((0,),)


def test_many_who_drop_at_once_drop_each_record_once(lake):
    put(lake.project.raw / "orders_more.json", [bad(number) for number in range(10, 30)], NOON)
    lake.run()

    def drop(number):
        with Lake(lake.project.root) as other:
            other.drop(Which(ids=tuple(ids(other)[number : number + 12])), f"by {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(drop, (0, 3, 6, 10)))
    rows = lake.query("SELECT count(*), count(DISTINCT (source, position)) FROM quarantine_drops").rows
    assert rows == ((22, 22),)
    assert lake.verify().ok


def test_a_lost_reply_does_not_drop_twice(lake, monkeypatch):
    catalog = lake._backends.catalog
    commit = catalog.commit
    lost: list[int] = []

    def lossy(updates):
        commit(updates)
        if not lost:
            lost.append(1)
            raise CatalogUnavailableError("the reply was lost")

    monkeypatch.setattr(catalog, "commit", lossy)
    lake.drop(Which(), "all")
    assert lake.query("SELECT count(*) FROM quarantine_drops").rows == ((2,),)


def test_verify_names_a_file_whose_records_have_no_status(lake, monkeypatch):
    monkeypatch.setattr("orderlake.mending.recount.STATUSES", ("open",))
    lake.drop(Which(ids=tuple(ids(lake)[:1])), "one")
    (found,) = lake.verify().findings
    assert found == (
        "quarantine: 2 records of raw/orders.json were set aside, but 1 of 2 records there are open, fixed, "
        "replaced or dropped"
    )


def test_two_versions_of_a_file_that_have_one_time_are_both_told_of(lake):
    put(lake.project.raw / "orders.json", [order(1), bad(2), bad(3), bad(4)], NOON)
    lake.run()
    assert len(ids(lake)) == 5
    assert lake.verify().ok


def test_compaction_keeps_the_drops(lake):
    for key in ids(lake):
        lake.drop(Which(ids=(key,)), "one by one")
    lake.maintain()
    assert lake.quarantine_counts()["dropped"] == 2
    assert lake.verify().ok

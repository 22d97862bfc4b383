"""Files that have arrived: known when they wait, and listed only when there may be news."""

import os
import threading
from contextlib import closing

import pytest

from orderlake import Lake
from orderlake.console.arrivals import Arrivals
from orderlake.storage.touched import touched


class Counted:
    """Sources that count how often they are listed; listing takes so many seconds of the clock."""

    def __init__(self, sources, clock):
        self.sources, self.clock = sources, clock
        self.listed = self.takes = 0

    def find(self, given):
        self.listed += 1
        self.clock.now += self.takes
        return self.sources.find(given)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def lake(empty):
    with Lake(empty) as opened:
        yield opened


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sources(lake, clock):
    return Counted(lake.sources, clock)


@pytest.fixture
def arrivals(lake, sources, clock):
    settled = lambda folders: touched(folders, clock=lambda: float("inf"))  # noqa: E731 - folders show each change
    return Arrivals(sources, lake.ledger, lake.project.raw, steady=clock, changed=settled)


def names(sources):
    return [source.name for source in sources]


def test_what_no_load_has_taken_waits_oldest_first(arrivals, lake, put):
    put("orders_2.json", [])
    os.utime(put("orders_1.json", []), (1, 1))
    assert names(arrivals.waiting()) == ["orders_1.json", "orders_2.json"]
    lake.run()
    assert arrivals.waiting() == []


def test_a_rejected_file_does_not_wait(arrivals, lake, put):
    put("orders_1.json", "no json")
    lake.run()
    assert arrivals.waiting() == []


def test_another_version_of_a_loaded_file_waits(arrivals, lake, put):
    put("orders_1.json", [])
    lake.run()
    arrivals.waiting()
    put("orders_1.json", [{}])
    assert names(arrivals.waiting()) == ["orders_1.json"]


def test_the_stamp_changes_when_a_file_comes_changes_or_goes(arrivals, put, clock):
    stamps = [arrivals.stamp()]
    path = put("orders_1.json", [])
    stamps.append(arrivals.stamp())
    put("orders_1.json", [{}])  # in its place: no folder tells of it
    clock.now += 60
    stamps.append(arrivals.stamp())
    path.unlink()
    stamps.append(arrivals.stamp())
    assert len(set(stamps)) == 4
    assert arrivals.stamp() == stamps[-1]


def test_nothing_is_listed_while_folders_are_as_they_were(arrivals, sources, put, clock):
    put("deep/er/orders_1.json", [])
    sources.takes = 0.1
    for _ in range(2):
        arrivals.stamp()
    seen = sources.listed
    for _ in range(40):
        clock.now += 0.1
        arrivals.stamp()
        arrivals.waiting()
    assert sources.listed == seen


def test_listing_takes_a_small_part_of_the_time_however_long_it_takes(arrivals, sources, clock):
    sources.takes = 2.0
    for _ in range(2):
        arrivals.stamp()
    sources.listed, start = 0, clock.now
    while clock.now < start + 1000:
        clock.now += 1
        arrivals.stamp()
    assert 5 <= sources.listed <= 10


def test_a_file_in_a_folder_that_was_seen_is_news_at_once(arrivals, sources, put):
    put("deep/orders_1.json", [])
    sources.takes = 10
    for _ in range(2):
        arrivals.stamp()
    before = arrivals.stamp()
    put("deep/orders_2.json", [])
    assert arrivals.stamp() != before


def test_a_folder_that_changed_within_a_tick_is_listed_again(lake, sources, put, clock):
    arrivals = Arrivals(sources, lake.ledger, lake.project.raw, steady=clock)
    sources.takes = 10
    for _ in range(3):
        arrivals.stamp()
    assert sources.listed == 3  # raw/ was made just now, and may change once more without showing it


def test_only_what_is_not_known_is_looked_up(lake, sources, put, clock, monkeypatch):
    for number in range(5):
        put(f"orders_{number}.json", [])
    lake.run()
    asked = []
    lookup = lake.ledger.applied

    def applied(identities):
        asked.append(len(list(identities)))
        return lookup(identities)

    monkeypatch.setattr(lake.ledger, "applied", applied)
    arrivals = Arrivals(sources, lake.ledger, lake.project.raw, steady=clock)
    arrivals.waiting()
    put("orders_9.json", [])
    arrivals.waiting()
    assert asked == [5, 1]


def test_there_may_be_no_folder_raw(lake, sources, clock):
    lake.project.raw.rmdir()
    assert Arrivals(sources, lake.ledger, lake.project.raw, steady=clock).waiting() == []


def test_threads_share_what_has_arrived(lake, put):
    with closing(lake):
        for number in range(50):
            put(f"orders_{number}.json", [])
        arrivals = Arrivals(lake.sources, lake.ledger, lake.project.raw)
        found = []
        threads = [threading.Thread(target=lambda: found.append(len(arrivals.waiting()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [50] * 8

"""The ledger in DynamoDB when replies are lost, calls are throttled, reports are huge and holders of leases die."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from orderlake.errors import CatalogUnavailableError, ConfigError
from orderlake.ledger.dynamodb import DynamoLedger
from orderlake.ledger.leases import Leases
from orderlake.ledger.loads import PART_BYTES, settled
from orderlake.model.report import LoadReport

DAY = 86_400


class Clock:
    """Seconds, moved by hand; shared by all ledgers of a test."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


class World:
    """An emulated table and ledgers on it, all on one clock."""

    def __init__(self, aws):
        self.aws, self.faults, self.clock = aws, aws.faults, Clock()
        self.lake = aws.deploy()
        self.opened = []

    def open(self, beat=3600.0, **more):
        table, region = self.lake.table, self.lake.region
        leases = Leases(table, region, clock=self.clock, beat=beat)
        ledger = DynamoLedger(table, region, leases, **{"pause": lambda _: None, **more})
        self.opened.append(ledger)
        return ledger

    def items(self):
        client = self.aws.client("dynamodb")
        pages = client.get_paginator("scan").paginate(TableName=self.lake.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def lease(self, name):
        key = {"pk": {"S": "lease"}, "sk": {"S": name}}
        return self.aws.client("dynamodb").get_item(TableName=self.lake.table, Key=key, ConsistentRead=True).get("Item")


@pytest.fixture
def world(aws):
    made = World(aws)
    yield made
    for ledger in made.opened:
        ledger.close()


@pytest.fixture
def ledger(world):
    return world.open()


def report(identity, status="loaded", load_id="L1", **more):
    return LoadReport(f"s3://raw/{identity}", "orders", status, identity, load_id, 1, "2024-01-05T00:00:00Z", **more)


def bulky(identity, size, status="loaded", load_id="L1"):
    """A report that cannot be compressed below this size."""
    noise = random.Random(identity + load_id)
    return report(identity, status, load_id, reason=noise.randbytes(size).hex())


def huge(identity, **more):
    return bulky(identity, 2 * PART_BYTES + 1000, **more)


def parts(world):
    return sorted(item["sk"]["S"] for item in world.items() if item["pk"]["S"] == "load.part")


# --- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["lose_reply", "lose_request", "throttle"])
@pytest.mark.parametrize("operation", ["UpdateItem", "BatchGetItem", "Query"])
def test_a_call_that_fails_on_the_way_is_made_good(world, ledger, operation, how):
    getattr(world.faults, how)(operation, times=2)
    ledger.mark([report("a")])
    ledger.mark([report("a", load_id="L2")])
    assert ledger.applied(["a", "b"]) == {"a": report("a")}
    assert list(ledger.loads()) == [report("a")]
    assert world.faults.pending() == []


@pytest.mark.parametrize(
    ("operation", "work"),
    [
        ("UpdateItem", lambda ledger: ledger.mark([report("a")])),
        ("BatchGetItem", lambda ledger: ledger.applied(["a"])),
        ("Query", lambda ledger: ledger.loads()),
        ("PutItem", lambda ledger: ledger.once("a", 60)),
    ],
)
def test_throttling_without_end_is_an_error(world, ledger, operation, work):
    world.faults.throttle(operation, times=100)
    with pytest.raises(CatalogUnavailableError):
        work(ledger)


def test_a_table_that_is_not_there_is_said_so(world):
    with closing(DynamoLedger("nowhere", world.lake.region)) as ledger, pytest.raises(ConfigError, match="deployed"):
        ledger.applied(["a"])


def test_loads_recorded_in_one_tick_of_the_clock_keep_their_order(world):
    ledger = world.open(now_ns=lambda: 1_700_000_000_000_000_000)
    names = [f"{number}" for number in random.Random(1).sample(range(100), 30)]
    ledger.mark([report(name) for name in names[:20]])
    ledger.mark([report(name) for name in names[20:]])
    assert [load.identity for load in ledger.loads()] == names


def test_a_clock_that_goes_back_does_not_put_later_loads_first(world):
    times = iter([2_000, 1_000])
    ledger = world.open(now_ns=lambda: next(times))
    ledger.mark([report("b")])
    ledger.mark([report("a")])
    assert [load.identity for load in ledger.loads()] == ["b", "a"]


def test_a_rejected_load_that_was_finished_keeps_its_place(ledger):
    ledger.mark([report("a", "rejected"), report("b")])
    ledger.mark([report("a", load_id="L2")])
    assert [(load.identity, load.load_id) for load in ledger.loads()] == [("a", "L2"), ("b", "L1")]


def test_reports_marked_together_settle_as_if_marked_one_by_one():
    marked = [("rejected", "1"), ("rejected", "2"), ("loaded", "3"), ("rejected", "4"), ("loaded", "5")]
    for number, expected in ((2, "2"), (3, "3"), (5, "3")):
        kept = settled(report("a", status, load_id) for status, load_id in marked[:number])
        assert [load.load_id for load in kept] == [expected]


def test_a_history_of_many_pages_comes_whole(world, ledger):
    reports = [bulky(f"{number:02d}", 150_000) for number in range(20)]
    ledger.mark(reports)
    world.faults.forget_calls()
    assert list(ledger.loads()) == reports
    assert len([call for call in world.faults.calls() if call.operation == "Query"]) > 2


def test_what_a_reply_cannot_hold_is_asked_for_again(world, ledger):
    reports = [bulky(f"{number:02d}", 300_000) for number in range(60)]
    ledger.mark(reports)
    world.faults.forget_calls()
    assert ledger.applied([load.identity for load in reports]) == {load.identity: load for load in reports}
    assert [call.operation for call in world.faults.calls()] == ["BatchGetItem"] * 2


def test_keys_that_stay_unread_are_an_error(world, ledger):
    left = {world.lake.table: {"Keys": [{"pk": {"S": "load"}, "sk": {"S": "a"}}]}}
    world.faults.refuse("BatchGetItem", "", status=200, times=100, Responses={}, UnprocessedKeys=left)
    with pytest.raises(CatalogUnavailableError, match="unread"):
        ledger.applied(["a"])


# --- reports that no item can hold ------------------------------------------------------------------------------------


def test_a_report_larger_than_an_item_comes_back_whole(world, ledger):
    ledger.mark([huge("a"), report("b")])
    assert len(parts(world)) == 3
    assert ledger.applied(["a"]) == {"a": huge("a")}
    assert list(ledger.loads()) == [huge("a"), report("b")]


def test_a_load_that_replaced_records_of_fifty_thousand_files_is_recorded(ledger):
    noise = random.Random(7)
    full = report("a", replaced={noise.randbytes(16).hex(): number for number in range(50_000)})
    ledger.mark([full])
    assert ledger.applied(["a"]) == {"a": full}


def test_a_large_report_that_came_second_leaves_nothing(world, ledger):
    ledger.mark([huge("a")])
    before = parts(world)
    ledger.mark([huge("a", load_id="L2")])
    assert parts(world) == before
    assert ledger.applied(["a"]) == {"a": huge("a")}


def test_a_large_rejection_leaves_nothing_when_it_gives_way(world, ledger):
    ledger.mark([huge("a", status="rejected")])
    ledger.mark([report("a", load_id="L2")])
    assert parts(world) == []
    assert ledger.applied(["a"]) == {"a": report("a", load_id="L2")}


@pytest.mark.parametrize("status", ["loaded", "rejected"])
def test_a_lost_reply_takes_no_part_of_a_large_report_away(world, ledger, status):
    world.faults.lose_reply("UpdateItem")
    world.faults.lose_reply("PutItem", times=3)
    ledger.mark([huge("a", status=status)])
    assert ledger.applied(["a"]) == {"a": huge("a", status=status)}
    assert world.faults.pending() == []


# --- leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_lapses_when_its_holder_is_silent_for_thirty_seconds(world):
    one, two = world.open(), world.open()
    with one.claim(["a"]):
        world.clock.now += 29
        with two.claim(["a"]) as won:
            assert won == frozenset()
        world.clock.now += 2
        with two.claim(["a"]) as won:
            assert won == {"a"}


def test_who_gives_back_a_lease_that_lapsed_leaves_the_new_holder_alone(world):
    one, two, three = world.open(), world.open(), world.open()
    with one.claim(["a"]) as _:
        world.clock.now += 31
        late = two.claim(["a"])
        assert late.__enter__() == {"a"}
    with three.claim(["a"]) as won:
        assert won == frozenset()
    late.__exit__(None, None, None)
    with three.claim(["a"]) as won:
        assert won == {"a"}


def until(world, name, beyond):
    """Wait until a lease holds longer than that."""
    deadline = time.monotonic() + 30
    while int(world.lease(name)["until"]["N"]) <= beyond:
        assert time.monotonic() < deadline


def test_a_living_holder_keeps_its_leases_for_as_long_as_it_works(world):
    one, two = world.open(beat=0.01), world.open()
    with one.claim(["a", "b"]), one.turn("t"):
        for _ in range(3):
            before = world.clock.now + 30
            world.clock.now += 29
            for name in ("claim#a", "claim#b", "turn#t"):
                until(world, name, before * 1000)
        with two.claim(["a", "b"]) as won:
            assert won == frozenset()
    assert [world.lease(name) for name in ("claim#a", "claim#b", "turn#t")] == [None] * 3


def test_renewing_never_takes_a_lease_back_from_its_new_holder(world):
    one, two = world.open(beat=0.01), world.open()
    world.faults.throttle("UpdateItem", times=1_000_000)  # the holder cannot be heard
    with one.claim(["a"]):
        world.clock.now += 31
        with two.claim(["a"]) as won:
            assert won == {"a"}
            owner = world.lease("claim#a")["owner"]
            world.faults.clear()
            world.faults.forget_calls()
            deadline = time.monotonic() + 30
            while not any(call.operation == "UpdateItem" for call in world.faults.calls()):
                assert time.monotonic() < deadline
            assert world.lease("claim#a")["owner"] == owner


def test_nothing_is_renewed_when_nothing_is_held(world):
    ledger = world.open(beat=0.01)
    with ledger.claim(["a"]):
        pass
    deadline = time.monotonic() + 30
    while any(thread.name == "leases" for thread in threading.enumerate()):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("how", ["lose_reply", "lose_request", "throttle"])
@pytest.mark.parametrize("operation", ["PutItem", "DeleteItem"])
def test_a_lease_whose_reply_was_lost_is_known_as_ours(world, operation, how):
    one, two = world.open(), world.open()
    getattr(world.faults, how)(operation, times=2)
    with one.claim(["a"]) as won:
        assert won == {"a"}
        with two.claim(["a"]) as left:
            assert left == frozenset()
    with two.claim(["a"]) as won, two.turn("t"):
        assert won == {"a"}
    assert world.faults.pending() == []


def test_a_lease_that_cannot_be_given_back_lapses_and_hurts_nobody(world):
    one, two = world.open(), world.open()
    with one.claim(["a"]):
        world.faults.throttle("DeleteItem", times=100)
    world.faults.clear()
    with two.claim(["a"]) as won:
        assert won == frozenset()
    world.clock.now += 31
    with two.claim(["a"]) as won:
        assert won == {"a"}


def test_a_claim_that_fails_in_the_middle_keeps_nothing(world):
    one, two = world.open(), world.open()
    names = [str(number) for number in range(10)]
    world.faults.refuse("PutItem", "ValidationException", skip=5)
    with pytest.raises(CatalogUnavailableError), one.claim(names):
        pytest.fail("it must not begin")
    with two.claim(names) as won:
        assert won == set(names)


def test_who_waits_for_a_turn_asks_ever_less_often(world):
    tries, one = [], world.open()
    turn = one.turn("t")
    turn.__enter__()

    def wait(attempt):
        tries.append(attempt)
        if attempt == 3:
            turn.__exit__(None, None, None)

    with world.open(pause=wait).turn("t"):
        assert tries == [0, 1, 2, 3]


def test_a_waiter_that_stands_still_while_it_is_first_is_put_out_and_joins_again(world):
    one = world.open()
    turn = one.turn("t")
    turn.__enter__()
    had, stands_still, goes_on = [], threading.Event(), threading.Event()

    def stand(attempt):
        stands_still.set()
        assert goes_on.wait(30)

    def slow():
        with world.open(pause=stand).turn("t"):
            had.append("slow")

    thread = threading.Thread(target=slow)
    thread.start()
    assert stands_still.wait(30)

    def pass_time(attempt):
        if attempt == 0:
            turn.__exit__(None, None, None)
        world.clock.now += 3

    with world.open(pause=pass_time).turn("t"):
        had.append("behind")
        goes_on.set()
    thread.join(30)
    assert had == ["behind", "slow"]


def test_a_turn_that_is_given_back_late_is_not_taken_from_who_has_it_and_the_line_stays(world):
    one, two, three = world.open(), world.open(), world.open()
    turn = one.turn("t")
    turn.__enter__()
    world.clock.now += 31
    with two.turn("t"):
        owner = world.lease("turn#t")["owner"]
        third = three.turn("t")
        joined = threading.Thread(target=third.__enter__)
        joined.start()
        deadline = time.monotonic() + 30
        while not world.lease("turn#t").get("line"):
            assert time.monotonic() < deadline
        turn.__exit__(None, None, None)
        assert world.lease("turn#t")["owner"] == owner
        assert len(world.lease("turn#t")["line"]["L"]) == 1
    joined.join(30)
    assert world.lease("turn#t")["owner"] != owner
    third.__exit__(None, None, None)


@pytest.mark.parametrize("how", ["lose_reply", "lose_request", "throttle"])
@pytest.mark.parametrize("skip", range(3))
def test_a_wait_in_line_outlives_lost_replies(world, how, skip):
    """The calls of one wait are troubled in turn: to join, to take, and to give back what another waits for."""
    one, two = world.open(), world.open()
    had = []
    turn = one.turn("t")
    turn.__enter__()

    def wait(attempt):
        if not attempt:
            turn.__exit__(None, None, None)

    getattr(world.faults, how)("UpdateItem", times=2, skip=skip)
    with world.open(pause=wait).turn("t"):
        had.append(1)
    with two.turn("t"):
        had.append(2)
    assert had == [1, 2]
    assert world.lease("turn#t") is None
    assert world.faults.pending() == []


def test_a_turn_that_nobody_waits_for_costs_two_requests(world, ledger):
    world.faults.forget_calls()
    with ledger.turn("t"):
        pass
    assert [call.operation for call in world.faults.calls()] == ["PutItem", "DeleteItem"]


def test_leases_alone_have_an_end_at_which_dynamodb_may_delete_them(world, ledger):
    ledger.mark([report("a"), huge("b")])
    with ledger.claim(["c"]), ledger.turn("t"):
        assert ledger.once("o", 60)
        ends = {item["pk"]["S"]: item.get("expires") for item in world.items()}
    assert {kind for kind, end in ends.items() if end} == {"lease"}
    assert set(ends) == {"lease", "load", "load.part"}
    assert int(ends["lease"]["N"]) >= world.clock.now + DAY


def test_a_lease_says_who_holds_it(world):
    leases = Leases(world.lake.table, world.lake.region, clock=world.clock, owner="function/request")
    with closing(DynamoLedger(world.lake.table, world.lake.region, leases)) as ledger, ledger.turn("t"):
        assert world.lease("turn#t")["owner"]["S"].startswith("function/request/")


# --- once -------------------------------------------------------------------------------------------------------------


def test_once_is_true_for_the_first_in_that_many_seconds(world):
    one, two = world.open(), world.open()
    assert one.once("crawl", 60)
    assert not two.once("crawl", 60)
    assert not one.once("crawl", 60)
    assert two.once("other", 60)
    world.clock.now += 61
    assert two.once("crawl", 60)
    assert not one.once("crawl", 60)


def test_once_outlives_who_asked(world):
    world.open(beat=0.01).once("crawl", 60)
    world.opened.pop().close()
    assert not world.open().once("crawl", 60)


def test_once_is_true_for_one_of_many_at_once(ledger):
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return ledger.once("crawl", 60)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [False] * 7 + [True]


def test_once_is_true_when_the_reply_was_lost(world, ledger):
    world.faults.lose_reply("PutItem", times=2)
    assert ledger.once("crawl", 60)
    assert not ledger.once("crawl", 60)


def test_a_report_is_small_in_the_table(world, ledger):
    """A write costs by the kilobyte: an ordinary report is one unit."""
    ledger.mark(
        [replace(report("a" * 24), read=1000, loaded=990, quarantined=10, tables={"orders": 990, "lines": 2500})]
    )
    (item,) = world.items()
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    assert size < 1024

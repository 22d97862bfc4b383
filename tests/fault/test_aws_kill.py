"""Kill -9 at each step of a commit to S3, DynamoDB and Glue: before step 7 nothing happened, afterwards everything.

An emulator stands in for AWS (tests/emulators): what is shown is that our side never needs more than it promises.
"""

import os
import signal
import threading
import time

import pytest

from orderlake.tables.commit import Committer
from tests.fault.aws_worker import CHANGES, PLAIN, Object, Shop, listen, load
from tests.fault.worker import ended
from tests.reference import expected, found, order

pytestmark = pytest.mark.fault

STRIDE = 1 if "ORDERLAKE_TORTURE" in os.environ else 3
"""Of so many calls that change something, the sweep dies before one."""
SHORT = (0.4, 0.1)
"""Leases of those who are to die: seconds, and how often they are renewed."""
LATER = 120.0
"""Seconds after which the leases of the dead have lapsed."""


def later():
    """The clock of who comes when the leases of the dead have lapsed."""
    return time.time() + LATER


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path / "shop")


def scene(shop):
    """One object that is loaded, and two that are about to be: a correction of half of it, and a new one."""
    old = [shop.put("orders_1.json", [order(n, "A", "B") for n in range(1, 5)])]
    with shop.open() as lake:
        load(lake, old)
    fresh = [
        shop.put("orders_2.json", [order(1, "C"), order(2, day="2024-02-02")]),
        shop.put("orders_3.json", [order(9, "Z")]),
    ]
    return old, [*old, *fresh]


def of_iceberg(tables):
    return {name: rows for name, rows in tables.items() if name != PLAIN}


def taken_over(shop, every):
    """Another worker comes, and leaves everything right."""
    with shop.open(clock=later) as lake:
        statuses = [report.status for report in lake.run()]
        assert {report.status for report in lake.run()} == {"unchanged"}
    shop.assert_right(every)
    return statuses


@pytest.mark.parametrize("step", range(1, 11))
def test_death_at_any_step_leaves_the_tables_before_or_after_and_another_finishes(shop, step):
    old, every = scene(shop)
    assert ended(shop.spawn([every[1:]], kill=(1, step)))[0] == -signal.SIGKILL
    with shop.open() as lake:
        seen = found(lake)
    assert of_iceberg(seen) == of_iceberg(expected(every if step > 7 else old))
    assert seen[PLAIN] == expected(every if step > 8 else old)[PLAIN]
    assert taken_over(shop, every) == ["unchanged", *["unchanged" if step > 7 else "loaded"] * 2]


BETWEEN = {
    "the heads have moved, Glue shows nothing of it": ("UpdateTable", 1),
    "Glue shows one table of two": ("UpdateTable", 2),
    "Glue shows both, and nobody has noted it": ("UpdateItem", 1),
    "one plain file is copied, and still hidden too": ("DeleteObject", 1),
    "one plain file is published, the others are not": ("CopyObject", 2),
    "all plain files are published, no load is marked": ("UpdateItem", 3),
    "one of two loads is marked": ("UpdateItem", 4),
}


@pytest.mark.parametrize("call", BETWEEN.values(), ids=BETWEEN)
def test_death_after_the_transaction_loses_nothing(shop, call):
    _, every = scene(shop)
    assert ended(shop.spawn([every[1:]], after_commit=call))[0] == -signal.SIGKILL
    with shop.open() as lake:
        assert of_iceberg(found(lake)) == of_iceberg(expected(every))
    assert taken_over(shop, every) == ["unchanged"] * 3


def test_death_in_the_first_commit_of_all(shop):
    made = [shop.put("orders_1.json", [order(1, "A")])]
    for step in (7, 8):
        assert ended(shop.spawn([made], kill=(1, step), leases=SHORT))[0] == -signal.SIGKILL
    assert taken_over(shop, made) == ["unchanged"]


@pytest.mark.parametrize("kill", [(1, 3), (1, 8), (1, 9), (2, 8)], ids=str)
def test_death_while_finishing_for_the_dead_is_finished_by_the_next(shop, kill):
    _, every = scene(shop)
    assert ended(shop.spawn([every[1:2]], kill=(1, 8), leases=SHORT))[0] == -signal.SIGKILL
    assert ended(shop.spawn([every[1:]], kill=kill, leases=SHORT))[0] == -signal.SIGKILL
    taken_over(shop, every)


class DeathError(BaseException):
    """As good as kill -9 for AWS: whoever was told this sends nothing more."""


class Dying:
    """Hears of each changing call but renewals of leases, and after `left` of them lets none be sent."""

    def __init__(self):
        self.left = None

    def __call__(self, service, operation):
        if self.left is None or threading.current_thread().name == "leases":
            return
        if self.left == 0:
            raise DeathError
        self.left -= 1


@pytest.mark.slow
def test_death_before_any_call_that_changes_something_is_made_good(aws, shop):
    """One lake, one object after the other, each loader dying some calls later than the one before."""
    dying = Dying()
    listen(aws.region, dying)
    every: list[Object] = []
    died = True
    while died:
        at = len(every)
        every.append(shop.put(f"orders_{at}.json", [order(at % 3, f"P{at}", "Q"), order(100 + at, "R")]))
        with shop.open() as lake:
            try:
                dying.left = at * STRIDE
                load(lake, every[-1:])
                died = False
            except DeathError:
                pass
            finally:
                dying.left = None
        with shop.open(clock=later) as lake:
            load(lake, every[-1:])
    assert len(every) * STRIDE > 20
    shop.assert_right(every)


def test_the_control_that_does_not_look_again_is_caught(shop, monkeypatch):
    """Without step 3, a death between commit and publication loses plain files: this suite sees it."""
    _, every = scene(shop)
    ended(shop.spawn([every[1:]], kill=(1, 8)))
    blind = lambda self, _, identities=(): self.ledger.applied(identities)  # noqa: E731 - one line, used once
    monkeypatch.setattr(Committer, "_look_again", blind)
    with shop.open(clock=later) as lake:
        lake.run()
        assert found(lake) != expected(every)


def test_the_calls_that_are_listened_to_are_all_that_change_something(aws, shop):
    """Else the sweep above would pass over one."""
    every = []
    for number in range(3):
        every.append(shop.put(f"orders_{number}.json", [order(1, "A", f"B{number}"), order(number, "C")]))
        aws.faults.forget_calls()
        with shop.open() as lake:
            load(lake, every[-1:])
    calls = {(call.service, call.operation) for call in aws.faults.calls()}
    reads = {"GetObject", "HeadObject", "ListObjectVersions", "ListObjectsV2", "BatchGetItem", "TransactGetItems"}
    changing = {(service, operation) for service, operation in calls if operation not in {*reads, "GetTable"}}
    assert changing <= {(service, operation) for service, many in CHANGES.items() for operation in many}

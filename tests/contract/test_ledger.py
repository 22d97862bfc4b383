"""What every ledger promises: history for ever, said once, and leases that die with their holder."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from orderlake.clients import client
from orderlake.errors import ConfigError
from orderlake.ledger.dynamodb import DynamoLedger
from orderlake.ledger.leases import Leases, key
from orderlake.ledger.sqlite import SqliteLedger
from orderlake.model.report import LoadReport, Totals, Wanted


class Sqlite:
    """How this suite meets a backend: `open` gives a client; it must pickle, to be opened in other processes.

    `history` is how many loads a look-up is made among, `times` how often processes take a lease from each other.
    """

    history = 20_000
    times = 100

    def __init__(self, request):
        self.path = request.getfixturevalue("tmp_path") / "ledger.db"

    def open(self):
        return SqliteLedger(self.path)

    def in_line(self, name):
        """How many wait for a turn, or have it."""
        return sum(each.name.isdecimal() for each in (self.path.parent / "turns" / name).iterdir())


class DynamoDB:
    """One table, over a strict emulator; leases lapse as fast as a test wants to wait for it."""

    history = 400  # DynamoDB finds an item by its key among any number; each mark is an HTTP call
    times = 10  # as above: one process answers all these calls

    def __init__(self, request):
        self.settings = request.getfixturevalue("aws").deploy()

    def open(self):
        table, region = self.settings.table, self.settings.region
        return DynamoLedger(table, region, Leases(table, region, seconds=2.0, beat=0.5))

    def in_line(self, name):
        asked = {"TableName": self.settings.table, "Key": key(f"turn#{name}"), "ConsistentRead": True}
        found = client("dynamodb", self.settings.region).get_item(**asked).get("Item", {})
        return len(found.get("line", {"L": []})["L"]) + ("owner" in found)


BACKENDS = {"sqlite": Sqlite, "dynamodb": DynamoDB}
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    return BACKENDS[request.param](request)


@pytest.fixture
def ledger(backend):
    with closing(backend.open()) as opened:
        yield opened


def report(identity, status="loaded", load_id="L1", **more):
    return LoadReport(
        source=f"raw/{identity}.json",
        pipeline="orders",
        status=status,
        identity=identity,
        load_id=load_id,
        version=1_700_000_000_123_456_789,
        at="2024-01-05T00:00:00.000+00:00",
        **more,
    )


def test_an_empty_ledger_knows_nothing(ledger):
    assert ledger.applied(["a"]) == {}
    assert ledger.applied([]) == {}
    assert list(ledger.loads()) == []


def test_a_report_comes_back_as_it_was_marked(ledger):
    full = report(
        "a", read=5, loaded=2, superseded=1, duplicate=1, quarantined=1, tables={"orders": 2}, bytes=7, seconds=0.25,
        reason="ü 'quoted'\n", stream="s", definition="d", replaced={"b": 3}, seals={"wide/a.parquet": (3, "f00d")},
    )  # fmt: skip
    ledger.mark([full])
    assert ledger.applied(["a", "b"]) == {"a": full}
    assert list(ledger.loads()) == [full]


def test_marking_twice_is_marking_once_and_the_first_stays(ledger):
    ledger.mark([report("a"), report("b")])
    ledger.mark([report("a", load_id="L2"), report("a", load_id="L3")])
    assert [(load.identity, load.load_id) for load in ledger.loads()] == [("a", "L1"), ("b", "L1")]


def test_marking_nothing_is_fine(ledger):
    ledger.mark([])
    assert list(ledger.loads()) == []


def test_a_rejected_load_gives_way_to_a_finished_one_and_never_the_other_way(ledger):
    ledger.mark([report("a", "rejected", "L1", reason="why")])
    assert ledger.applied(["a"])["a"].reason == "why"
    ledger.mark([report("a", "rejected", "L2", reason="why else")])
    assert ledger.applied(["a"])["a"].reason == "why else"
    ledger.mark([report("a", "loaded", "L3")])
    ledger.mark([report("a", "rejected", "L4")])
    assert [(load.status, load.load_id) for load in ledger.loads()] == [("loaded", "L3")]


def test_history_comes_oldest_first(ledger):
    for name in "cab":
        ledger.mark([report(name)])
    assert [load.identity for load in ledger.loads()] == ["c", "a", "b"]


def test_recent_loads_come_newest_first_and_page_by_page(ledger):
    ledger.mark([report(name) for name in "abcde"])
    pages, before = [], None
    while True:
        page = ledger.recent(2, before)
        pages.append([load.identity for load in page.loads])
        before = page.before
        if before is None:
            break
    assert pages == [["e", "d"], ["c", "b"], ["a"]]


def test_a_page_that_ends_the_history_says_so(ledger):
    assert ledger.recent(5).loads == []
    assert ledger.recent(5).before is None
    ledger.mark([report(name) for name in "ab"])
    assert ledger.recent(2).before is None
    assert list(ledger.recent(0).loads) == []


def test_loads_recorded_meanwhile_do_not_move_the_next_page(ledger):
    ledger.mark([report(name) for name in "abc"])
    first = ledger.recent(2)
    ledger.mark([report("d")])
    assert [load.identity for load in ledger.recent(2, first.before).loads] == ["a"]


def test_recent_loads_may_be_of_a_status_a_source_or_one_load(ledger):
    ledger.mark([report("a"), report("b", "rejected"), report("Ab", load_id="L2"), report("c%", load_id="L2")])

    def found(**wanted):
        page = ledger.recent(9, None, Wanted(**wanted))
        assert page.before is None
        return [load.identity for load in page.loads]

    assert found(status="rejected") == ["b"]
    assert found(status="loaded") == ["c%", "Ab", "a"]
    assert found(source="b.json") == ["Ab", "b"]
    assert found(source="%") == ["c%"]
    assert found(load_id="L2") == ["c%", "Ab"]
    assert found(status="rejected", source="a.json") == []


def test_pages_of_some_loads_go_on_where_they_ended(ledger):
    ledger.mark([report(name, "rejected" if name in "bd" else "loaded") for name in "abcde"])
    for wanted, first, second in (
        (Wanted(status="loaded"), ["e", "c"], ["a"]),
        (Wanted(source="raw/", load_id="L1"), ["e", "d"], ["c", "b"]),
    ):
        page = ledger.recent(2, None, wanted)
        assert [load.identity for load in page.loads] == first
        assert [load.identity for load in ledger.recent(2, page.before, wanted).loads] == second


@pytest.mark.parametrize("before", ["", "x", "-1", "1e9", "²", "1; DROP TABLE loads"])
def test_a_place_in_the_history_that_is_none_is_refused(ledger, before):
    ledger.mark([report("a")])
    with pytest.raises(ConfigError, match="begin with the newest"):
        ledger.recent(1, before)


def test_totals_add_up_the_whole_history(ledger):
    assert ledger.totals() == Totals()
    ledger.mark([report("a", read=5, loaded=2, superseded=1, duplicate=1, quarantined=1, bytes=7)])
    ledger.mark([report("b", "rejected", bytes=3), report("c", read=2, loaded=2)])
    assert ledger.totals() == Totals(2, 1, 7, 4, 1, 1, 1, 10)


def test_the_stamp_stays_until_a_load_is_recorded_by_anybody(backend, ledger):
    with closing(backend.open()) as other:
        seen = [ledger.stamp()]
        assert ledger.stamp() == seen[0]
        ledger.mark([report("a")])
        seen.append(ledger.stamp())
        other.mark([report("b")])
        seen.append(ledger.stamp())
        ledger.applied(["a"])
        assert ledger.stamp() == seen[-1]
    assert len(set(seen)) == 3


def test_threads_share_a_ledger(ledger):
    """Each marks and reads: nobody sees half a transaction, or begins one within another's."""
    wrong = []

    def work(number):
        try:
            for at in range(5):
                names = [f"{number}-{at}-{each}" for each in range(4)]
                ledger.mark([report(name) for name in names])
                assert set(ledger.applied(names)) == set(names)
                ledger.recent(3)
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(ledger.loads()) == 80


def test_another_client_reads_what_was_marked_at_once(backend, ledger):
    with closing(backend.open()) as other:
        ledger.mark([report("a")])
        assert set(other.applied(["a"])) == {"a"}


def test_a_look_up_takes_no_longer_among_very_many(backend, ledger):
    """A ratio, and a wide one: what is slow is a scan, which takes as many times longer as there are loads more."""
    template, few, many = report("x"), max(100, backend.history // 50), backend.history
    ids = [f"{number:024x}" for number in range(many)]

    def quickest(wanted, there):
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            assert set(ledger.applied(wanted)) == set(there)
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    ledger.mark([replace(template, identity=identity) for identity in ids[:few]])
    wanted = [*ids[:50], *(f"none-{number}" for number in range(50))]
    among_few = quickest(wanted, ids[:50])
    ledger.mark([replace(template, identity=identity) for identity in ids[few:]])
    assert quickest([*ids[-50:], *wanted[50:]], ids[-50:]) < among_few * 15


def mark_range(backend, start):
    with closing(backend.open()) as own:
        for number in range(start, start + 50):
            own.mark([report(str(number), load_id=str(start))])


def test_processes_that_mark_overlapping_loads_leave_each_once(backend):
    workers = [SPAWN.Process(target=mark_range, args=(backend, start)) for start in (0, 25, 50)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    with closing(backend.open()) as ledger:
        assert sorted(int(load.identity) for load in ledger.loads()) == list(range(100))


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_claim_is_held_by_one_and_given_back_at_the_end(backend, ledger):
    with closing(backend.open()) as other:
        with ledger.claim(["a", "b"]) as won:
            assert won == {"a", "b"}
            with other.claim(["b", "c"]) as left:
                assert left == {"c"}
        with other.claim(["a", "b"]) as won:
            assert won == {"a", "b"}


def test_a_claim_is_given_back_when_the_work_fails(ledger):
    with pytest.raises(RuntimeError), ledger.claim(["a"]):
        raise RuntimeError
    with ledger.claim(["a"]) as won:
        assert won == {"a"}


def test_a_claim_of_nothing_wins_nothing(ledger):
    with ledger.claim([]) as won:
        assert won == frozenset()


def hold(backend, kind, ready):
    with closing(backend.open()) as own:
        lease = own.claim(["a", "b"]) if kind == "claim" else own.turn("t")
        with lease:
            ready.set()
            signal.pause()


def holder(backend, kind):
    ready = SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(backend, kind, ready))
    process.start()
    assert ready.wait(60)
    return process


def test_the_claims_of_the_killed_are_free(backend, ledger):
    process = holder(backend, "claim")
    with ledger.claim(["a", "b", "c"]) as won:
        assert won == {"c"}
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    deadline, won = time.monotonic() + 30, frozenset()
    while won != {"a", "b", "c"}:  # where leases lapse, they do so after a while
        assert time.monotonic() < deadline
        with ledger.claim(["a", "b", "c"]) as won:
            assert "c" in won


def contend(backend, folder, times):
    """Claim again and again; while holding, make a file that nobody else may have made."""
    with closing(backend.open()) as own:
        done = 0
        while done < times:
            with own.claim(["a"]) as won:
                if won:
                    mark = os.open(folder / "held", os.O_CREAT | os.O_EXCL)
                    os.close(mark)
                    (folder / "held").unlink()
                    done += 1


def test_a_claim_that_many_want_is_never_held_by_two(backend, tmp_path):
    workers = [SPAWN.Process(target=contend, args=(backend, tmp_path, 4 * backend.times)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4


# --- turns ------------------------------------------------------------------------------------------------------------


def count(backend, file, times):
    with closing(backend.open()) as own:
        for _ in range(times):
            with own.turn("t"):
                file.write_text(str(int(file.read_text()) + 1))


def test_a_turn_shuts_out_other_processes(backend, tmp_path):
    file = tmp_path / "count"
    file.write_text("0")
    workers = [SPAWN.Process(target=count, args=(backend, file, backend.times)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert file.read_text() == str(3 * backend.times)


def test_turns_of_different_names_do_not_wait_for_each_other(backend, ledger):
    with closing(backend.open()) as other, ledger.turn("a"), other.turn("b"):
        pass


def test_the_turn_of_the_killed_passes_on(backend, ledger):
    process = holder(backend, "turn")
    taken = threading.Event()

    def take():
        with closing(backend.open()) as own, own.turn("t"):
            taken.set()

    thread = threading.Thread(target=take)
    thread.start()
    assert not taken.wait(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert taken.wait(30)
    thread.join()


def until_in_line(backend, many):
    deadline = time.monotonic() + 30
    while backend.in_line("t") != many:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(backend, number, had):
    """A thread that waits for the turn, and then tells its number."""

    def take():
        with closing(backend.open()) as own, own.turn("t"):
            had.append(number)

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def test_turns_come_in_the_order_in_which_they_were_asked_for(backend, ledger):
    had: list[object] = []
    threads = []
    with ledger.turn("t"):
        for number in range(5):
            threads.append(waiting(backend, number, had))
            until_in_line(backend, 2 + number)
    for thread in threads:
        thread.join(60)
    assert had == [0, 1, 2, 3, 4]
    assert backend.in_line("t") == 0


def test_who_asks_again_at_once_comes_after_those_who_wait(backend, ledger):
    had: list[object] = []
    threads = []
    with ledger.turn("t"):
        threads += [waiting(backend, number, had) for number in "ab"]
        until_in_line(backend, 3)
    for _ in range(3):
        with ledger.turn("t"):
            had.append("again")
    for thread in threads:
        thread.join(60)
    assert set(had[:2]) == {"a", "b"}


def wait_for_turn(backend):
    with closing(backend.open()) as own, own.turn("t"):
        raise AssertionError


def test_the_dead_in_line_hold_nobody_up(backend, ledger):
    had: list[object] = []
    with ledger.turn("t"):
        dead = [SPAWN.Process(target=wait_for_turn, args=(backend,)) for _ in range(2)]
        for process in dead:
            process.start()
        until_in_line(backend, 3)
        thread = waiting(backend, "alive", had)
        until_in_line(backend, 4)
        for process in dead:
            process.kill()
            process.join()
    thread.join(60)
    assert had == ["alive"]
    assert backend.in_line("t") == 0


def test_a_turn_passes_on_from_one_that_fails(backend, ledger):
    with pytest.raises(RuntimeError), ledger.turn("t"):
        raise RuntimeError
    with closing(backend.open()) as other, other.turn("t"):
        assert backend.in_line("t") == 1


def test_the_last_event_of_a_source_is_what_applies_and_all_of_them_are_history(ledger):
    first = report("a", load_id="L1", loaded=3, read=3, replaced={"b": 3})
    undone = report("a", "rolled_back", load_id="R1", replaced={"a": 3}, restored={"b": 2}, nth=1)
    again = report("a", load_id="L2", loaded=3, read=3, nth=2)
    ledger.mark([report("b"), first])
    ledger.mark([undone])
    ledger.mark([report("c")])
    assert ledger.applied(["a"])["a"] == undone
    ledger.mark([again])
    assert ledger.applied(["a", "b"])["a"] == again
    assert [(load.identity, load.nth) for load in ledger.loads()] == [("b", 0), ("a", 0), ("a", 1), ("c", 0), ("a", 2)]
    assert list(ledger.loads())[1:3] == [first, undone]
    assert [load.load_id for load in ledger.recent(2).loads] == ["L2", "L1"]
    assert list(ledger.recent(9, wanted=Wanted("rolled_back")).loads) == [undone]
    assert list(ledger.recent(9, wanted=Wanted(load_id="L1", source="raw/a")).loads) == [first]


def test_an_event_that_is_told_late_or_twice_changes_nothing(ledger):
    events = [report("a", loaded=1, read=1), report("a", "rolled_back", nth=1), report("a", loaded=1, read=1, nth=2)]
    for event in (*events, *events, events[1], report("a", "rejected")):
        ledger.mark([event])
    assert ledger.applied(["a"])["a"] == events[2]
    assert list(ledger.loads()) == events


def test_a_long_report_is_kept_whole_when_a_later_event_comes(ledger):
    first = report("a", replaced={f"{number:024x}": number for number in range(60_000)})
    ledger.mark([first])
    ledger.mark([report("a", "rolled_back", nth=1)])
    assert next(iter(ledger.loads())) == first


def test_a_file_that_was_rolled_back_counts_as_such_until_it_is_loaded_again(ledger):
    ledger.mark([report("a", read=2, loaded=2), report("b", read=1, loaded=1), report("c", "rejected")])
    ledger.mark([report("a", "rolled_back", nth=1)])
    found = ledger.totals()
    assert (found.loaded_files, found.rejected_files, found.rolled_back_files) == (1, 1, 1)
    ledger.mark([report("a", read=2, loaded=2, nth=2)])
    found = ledger.totals()
    assert (found.loaded_files, found.rejected_files, found.rolled_back_files) == (2, 1, 0)
    assert found == Totals.of(ledger.loads())

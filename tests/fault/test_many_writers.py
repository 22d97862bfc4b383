"""Twenty writers of one stream's tables at once: all rows once, few tries, and nobody is passed over."""

import threading
import time
from dataclasses import dataclass
from itertools import pairwise

import pytest

from orderlake.ledger.line import Line
from tests.fault.aws_worker import Shop, load
from tests.fault.worker import ended, spawn
from tests.reference import NOON, expected, found, new_lake, order, written

pytestmark = [pytest.mark.fault, pytest.mark.slow]

WRITERS = 20
Steps = list[tuple[float, int]]


@dataclass(frozen=True)
class Commit:
    """One commit: who did it, when it asked for its turn, when it had it, when it was done, and its tries."""

    writer: int
    asked: float
    began: float
    landed: float
    tries: int


def commits_of(steps: list[Steps]) -> list[Commit]:
    """The commits of each writer; a try begins with step 2, and a commit has landed as step 8 begins."""
    made = []
    for writer, own in enumerate(steps):
        asked = began = tries = 0.0
        for at, step in own:
            if step == 1:
                asked = at
            elif step == 2:
                began, tries = at, tries + 1
            elif step == 8 and asked:
                made.append(Commit(writer, asked, began, at, int(tries)))
                asked = tries = 0
    return made


def assert_fair(commits: list[Commit], most_passed_by: int) -> None:
    """Each lands at the first try, in its turn, and nearly in the order of asking.

    Between the asking and the standing in line a moment passes, in which others may come.
    """
    assert {commit.tries for commit in commits} == {1}
    in_order = sorted(commits, key=lambda commit: commit.began)
    assert all(one.landed < other.began for one, other in pairwise(in_order))
    for commit in commits:
        waited_for = [other for other in commits if commit.asked < other.began < commit.began]
        passed_by = [other for other in waited_for if other.asked > commit.asked]
        assert len(waited_for) <= 2 * WRITERS
        assert len(passed_by) <= most_passed_by


def records(writer: int, number: int):
    """Orders of the writer's own, and some that all of them correct."""
    content = f"W{writer}-{number}"
    return [order(1_000 + 10 * writer + number, content), *(order(n, content, content) for n in range(1, 6))]


def test_twenty_processes_load_into_one_stream(tmp_path):
    with new_lake(tmp_path) as lake:
        made = [
            [
                written(lake, tmp_path / f"in/orders_{w}_{n}.json", records(w, n), NOON + (7 * w + 3 * n) % 20)
                for n in range(2)
            ]
            for w in range(WRITERS)
        ]
        logs = [tmp_path / f"steps-{writer}" for writer in range(WRITERS)]
        workers = [
            spawn(tmp_path, [[str(tmp_path / file.uri)] for file in own], steps=str(log), after=str(tmp_path / "go"))
            for own, log in zip(made, logs, strict=True)
        ]
        deadline = time.monotonic() + 60
        while not all(log.exists() for log in logs):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (tmp_path / "go").touch()
        told = [ended(worker) for worker in workers]
        assert [said for status, said in told if status] == []
        assert {report["status"] for _, said in told for report in said["reports"]} == {"loaded"}
        every = [file for own in made for file in own]
        assert found(lake) == expected(every)
        assert sorted(load.source for load in lake.loads()) == sorted(file.uri for file in every)
        assert lake.verify().findings == ()
    steps = [[(float(at), int(step)) for at, step in map(str.split, log.read_text().splitlines())] for log in logs]
    commits = commits_of(steps)
    assert len(commits) == 2 * WRITERS
    assert_fair(commits, WRITERS // 2)


def test_twenty_writers_on_aws_load_into_one_stream(aws, tmp_path, monkeypatch):
    shop = Shop(aws, tmp_path / "shop")
    made = [shop.put(f"orders_{writer}.json", records(writer, 0)) for writer in range(WRITERS)]
    steps: list[Steps] = [[] for _ in range(WRITERS)]
    statuses: list[str] = []
    start = threading.Barrier(WRITERS)
    join, own = Line._join, threading.local()

    def joined(line: Line, name: str, mine: str) -> int:
        place = join(line, name, mine)
        own.steps.append((time.monotonic(), 1))  # all rush there at once: what counts is who stands before whom
        return place

    monkeypatch.setattr(Line, "_join", joined)

    def write(writer: int) -> None:
        own.steps = steps[writer]
        with shop.open() as lake:
            start.wait(60)
            done = load(lake, [made[writer]], lambda step: steps[writer].append((time.monotonic(), step)))
            statuses.extend(report.status for report in done)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert statuses == ["loaded"] * WRITERS
    shop.assert_right(made)
    commits = commits_of(steps)
    assert len(commits) == WRITERS
    assert_fair(commits, 3)

"""`orderlake watch` and its loop: complete files only, each once, and a clean end. Time is ours here."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from orderlake.cli.watch import Stop
from orderlake.errors import (
    CheckFailedError,
    CommitConflictError,
    ConfigError,
    StorageUnavailableError,
    UnreadableObjectError,
)
from orderlake.lake import Lake
from orderlake.loading import Loader
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.watching import Pace, Watch

PACE = Pace(interval=1, settle=2)


@dataclass
class World:
    """A folder, a clock, and what happens at each look; ends when there is nothing left to happen."""

    steps: list[dict[str, tuple[int, float]]]
    pace: Pace = PACE
    failures: list[Exception] = field(default_factory=list)
    now: float = 100.0
    at: int = 0
    loads: list[list[str]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    then: Callable[[], object] = lambda: None

    def look(self):
        files = self.steps[min(self.at, len(self.steps) - 1)]
        return [SourceObject(name, name, size, int(mtime * 1e9)) for name, (size, mtime) in files.items()]

    def load(self, sources):
        if self.failures:
            raise self.failures.pop(0)
        self.loads.append([f"{source.uri}:{source.size}" for source in sources])

    def wait(self, seconds):
        if not seconds:
            return False
        self.now += seconds
        self.at += 1
        return self.at >= len(self.steps)

    def run(self):
        clock = lambda: self.now  # noqa: E731 - the world's time
        Watch(self.look, self.load, self.wait, self.errors.append, self.pace, clock, clock, self.then).run()
        return self.loads


def test_a_file_that_lies_there_is_loaded_once():
    assert World([{"a": (5, 10.0)}] * 5).run() == [["a:5"]]


def test_a_file_is_not_taken_at_its_first_look_however_old_it_says_it_is():
    assert World([{}, {"a": (5, 10.0)}]).run() == []


def test_a_growing_file_is_taken_when_it_has_stopped_growing():
    growing = [{"a": (size, 100.0 + size)} for size in range(4)]
    assert World([*growing, *[growing[-1]] * 4]).run() == [["a:3"]]


def test_a_file_that_pauses_is_left_alone_until_it_has_settled():
    steps = [{}, {"a": (5, 101.0)}, {"a": (5, 101.0)}, {"a": (9, 103.0)}, {"a": (9, 103.0)}, {"a": (9, 103.0)}]
    assert World(steps).run() == [["a:9"]]


def test_a_file_from_the_future_is_taken_once_it_has_stayed_the_same():
    world = World([{"a": (5, 9999.0)}] * 3)
    assert world.run() == [["a:5"]]


def test_a_file_that_changes_later_is_taken_again():
    assert World([*[{"a": (5, 10.0)}] * 3, *[{"a": (6, 20.0)}] * 3]).run() == [["a:5"], ["a:6"]]


def test_a_file_that_goes_and_comes_back_is_taken_again():
    assert World([*[{"a": (5, 10.0)}] * 3, {}, *[{"a": (5, 10.0)}] * 3]).run() == [["a:5"], ["a:5"]]


def test_a_load_that_may_succeed_later_is_tried_again():
    world = World([{"a": (5, 10.0)}] * 4, failures=[CommitConflictError("busy")])
    assert world.run() == [["a:5"]]
    assert [str(error) for error in world.errors] == ["busy"]


def test_a_load_that_cannot_succeed_is_not_tried_for_ever():
    world = World([{"a": (5, 10.0)}] * 6, failures=[UnreadableObjectError("bad")])
    assert world.run() == []
    assert len(world.errors) == 1


def test_a_wrong_configuration_ends_the_watch():
    with pytest.raises(ConfigError):
        World([{"a": (5, 10.0)}] * 4, failures=[ConfigError("no pipeline")]).run()


def test_what_follows_a_round_follows_those_that_loaded_something_and_is_tried_again_when_that_may_help():
    done: list[int] = []
    fates = [StorageUnavailableError("away"), None, CheckFailedError("no"), None]

    def then():
        done.append(world.at)
        fate = fates.pop(0)
        if fate is not None:
            raise fate

    first, more, most = {"a": (1, 0.0)}, {"a": (2, 0.0)}, {"a": (3, 0.0)}
    steps = [first, first, first, first, more, more, more, most, most, most]
    world = World(steps, then=then)
    assert world.run() == [["a:1"], ["a:2"], ["a:3"]]
    assert [type(error) for error in world.errors] == [StorageUnavailableError, CheckFailedError]
    assert done == [1, 2, 5, 8]


def test_a_wrong_configuration_of_what_follows_ends_the_watch():
    def then():
        raise ConfigError("no dbt")

    with pytest.raises(ConfigError, match="no dbt"):
        World([{"a": (1, 0.0)}] * 4, then=then).run()


def test_once_is_one_round():
    world = World([{"a": (5, 10.0)}, {"a": (5, 10.0), "b": (1, 100.0)}, {}], pace=Pace(1, 2, once=True))
    assert world.run() == [["a:5"]]
    assert world.at == 1


def test_it_stops_between_two_loads_of_a_backlog():
    world = World([{f"f{number}": (1, 10.0) for number in range(250)}] * 2 + [{}])
    calls = []

    def wait(seconds):
        calls.append(seconds)
        return seconds == 0

    Watch(world.look, world.load, wait, world.errors.append).run()
    assert [len(load) for load in world.loads] == [100]
    assert calls == [1.0, 0]


@pytest.fixture
def rounds(monkeypatch):
    """Let `watch` look as often as there are steps, without sleeping; each step is done before a look."""

    def prepare(*steps):
        todo = list(steps)

        def wait(self, seconds):
            if not todo:
                return True
            step = todo.pop(0)
            step()
            return False

        monkeypatch.setattr(Stop, "wait", wait)

    return prepare


def nothing():
    """A look at which nothing has changed."""


def test_each_file_that_lands_is_a_line_and_a_rejected_one_ends_nothing(cli, put, rounds):
    rounds(lambda: put("orders_1.json", "["), nothing, lambda: put("orders_2.json"), nothing, nothing)
    answer = cli("watch", "--interval", "0", "--settle", "1")
    assert answer.code == 0
    assert [line.split()[:2] for line in answer.lines] == [
        ["rejected", "raw/orders_1.json"],
        ["loaded", "raw/orders_2.json"],
    ]
    assert "watching" in answer.err


def test_with_json_there_is_an_object_a_line(cli, put, rounds):
    put("orders_1.json")
    put("orders_2.json", [{"order_id": 9, "order_date": "2024-01-06"}])
    rounds(nothing, nothing)
    answer = cli("watch", "--json")
    assert [json.loads(line)["status"] for line in answer.lines] == ["loaded", "loaded"]


def test_what_is_loaded_already_is_not_told_again(cli, loaded, rounds):
    rounds(nothing, nothing)
    assert cli("watch").out == ""


def test_unfinished_names_are_passed_over(cli, put, rounds):
    put("orders_1.json.part")
    put(".orders_2.json")
    rounds(nothing, nothing)
    assert cli("watch").out == ""
    assert cli("loads", "--json").json == []


def test_a_load_that_fails_is_told_on_stderr(cli, put, rounds, monkeypatch):
    put("orders_1.json")
    tries = []
    real = Loader.run

    def sometimes(self, sources, named=None):
        tries.append(1)
        if len(tries) == 1:
            raise CommitConflictError("somebody else was first")
        return real(self, sources, named)

    monkeypatch.setattr(Loader, "run", sometimes)
    rounds(nothing, nothing)
    answer = cli("watch")
    assert "orderlake: somebody else was first" in answer.err
    assert answer.lines[0].startswith("loaded     raw/orders_1.json")


def test_the_handlers_of_signals_are_put_back(cli, project, rounds):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    rounds()
    assert cli("watch").code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(cli, project, number, monkeypatch):
    real = Stop.wait

    def wait(self, seconds):
        os.kill(os.getpid(), number)
        return real(self, 60)

    monkeypatch.setattr(Stop, "wait", wait)
    assert cli("watch").code == 0


@pytest.mark.parametrize("text", ["-1", "soon", "nan", "1e9"])
def test_a_time_that_cannot_be_slept_is_refused(cli, project, text):
    assert cli("watch", f"--interval={text}").code == 2


def test_the_python_api_watches_too(project, put):
    put("orders_1.json")
    told: list[LoadReport] = []
    looks = iter([False, True])
    with Lake(project) as lake:
        lake.watch(lambda _: next(looks), told.append)
    assert [report.status for report in told] == ["loaded"]


def test_on_aws_it_says_that_there_is_nothing_to_watch_and_no_more(cli, project):
    settings = {
        "name": "shop", "region": "eu-central-1", "raw": "s3://a/raw", "lake": "s3://b/lake",
        "pipelines": "s3://c/pipelines", "table": "shop", "database": "shop",
    }  # fmt: skip
    (project / ".orderlake").mkdir(exist_ok=True)
    (project / ".orderlake" / "aws.json").write_text(json.dumps(settings), "utf-8")
    answer = cli("watch", "--env", "aws", "--once")
    assert answer.code == 78
    assert "nothing to watch" in answer.err
    assert "Ctrl-C" not in answer.err

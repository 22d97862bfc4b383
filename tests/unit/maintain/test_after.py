"""Maintenance after loads: on by default, a day after the last time at the soonest, bounded, and resumed."""

import json
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

from orderlake import Lake
from orderlake.config import PROJECT_FILE
from orderlake.errors import CatalogUnavailableError, ConfigError
from orderlake.maintain import Maintenance, after_loads, settings_of
from orderlake.maintain.after import _SECONDS, Clocks
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written

HOUR = 3600 * SECOND
DAY = 24 * HOUR


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        yield opened


def load(lake, *numbers, heard=None):
    """A load of its own per number, an order each; gives what they wrote."""
    made = []
    lake.on_maintained = (lambda _: None) if heard is None else heard.append
    for number in numbers:
        path = lake.project.raw / f"orders_{number}.json"
        made.append(written(lake, path, [order(number, "A")], NOON + number * SECOND))
        lake.run([path])
    return made


def memory(lake):
    return lake.project.state / "maintained.json"


def long_ago(lake, hours=24.0, **more):
    """Let so much time pass since tables were looked after."""
    kept = json.loads(memory(lake).read_text("utf-8"))
    memory(lake).write_text(json.dumps(kept | {"at": kept["at"] - int(hours * HOUR)} | more), "utf-8")


def files(lake):
    return {table.name: table.files for table in lake.tables()}["orders"]


def test_the_first_load_of_a_day_is_followed_by_maintenance_and_no_other(lake):
    heard: list[Any] = []
    made = load(lake, *range(5), heard=heard)
    assert (heard, files(lake)) == ([], 5)
    long_ago(lake, 23.9)
    made += load(lake, 5, heard=heard)
    assert heard == []
    long_ago(lake, 0.2)
    made += load(lake, 6, heard=heard)
    (report,) = heard
    assert ({each.table: each.files_after for each in report.tables}["orders"], files(lake)) == (1, 1)
    made += load(lake, *range(7, 13), heard=heard)
    assert len(heard) == 1
    assert found(lake) == expected(made)
    assert lake.verify().ok


def test_a_run_that_loads_nothing_looks_after_nothing(lake):
    heard: list[Any] = []
    load(lake, *range(6))
    long_ago(lake)
    lake.on_maintained = heard.append
    lake.run()
    assert (heard, files(lake)) == ([], 6)


@pytest.mark.parametrize("off", ["off", "false", "'off'"])
def test_it_can_be_switched_off(lake, off):
    load(lake, *range(5))
    (lake.project.root / PROJECT_FILE).write_text(f"raw: raw\nmaintenance: {off}\n")
    long_ago(lake)
    with Lake(lake.project.root) as other:
        heard: list[Any] = []
        load(other, 5, heard=heard)
        assert (heard, files(other)) == ([], 6)
        assert other.maintain().tables


def test_few_small_files_are_not_worth_rewriting_when_nobody_has_asked_for_it(lake):
    heard: list[Any] = []
    load(lake, 1, 2)
    long_ago(lake)
    load(lake, 3, heard=heard)
    assert (len(heard), files(lake)) == (1, 3)
    lake.maintain()
    assert files(lake) == 1


def test_what_there_was_no_time_for_is_done_after_the_next_load(lake, monkeypatch):
    made = load(lake, *range(6))
    long_ago(lake)
    seconds = iter([0.0, _SECONDS, *[_SECONDS] * 20])
    report = after_loads(lake._backends, Clocks(steady=lambda: next(seconds)))
    assert report is not None
    assert not report.is_done
    assert files(lake) == 6
    heard: list[Any] = []
    made += load(lake, 6, heard=heard)
    assert [each.is_done for each in heard] == [True]
    assert files(lake) == 1
    assert after_loads(lake._backends) is None
    assert found(lake) == expected(made)


def test_two_do_not_look_after_tables_at_once(lake):
    load(lake, *range(6))
    long_ago(lake)
    with lake._backends.ledger.claim(["maintenance"]), Lake(lake.project.root) as other:
        assert after_loads(other._backends) is None
    assert after_loads(lake._backends) is not None


def test_maintenance_that_fails_fails_no_load_and_is_tried_again(lake, monkeypatch):
    made = load(lake, *range(6))
    long_ago(lake)
    heard: list[Any] = []

    def dies(*_):
        raise CatalogUnavailableError("it does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(import_module("orderlake.maintain.maintain"), "compact", dies)
        made += load(lake, 6, heard=heard)
    assert [str(each) for each in heard] == ["it does not answer"]
    made += load(lake, 7, heard=heard)
    assert len(heard) == 2
    assert files(lake) == 1
    assert found(lake) == expected(made)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "x", "is_done": true}', "\0"])
def test_a_memory_that_says_nothing_lets_time_begin_anew(lake, text):
    load(lake, *range(6))
    memory(lake).write_text(text, "utf-8")
    heard: list[Any] = []
    load(lake, 6, heard=heard)
    assert heard == []
    assert json.loads(memory(lake).read_text("utf-8"))["is_done"] is True


def test_a_watch_looks_after_tables_too(lake):
    load(lake, *range(6))
    long_ago(lake)
    path = lake.project.raw / "orders_9.json"
    written(lake, path, [order(9)], NOON)
    heard: list[Any] = []
    looks: list[int] = []
    lake.on_maintained = heard.append

    def wait(_):
        looks.append(1)
        return len(looks) > 4

    lake.watch(wait)
    assert [each.is_done for each in heard] == [True]


# --- the settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", Maintenance()),
        ("maintenance:", Maintenance()),
        ("maintenance: on", Maintenance()),
        ("maintenance: off", Maintenance(every_hours=None)),
        ("maintenance: {every_hours: 6, target_file_mb: 64}", Maintenance(6.0, 64.0)),
        ("maintenance: {snapshot_days: 7, orphan_hours: 48.5}", Maintenance(snapshot_days=7.0, orphan_hours=48.5)),
    ],
)
def test_settings_are_read_from_the_project(tmp_path, text, settings):
    (tmp_path / PROJECT_FILE).write_text(f"raw: raw\n{text}\n")
    with Lake(tmp_path) as lake:
        assert settings_of(lake.project) == settings


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("daily", "maintenance is `off`, or has lines of every_hours, target_file_mb, snapshot_days, orphan_hours"),
        ("{evry_hours: 6}", "maintenance is `off`, or has lines of"),
        ("{every_hours: 0}", "every_hours must be a number above 0, not 0"),
        ("{target_file_mb: many}", "target_file_mb must be a number above 0, not 'many'"),
        ("{snapshot_days: true}", "snapshot_days must be a number above 0, not True"),
        ("{orphan_hours: .nan}", "orphan_hours must be a number above 0, not nan"),
    ],
)
def test_settings_that_are_wrong_are_told_by_load_and_by_maintenance(lake, value, says):
    (lake.project.root / PROJECT_FILE).write_text(f"raw: raw\nmaintenance: {value}\n")
    with Lake(lake.project.root) as other:
        heard: list[Any] = []
        with suppress(ConfigError):
            load(other, 1, heard=heard)
        assert [type(each) for each in heard] == [ConfigError]
        assert says in str(heard[0])
        with pytest.raises(ConfigError, match="maintenance"):
            other.maintain()


def test_the_projects_settings_are_those_of_maintenance(lake):
    (lake.project.root / PROJECT_FILE).write_text("raw: raw\nmaintenance: {target_file_mb: 0.001}\n")
    with Lake(lake.project.root) as other:
        load(other, *range(6))
        report = {each.table: each for each in other.maintain().tables}
        assert report["orders"].files_after == 6

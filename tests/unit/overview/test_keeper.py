"""Cubes are counted once per state of the tables, found by the next process, and served while newer ones are made."""

from __future__ import annotations

import threading

import pytest

from orderlake import Lake
from orderlake.errors import StorageUnavailableError
from orderlake.overview import keeper as keeping
from orderlake.overview.cube import build
from tests.reference import NOON, SECOND, new_lake, order, written


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        written(opened, opened.project.raw / "orders_1.json", [order(1, "A", total="20.50"), order(2)], NOON)
        opened.run()
        yield opened


@pytest.fixture
def session(lake):
    with lake.session() as opened:
        yield opened


@pytest.fixture
def builds(monkeypatch):
    """Counts what is counted; a gate holds it up while it is closed."""
    gate = threading.Event()
    gate.set()
    made: list[str] = []

    def counted(cursor, shop, *more):
        gate.wait(30)
        made.append(shop.name)
        build(cursor, shop, *more)

    monkeypatch.setattr(keeping, "build", counted)
    made_and_gate = (made, gate)
    yield made_and_gate
    gate.set()


def load_more(lake, number):
    written(lake, lake.project.raw / f"orders_{number}.json", [order(number, "B")], NOON + number * SECOND)
    lake.run()


def test_the_first_time_there_is_nothing_until_it_is_counted(lake, session, builds):
    made, gate = builds
    gate.clear()
    keeper = lake.overview(session)
    shop = keeper.shops()[0]
    assert keeper.kept(shop) is None
    assert keeper.kept(shop) is None
    gate.set()
    kept = keeper.kept(shop, 30)
    assert kept is not None
    assert kept.fresh
    assert made == ["orders"]
    keeper.close()


def test_while_a_newer_one_is_counted_the_last_is_served_and_says_so(lake, session, builds):
    made, gate = builds
    keeper = lake.overview(session)
    shop = keeper.shops()[0]
    first = keeper.kept(shop, 30)
    load_more(lake, 3)
    gate.clear()
    stale = keeper.kept(shop)
    assert stale is not None
    assert (stale.folder, stale.at, stale.fresh) == (first.folder, first.at, False)
    revision = keeper.revision
    gate.set()
    newer = keeper.kept(shop, 30)
    assert newer.fresh
    assert newer.folder != first.folder
    keeper.close()
    assert keeper.revision == revision + 1
    assert made == ["orders", "orders"]


def test_a_restart_finds_what_was_counted(lake, session, builds):
    made, _ = builds
    keeper = lake.overview(session)
    keeper.counted(keeper.shops()[0])
    keeper.close()
    with Lake(lake.project.root) as again, again.session() as asked:
        keeper = again.overview(asked)
        kept = keeper.kept(keeper.shops()[0])
        assert kept is not None
        assert kept.fresh
        keeper.close()
    assert made == ["orders"]


def test_two_cubes_stay_and_no_work_is_left_over(lake, session, builds):
    keeper = lake.overview(session)
    for number in (3, 4, 5):
        load_more(lake, number)
        keeper.counted(keeper.shops()[0])
    keeper.close()
    state = lake.project.state
    assert len(list((state / "overview" / "orders").iterdir())) == 2
    assert [
        folder.name for folder in (state / "work").iterdir() if "count" in folder.name or "overview" in folder.name
    ] == []


def test_who_counts_the_same_at_the_same_time_agrees(lake, session):
    keepers = [lake.overview(session) for _ in range(3)]
    shop = keepers[0].shops()[0]
    found = []
    threads = [threading.Thread(target=lambda keeper=keeper: found.append(keeper.counted(shop))) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({kept.folder for kept in found}) == 1
    for keeper in keepers:
        keeper.close()


def test_a_cube_of_another_release_or_a_broken_one_is_not_served_and_goes(lake, session, builds):
    _, gate = builds
    keeper = lake.overview(session)
    shop = keeper.shops()[0]
    older, broken = (lake.project.state / "overview" / "orders" / name for name in ("older", "broken"))
    for folder, text in ((older, '{"at": "2020-01-01", "amounts": []}'), (broken, "")):
        folder.mkdir(parents=True)
        (folder / "cube.json").write_text(text, "utf-8")
    gate.clear()
    assert keeper.kept(shop) is None
    gate.set()
    assert keeper.counted(shop).fresh
    keeper.close()
    assert not older.exists()
    assert not broken.exists()


def test_what_a_power_cut_left_of_a_cube_is_counted_anew(lake, session):
    keeper = lake.overview(session)
    shop = keeper.shops()[0]
    kept = keeper.counted(shop)
    (kept.folder / "cube.json").write_bytes(b"")
    again = keeper.counted(shop)
    assert again.folder == kept.folder
    assert (again.folder / "daily.parquet").exists()
    assert again.amounts == ()
    keeper.close()


def test_closing_breaks_off_what_is_being_counted(lake, session):
    (lake.project.root / "overview").mkdir()
    endless = "SELECT 1 AS order_id, DATE '2024-01-01' AS day, sum(a.range) AS customer, 1 AS amount FROM orders, "
    endless += "range(100000000) AS a, range(100000000) AS b"
    (lake.project.root / "overview" / "orders.sql").write_text(f"-- needs: orders\n{endless}", "utf-8")
    keeper = lake.overview(session)
    assert keeper.kept(keeper.shops()[0]) is None
    keeper.close()
    assert keeper.revision == 1
    assert [thread.name for thread in threading.enumerate() if "overview" in thread.name] == []


def test_a_count_that_fails_for_now_says_so_and_is_tried_again_after_a_while(lake, session, monkeypatch, builds):
    keeper = lake.overview(session)
    shop = keeper.shops()[0]
    blocked = lake.project.state / "overview"
    blocked.write_text("in the way")  # as a disk that is full: no folder can be made
    with pytest.raises(StorageUnavailableError, match="overview: "):
        keeper.kept(shop, 30)
    blocked.unlink()
    with pytest.raises(StorageUnavailableError):
        keeper.kept(shop, 30)
    assert len(builds[0]) == 1
    monkeypatch.setattr(keeping, "_AGAIN", 0.0)
    kept = keeper.kept(shop, 30)
    assert kept is not None
    assert kept.fresh
    keeper.close()

"""A look at the lake is cheap, and sees what pages show; what takes long is kept while it is true."""

import json
import os
import threading
import time
from dataclasses import replace

import pytest

from orderlake import Lake
from orderlake.console.state import Console
from orderlake.model.report import LoadReport


@pytest.fixture
def console(shop):
    with Lake(shop) as lake:
        opened = Console(lake)
        yield opened
        opened.close()


def aged(folder):
    """As if nothing had happened in it lately."""
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        os.utime(place, (1_700_000_000, 1_700_000_000))


def test_a_look_sees_a_load_a_file_and_a_problem(console, shop, put, monkeypatch):
    looks = [console.look()]
    put("orders_x.json", [{"order_id": 1, "order_date": "2024-01-05"}])
    looks.append(console.look())
    with Lake(shop) as other:
        other.run()
    looks.append(console.look())
    (shop / "raw" / "orders_y.json").write_text("no json")
    with Lake(shop) as other:
        other.run()
    looks.append(console.look())
    monkeypatch.setattr(Console, "problem", "the disk is full")
    looks.append(console.look())
    assert len(set(looks)) == 5
    assert console.look() == looks[-1]


def test_a_look_at_what_has_not_changed_lists_nothing_and_reads_no_load(console, shop, monkeypatch):
    aged(shop)
    for _ in range(3):
        console.look()
    before = console.look()
    store, ledger = type(console.session._backends.store), type(console.lake.ledger)
    monkeypatch.setattr(store, "list", lambda *_: pytest.fail("it listed a folder of the lake"))
    monkeypatch.setattr(store, "read", lambda *_: pytest.fail("it read an object"))
    monkeypatch.setattr(ledger, "loads", lambda *_: pytest.fail("it read the history"))
    monkeypatch.setattr(ledger, "recent", lambda *_: pytest.fail("it read the history"))
    assert console.look() == before


def test_a_look_takes_milliseconds_at_ten_thousand_loads(console):
    template = LoadReport("raw/x.json", "orders", "loaded", "x", "L", 1, "2024-01-05T00:00:00.000+00:00", read=1)
    console.lake.ledger.mark([replace(template, identity=f"{number:024}") for number in range(10_000)])
    console.look()
    aged(console.lake.project.root)
    for _ in range(2):
        console.look()
    took = []
    for _ in range(20):
        started = time.perf_counter()
        console.look()
        took.append(time.perf_counter() - started)
    assert min(took) < 0.01


@pytest.mark.parametrize(
    "change", ["a new file", "a replaced file", "a removed file", "a mart", "a mart's file", "marts"]
)
def test_the_tables_are_looked_up_anew_whenever_one_may_have_changed(console, shop, change):
    plain, marts = shop / "lake" / "orders_parquet_datalake", shop / "marts"
    marts.mkdir()
    (marts / "old.sql").write_text("SELECT 1 AS x")
    (shop / "lake" / "old").mkdir()
    aged(shop)
    console.session.token()
    before = console.session.token()
    file = next(plain.glob("*.parquet"))
    if change == "a new file":
        (plain / "new.parquet").write_bytes(file.read_bytes())
    elif change == "a replaced file":
        (plain / ".part").write_bytes(file.read_bytes())
        (plain / ".part").replace(file)
    elif change == "a removed file":
        file.unlink()
    elif change == "a mart":
        (marts / "new.sql").write_text("SELECT 1 AS x")
        (shop / "lake" / "new").mkdir()
        (shop / "lake" / "new" / "new.parquet").write_bytes(file.read_bytes())
    elif change == "a mart's file":
        (shop / "lake" / "old" / "old.parquet").write_bytes(file.read_bytes())
    else:
        (shop / "lake" / "marts").mkdir()
        pointer = {"format": 1, "build": "b", "built_at": "", "marts": {}, "models": "", "sources": {}, "before": []}
        (shop / "lake" / "marts" / "current.json").write_text(json.dumps(pointer))
    assert console.session.token() != before


def test_what_takes_long_is_made_once_for_each_state(console):
    made: list[int] = []

    def make():
        made.append(len(made))
        return made[-1]

    assert [console.kept("a", "1", make), console.kept("a", "1", make)] == [0, 0]
    assert console.kept("a", "2", make) == 1
    assert console.kept("b", "2", make) == 2
    assert console.kept("a", "2", make) == 1
    assert console.kept("a", "1", make) == 3


def test_what_was_longest_unused_is_forgotten(console):
    for number in range(100):
        console.kept(f"{number}", "1", lambda: 0)
        console.kept("wanted", "1", lambda: 0)
    assert console.kept("wanted", "1", lambda: 1) == 0
    assert console.kept("0", "1", lambda: 1) == 1


def test_threads_may_look_and_ask_at_once(console):
    wrong = []

    def work():
        try:
            for _ in range(5):
                console.look()
                console.waiting()
                console.session.query("SELECT count(*) FROM orders")
                console.session.anatomy("orders_parquet_datalake")
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []

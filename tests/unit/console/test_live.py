"""Live pages: one event for each change, no look while nobody watches, and an end that waits for nobody."""

import asyncio
import threading

import pytest

from orderlake.console import live
from orderlake.console.live import Pulse
from orderlake.errors import CatalogUnavailableError

SOON = 30


@pytest.fixture
def lake():
    """What is looked at: a text, or an error; `looks` counts, and `looked` is set with each look."""

    class Lake:
        text: object = "one"
        looks = 0
        looked = threading.Event()

        def look(self):
            self.looks += 1
            self.looked.set()
            if isinstance(self.text, Exception):
                raise self.text
            return str(self.text)

    return Lake()


@pytest.fixture
def pulse(lake):
    made = Pulse(lake.look, every=0.01)
    yield made
    made.stop()


def hear(pulse, number, act=lambda _: None):
    """The first events of a page that listens; `act(events so far)` is called after each."""

    async def listen():
        heard = []
        async for event in pulse.changes():
            heard.append(event)
            if len(heard) == number:
                break
            act(heard)
            await asyncio.sleep(0)  # as sending does: what is to happen soon, happens
        return heard

    return asyncio.run(asyncio.wait_for(listen(), SOON))


def test_a_page_hears_what_the_lake_is_at_once_and_each_change_once(lake, pulse):
    pulse.start()

    def act(heard):
        lake.text = f"change {len(heard)}"

    heard = hear(pulse, 4, act)
    assert len(set(heard)) == 4
    assert all(event.startswith("event: change\ndata: ") and event.endswith("\n\n") for event in heard)


def test_a_change_while_an_event_is_being_sent_is_told_at_once(lake, pulse, monkeypatch):
    """The look comes between the event and the wait for the next one: it must not be taken for the one just told."""
    monkeypatch.setattr(live, "_KEEP_ALIVE", 1000)
    pulse.beat()

    def act(heard):
        lake.text = f"change {len(heard)}"
        pulse.beat()

    assert len(set(hear(pulse, 5, act))) == 5


def test_a_page_that_hears_nothing_is_told_that_its_connection_is_open(lake, pulse, monkeypatch):
    monkeypatch.setattr(live, "_KEEP_ALIVE", 0.01)
    pulse.start()
    assert hear(pulse, 3)[1:] == [": still here\n\n"] * 2


def test_nothing_is_looked_at_while_nobody_watches(lake, pulse):
    pulse.start()
    assert lake.looks == 1
    hear(pulse, 1)
    lake.looked.clear()
    looks = lake.looks
    assert not lake.looked.wait(0.1) or lake.looks <= looks + 1  # a look that was under way may end
    lake.looked.clear()
    assert not lake.looked.wait(0.1)


def test_a_look_that_fails_is_no_change_and_the_next_one_counts(lake, pulse):
    pulse.start()
    before = pulse.token
    lake.text = CatalogUnavailableError("away")
    assert not pulse.beat()
    assert pulse.token == before
    lake.text = "two"
    assert pulse.beat()


def test_the_end_lets_every_page_go(lake, pulse, monkeypatch):
    monkeypatch.setattr(live, "_KEEP_ALIVE", 1000)
    pulse.start()

    async def pages():
        listening = [asyncio.create_task(anext_twice(pulse.changes())) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.to_thread(pulse.stop)
        return await asyncio.wait_for(asyncio.gather(*listening), SOON)

    assert asyncio.run(pages()) == [True] * 5


async def anext_twice(changes):
    """Whether a stream ends."""
    async for _ in changes:
        pass
    return True


def test_a_page_that_comes_after_the_end_is_not_kept(lake, pulse):
    pulse.start()
    pulse.stop()

    async def listen():
        return [event async for event in pulse.changes()]

    assert asyncio.run(asyncio.wait_for(listen(), SOON)) == []


def test_the_end_does_not_wait_for_the_next_look(lake):
    pulse = Pulse(lake.look, every=1000)
    pulse.start()
    listening = threading.Event()

    async def listen():
        async for _ in pulse.changes():
            listening.set()

    page = threading.Thread(target=lambda: asyncio.run(listen()))
    page.start()
    assert listening.wait(SOON)
    pulse.stop()
    page.join(SOON)
    assert not page.is_alive()

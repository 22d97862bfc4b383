"""The sender: events go out in order, an endpoint that is away costs one wait, and what is given up is counted."""

import threading

import pytest

from orderlake.lineage.send import Sender


@pytest.fixture
def said(caplog):
    return lambda: [record.getMessage() for record in caplog.records if record.name == "orderlake.lineage"]


def sender(deliver, **more):
    return Sender(lambda: deliver, "there", **more)


def test_events_arrive_in_order(said):
    arrived: list[object] = []
    at = sender(arrived.append)
    for number in range(100):
        at.send(lambda number=number: number)
    at.close()
    assert arrived == list(range(100))
    assert (at.unsent, said()) == (0, [])


def test_nothing_is_opened_before_the_first_event(said):
    at = Sender(lambda: pytest.fail("opened"), "there")
    at.drain()
    at.close()
    assert said() == []


def test_after_a_failure_nothing_is_tried_for_a_while_and_then_again(said):
    tries, now = [], [0.0]

    def deliver(event):
        tries.append(event)
        if event < 3:
            raise OSError("refused\nwith details")

    at = sender(deliver, clock=lambda: now[0])
    for event, time in ((0, 0.0), (1, 29.0), (2, 31.0), (3, 62.0), (4, 63.0)):
        now[0] = time
        at.send(lambda event=event: event)
        at.drain()
    at.close()
    assert tries == [0, 2, 3, 4]
    assert at.unsent == 3
    assert said() == [
        "lineage: an event was not sent to there: refused",
        "lineage: an event was not sent to there: refused",
        "lineage: 3 events were not sent to there; the data itself is complete",
    ]


def test_an_event_that_cannot_be_made_is_given_up_like_one_that_cannot_be_sent(said):
    at = sender(lambda _: None)

    def broken():
        raise ValueError

    at.send(broken)
    at.close()
    assert at.unsent == 1
    assert said() == ["lineage: an event was not sent to there: ValueError"]


def test_an_endpoint_that_does_not_answer_is_not_waited_for_and_is_said_once(said):
    held = threading.Event()
    at = sender(lambda _: held.wait(30))
    at.send(lambda: 1)
    at.send(lambda: 2)
    at.drain(0.01)
    at.drain(0.01)
    assert said() == ["lineage: there answers too slowly; 2 events are still to be sent"]
    held.set()
    at.drain(30)
    at.close()


def test_more_than_can_wait_is_given_up_and_counted(monkeypatch):
    held = threading.Event()
    arrived = []

    def deliver(event):
        held.wait(30)
        arrived.append(event)

    monkeypatch.setattr("orderlake.lineage.send._MOST", 2)
    at = sender(deliver)
    for number in range(10):
        at.send(lambda number=number: number)
    assert at.unsent >= 7
    held.set()
    at.drain(30)
    assert len(arrived) + at.unsent == 10


def test_the_time_that_the_client_takes_to_load_is_not_counted_against_the_endpoint(said):
    loading = threading.Event()
    arrived: list[object] = []

    def open_():
        loading.wait(30)
        return arrived.append

    at = Sender(open_, "there")
    at.each(lambda: [1])  # type: ignore[list-item]  # any event will do
    threading.Timer(0.05, loading.set).start()
    at.drain(0.02)
    assert (arrived, said()) == ([1], [])
    at.close()

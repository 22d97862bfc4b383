"""Loading behind a console that may write: what lands is loaded, and what goes wrong is shown and ends nothing."""

import os
import threading
import time

import pytest

from orderlake import Lake
from orderlake.config import load_project
from orderlake.console.intake import Intake

ORDER = {"order_id": 1, "order_date": "2024-01-05", "total_amount": 5, "customer": {}, "products": []}
SOON = 60


@pytest.fixture
def intake(empty):
    made = Intake(load_project(empty), again=0.05)
    yield made
    made.stop()


def until(test):
    deadline = time.monotonic() + SOON
    while not test():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_what_lands_is_loaded(intake, empty, put):
    intake.start()
    put("orders_1.json", [ORDER])
    with Lake(empty) as lake:
        until(lambda: lake.recent(1).loads)
        assert lake.query("SELECT count(*) FROM orders").rows == ((1,),)
    assert intake.problem is None


def test_a_pipeline_that_is_wrong_is_a_problem_until_it_is_mended(intake, empty, put):
    file = empty / "pipelines" / "orders.yaml"
    good = file.read_text()
    file.write_text("pipeline: [")
    put("orders_1.json", [ORDER])
    intake.start()
    until(lambda: intake.problem is not None)
    assert "orders.yaml" in intake.problem
    file.write_text(good)
    with Lake(empty) as lake:
        until(lambda: lake.recent(1).loads)
    until(lambda: intake.problem is None)


def test_a_fault_of_ours_is_shown_and_loading_begins_anew(intake, empty, put, monkeypatch, caplog):
    def broken(*_):
        raise AssertionError("cannot be")

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "watch", broken)
        intake.start()
        until(lambda: intake.problem is not None)
    assert intake.problem == "This is a bug in orderlake: AssertionError: cannot be. The terminal tells where."
    assert "Traceback" in caplog.text
    put("orders_1.json", [ORDER])
    until(lambda: intake.problem is None)


def test_a_rejected_file_is_no_problem_of_loading(intake, empty, put):
    intake.start()
    os.utime(put("orders_1.json", "no json"), (1, 1))
    with Lake(empty) as lake:
        until(lambda: lake.recent(1).loads)
        assert lake.recent(1).loads[0].status == "rejected"
    assert intake.problem is None


def test_the_end_is_prompt(intake):
    intake.start()
    started = time.monotonic()
    intake.stop()
    assert time.monotonic() - started < SOON / 2

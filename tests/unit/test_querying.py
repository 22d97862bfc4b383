"""A session of questions, asked while loads go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderlake.errors import QueryError
from orderlake.query.duckdb import Question
from tests.reference import NOON, SECOND, new_lake, order, written


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        written(opened, opened.project.raw / "orders.json", [order(1, "A", total="10.00")], NOON)
        opened.run()
        yield opened


def test_a_file_that_a_load_replaces_under_a_question_is_asked_anew(lake):
    asked: list[Question] = []

    def late(question: Question) -> object:
        if not asked:
            written(lake, lake.project.raw / "orders.json", [order(1, "A", total="20.00")], NOON + SECOND)
            lake.run()
        asked.append(question)
        return question.answer().rows

    with lake.session() as session:
        rows = session.ask("SELECT total_amount FROM orders_parquet_datalake", late)
    assert (rows, len(asked)) == (((20.0,),), 2)


def test_what_is_wrong_with_a_statement_is_said_at_once(lake):
    asked: list[Question] = []

    def once(question: Question) -> object:
        asked.append(question)
        return question.answer()

    with lake.session() as session, pytest.raises(QueryError, match="nope"):
        session.ask("SELECT nope FROM orders", once)
    assert len(asked) == 1


def test_a_question_that_was_stopped_is_not_asked_again(lake):
    asked: list[Question] = []

    def stopped(question: Question) -> object:
        asked.append(question)
        next((lake.project.lake / "orders_parquet_datalake").glob("*.parquet")).unlink(missing_ok=True)
        question.stop()
        return question.answer()

    with lake.session() as session, pytest.raises(QueryError, match="stopped"):
        session.ask("SELECT count(*) FROM orders", stopped)
    assert len(asked) == 1


def test_a_file_that_is_lost_is_named(lake):
    with lake.session() as session:
        lost = next(Path(file) for table in session.tables() if table.name == "orders" for file in table.files)
        lost.unlink()
        with pytest.raises(QueryError, match=lost.name):
            session.query("SELECT * FROM orders")

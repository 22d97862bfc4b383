"""A question: answered as far as wanted, stopped when wanted, and confined to the lake's own files."""

import threading
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from orderlake.engine import connect
from orderlake.errors import QueryError
from orderlake.query.duckdb import QueryTable, Question, confine, run_query

ENDLESS = "SELECT count(*) FROM range(100000000000) AS t(a) WHERE a % 7 = 3"


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "lake").mkdir()
    opened = connect(tmp_path / "work" / "spill", 64)
    opened.connection.execute(
        f"COPY (SELECT range AS id, hash(range) AS h FROM range(100000)) TO '{tmp_path}/lake/t.parquet'"
    )
    yield opened
    opened.close()


@pytest.fixture
def tables(tmp_path):
    return [QueryTable("t", [f"{tmp_path}/lake/t.parquet"], {}), QueryTable("none", [], {"id": "BIGINT"})]


def test_the_first_rows_of_what_has_no_end_are_there_at_once(engine):
    answer = Question(engine, [], "SELECT range AS n FROM range(100000000000)").answer(3)
    assert answer.rows == ((0,), (1,), (2,))


def test_a_question_is_stopped_after_its_time(engine):
    with pytest.raises(QueryError, match=r"longer than 0\.05 s"):
        Question(engine, [], ENDLESS, 0.05).answer()


def test_a_question_is_stopped_by_another_thread(engine):
    question = Question(engine, [], ENDLESS)
    threading.Timer(0.1, question.stop).start()
    with pytest.raises(QueryError, match="stopped: it was cancelled"):
        question.answer()


def test_a_stop_that_comes_just_before_the_engine_begins_is_heard_all_the_same(engine, monkeypatch):
    question = Question(engine, [], ENDLESS, 20)

    def between(cursor, statement, most):
        interrupted = threading.Event()

        class Hearing:
            def interrupt(self):
                if interrupted.is_set():  # the first one comes while nothing runs, and is lost
                    cursor.interrupt()
                interrupted.set()

        question._cursor = Hearing()  # type: ignore[assignment]
        question.stop()
        assert interrupted.wait(20)

    monkeypatch.setattr("orderlake.query.duckdb._limited", between)
    with pytest.raises(QueryError, match="stopped: it was cancelled"):
        question.answer(10)


def test_one_that_was_stopped_before_it_ran_does_not_run(engine):
    question = Question(engine, [], ENDLESS)
    question.stop()
    with pytest.raises(QueryError, match="stopped"):
        question.answer()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_all_rows_are_written_whatever_the_statement_ends_in(engine, tables, tmp_path, form):
    file = tmp_path / f"out.{form}"
    assert Question(engine, tables, "SELECT *, 'ü;' AS u FROM t; -- that is all").write(file, form) == 100_000
    assert run_query(engine, [QueryTable("o", [], {})], f"SELECT count(*) FROM '{file}'").rows == ((100_000,),)


def test_a_plan_tells_how_and_an_analyzed_one_what_it_took(engine, tables):
    assert "Total Time" not in Question(engine, tables, "SELECT * FROM t").plan()
    assert "Total Time" in Question(engine, tables, "SELECT * FROM t").plan(analyze=True)


def test_only_the_tables_that_are_named_are_looked_into(engine, tables, tmp_path):
    gone = QueryTable("gone", [str(tmp_path / "gone.parquet")], {})
    assert run_query(engine, [*tables, gone], "SELECT count(*) FROM T").rows == ((100_000,),)
    with pytest.raises(QueryError, match=r"gone\.parquet.*\n`orderlake verify` names each file"):
        run_query(engine, [*tables, gone], "SELECT count(*) FROM gone")


def test_what_lists_tables_lists_all_of_them(engine, tables):
    assert {row[0] for row in run_query(engine, tables, "SHOW TABLES").rows} >= {"t", "none"}


def test_where_a_statement_is_wrong_is_marked(engine, tables):
    with pytest.raises(QueryError, match=r"LINE 2: .*\n +\^\^\^\^\n.*The tables are: t, none"):
        run_query(engine, tables, "SELECT\n  nope FROM t")


@pytest.mark.parametrize(("wrong", "meant"), [("nonne", 'Did you mean "none"?'), ("zzzzzz", "")])
def test_a_table_that_is_not_there_is_told_beside_the_one_that_comes_close_and_no_other(engine, tables, wrong, meant):
    with pytest.raises(QueryError) as raised:
        run_query(engine, tables, f"SELECT * FROM {wrong}")
    assert [line for line in str(raised.value).splitlines() if line.startswith("Did you")] == ([meant] if meant else [])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('{folder}/lake/../secret.csv')",
        "SELECT * FROM read_parquet('{folder}/secret.parquet')",
    ],
)
def test_a_confined_engine_reads_nothing_else(engine, tables, tmp_path, statement):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    engine.connection.execute(f"COPY (SELECT 1) TO '{tmp_path}/secret.parquet'")
    confine(engine, [str(tmp_path / "lake")])
    assert run_query(engine, tables, "SELECT count(*) FROM t").rows == ((100_000,),)
    with pytest.raises(QueryError):
        run_query(engine, tables, statement.format(folder=tmp_path))


@pytest.mark.parametrize("most", [None, 5])
def test_a_value_that_python_has_no_room_for_is_named(engine, most):
    with pytest.raises(QueryError, match="CAST it to VARCHAR"):
        Question(engine, [], "SELECT INTERVAL '100000000 years'").answer(most)


def test_a_confined_engine_spills_all_the_same(engine, tables, tmp_path):
    (tmp_path / "work").mkdir(exist_ok=True)
    confine(engine, [str(tmp_path / "lake")])
    wide = "SELECT a.h, repeat(CAST(a.h AS VARCHAR), 5) AS w FROM t AS a, range(10) ORDER BY a.h, w"
    assert run_query(engine, tables, f"SELECT max(w), count(*) FROM ({wide} LIMIT 999999)").rows[0][1] == 999_999
    assert engine.spill.is_dir()  # made for what did not fit


def test_the_first_rows_of_what_is_sorted_are_the_first_of_all(engine, tables):
    question = Question(engine, tables, "SELECT id, id AS id FROM t ORDER BY id DESC -- newest first")
    answer = question.answer(2)
    assert (answer.columns, answer.rows) == (("id", "id"), ((99_999, 99_999), (99_998, 99_998)))
    with pytest.raises(QueryError, match=r"LINE 2: .*\n +\^\^\^\^"):
        Question(engine, tables, "SELECT\n  nope FROM t").answer(2)
    assert Question(engine, tables, "EXPLAIN SELECT * FROM t").answer(5).columns == ("explain_key", "explain_value")
    assert {row[0] for row in Question(engine, tables, "SHOW TABLES").answer(5).rows} >= {"t", "none"}
    assert Question(engine, tables, "SUMMARIZE t").answer(1).rows[0][0] == "id"


def test_a_confined_engine_asks_its_own_file_system_for_the_lake_alone(tmp_path):
    class Bucket(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
        protocol = "s3"
        store: ClassVar[dict[str, Any]] = {}
        pseudo_dirs: ClassVar[list[str]] = [""]

        def glob(self, path, **_):
            return [path]

    opened = connect(tmp_path / "spill", 64, filesystem=Bucket())
    for folder in ("lake", "lake-of-another"):
        opened.connection.execute(f"COPY (SELECT 7 AS id) TO 's3://bucket/{folder}/t.parquet'")
    confine(opened, ["s3://bucket/lake"])
    tables = [QueryTable("t", ["s3://bucket/lake/t.parquet"], {})]
    assert run_query(opened, tables, "SELECT id FROM t").rows == ((7,),)
    with pytest.raises(QueryError, match="disabled by configuration"):
        run_query(opened, tables, "SELECT * FROM read_parquet('s3://bucket/lake-of-another/t.parquet')")
    opened.close()


@pytest.mark.parametrize("before", ["", "x"])
def test_what_the_engine_says_is_said_though_it_cuts_a_letter_in_two(engine, before):
    text = f'{{"a": "{before}{"ğ" * 99}"}}'
    with pytest.raises(QueryError, match="Failed to cast value to numerical"):
        run_query(engine, [], f"SELECT CAST('{text}'::JSON AS STRUCT(a BIGINT))")

"""What only reads is asked; what would write is refused, wherever in a statement it stands."""

import duckdb
import pytest

from orderlake.engine import connect
from orderlake.errors import QueryError
from orderlake.query.dialect import described
from orderlake.query.duckdb import Question, confine, run_query
from orderlake.query.readonly import only_reads

COPY = "WITH w AS (COPY (SELECT 7 AS a) TO '{file}') SELECT 1 AS a"


@pytest.fixture
def engine(tmp_path):
    opened = connect(tmp_path / "work" / "spill", 64)
    yield opened
    opened.close()


@pytest.mark.parametrize("confined", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        COPY,
        f"SELECT ({COPY})",
        f"SELECT 1 ORDER BY ({COPY})",
        f"SELECT * FROM range(({COPY}))",
        f"SELECT list_transform([1], lambda x: ({COPY}))",
        f"EXPLAIN ANALYZE {COPY}",
        f"SUMMARIZE {COPY}",
        f"FROM (SELECT 1 UNION ALL ({COPY}))",
        """SELECT * FROM query('WITH w AS (COPY (SELECT 7) TO ''{file}'') SELECT 1')""",
        """SELECT * FROM json_execute_serialized_sql(json_serialize_sql('
            WITH w AS (COPY (SELECT 7) TO ''{file}'') SELECT 1'))""",
        "SELECT * FROM enable_logging(level = 'debug', storage = 'file', storage_path = '{file}')",
        """SELECT * FROM system.main."Enable_Logging"(storage = 'file', storage_path = '{file}')""",
        "SELECT * FROM enable_profiling(save_location = '{file}')",
    ],
)
def test_a_select_that_would_write_a_file_is_refused(engine, tmp_path, statement, confined):
    file = tmp_path / "lake" / "written"
    file.parent.mkdir()
    if confined:
        confine(engine, [str(tmp_path / "lake")])
    for ask in (Question.answer, Question.plan, lambda question: question.write(file.with_name("out"), "csv")):
        with pytest.raises(QueryError, match="one SELECT at a time: the lake is read-only"):
            ask(Question(engine, [], statement.format(file=file)))
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (7) RETURNING a", "DELETE FROM t RETURNING a"])
def test_a_select_that_would_change_a_table_is_refused(engine, statement):
    engine.connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    with pytest.raises(QueryError, match="read-only"):
        run_query(engine, [], f"WITH w AS ({statement}) SELECT * FROM w")
    with pytest.raises(QueryError, match="read-only"):
        described(f"WITH w AS ({statement}) SELECT * FROM w", {"t": {"a": "INTEGER"}})
    assert engine.connection.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t",
        "WITH a AS (SELECT 1), b AS MATERIALIZED (FROM a) SELECT * FROM b INTERSECT SELECT 2 -- done;",
        "SELECT query, 'enable_logging()' FROM (SELECT 1 AS query) WHERE query = 1",
        "SELECT * FROM query_table('orders'), Range(3), LATERAL unnest([1])",
        "FROM read_csv('a'), read_json_auto('b'), read_ndjson_objects('c'), parquet_metadata('d'), duckdb_columns()",
        "UNPIVOT t ON a, b INTO NAME n VALUE v",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT 1;",
        "SHOW TABLES",
        "SUMMARIZE t",
        "DESCRIBE t",
    ],
)
def test_everyday_statements_only_read(statement):
    with duckdb.connect() as connection:
        assert [only_reads(each) for each in connection.extract_statements(statement)] == [True]


@pytest.mark.parametrize("statement", [f"SELECT {'1 + ' * 950}1", f"{'SELECT * FROM (' * 950}SELECT 1{')' * 950}"])
def test_what_is_nested_beyond_measure_is_said_to_be(engine, statement):
    with pytest.raises(QueryError, match="nested too deeply"):
        run_query(engine, [], statement)

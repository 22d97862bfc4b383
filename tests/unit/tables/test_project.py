"""Row groups put together without decoding: every reader sees the same rows, and what does not fit is refused."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orderlake.storage.local import LocalStore
from orderlake.tables.project import NotProjectableError, Piece, column_names, footer, group_ends, project
from orderlake.tables.thrift import get

STORE = LocalStore()
COLUMNS = [("a|VARCHAR", "a"), ("n|BIGINT", "n"), ("m|DECIMAL(18,2)", "money")]
SELECT = (
    'SELECT i AS _rid, \'text \' || (i % 50) AS "a|VARCHAR", CASE WHEN i % 3 > 0 THEN i END AS "n|BIGINT", '
    '(i / 7)::DECIMAL(18,2) AS "m|DECIMAL(18,2)", DATE \'2024-01-01\' + (i % 90)::INT AS "d|DATE" '
    "FROM range({}, {}) t(i)"
)


@pytest.fixture
def engine():
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def staged(tmp_path, engine):
    """Two staged files: three row groups, and one."""
    for number, (low, high) in enumerate([(0, 5000), (5000, 5100)]):
        options = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 2048"
        engine.execute(f"COPY ({SELECT.format(low, high)}) TO '{tmp_path}/staged-{number}.parquet' ({options})")
    return [tmp_path / "staged-0.parquet", tmp_path / "staged-1.parquet"]


def wanted(engine, low, high):
    return engine.execute(
        f'SELECT "a|VARCHAR", "n|BIGINT", "m|DECIMAL(18,2)" FROM ({SELECT.format(low, high)})'
    ).fetchall()


def by_duckdb(engine, path):
    return engine.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()


def by_pyarrow(path):
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


def test_both_readers_see_the_rows_of_all_pieces_in_order(tmp_path, engine, staged):
    target = tmp_path / "t.parquet"
    assert project(STORE, [Piece(str(path)) for path in staged], COLUMNS, str(target)) == 5100
    assert by_duckdb(engine, str(target)) == by_pyarrow(target) == wanted(engine, 0, 5100)
    assert [group.num_rows for group in map(pq.ParquetFile(target).metadata.row_group, range(4))] == [
        2048,
        2048,
        904,
        100,
    ]


def test_columns_come_under_their_new_names_in_the_order_asked_for(tmp_path, staged):
    target = tmp_path / "t.parquet"
    project(
        STORE, [Piece(str(staged[1]))], [("d|DATE", "day"), ("a|VARCHAR", "text"), ("d|DATE", "again")], str(target)
    )
    assert column_names(footer(STORE, str(target))) == pq.read_schema(target).names == ["day", "text", "again"]


def test_only_the_row_groups_asked_for_are_kept(tmp_path, engine, staged):
    target = tmp_path / "t.parquet"
    ends = group_ends(footer(STORE, str(staged[0])))
    assert ends == [2048, 4096, 5000]
    assert project(STORE, [Piece(str(staged[0]), frozenset({1})), Piece(str(staged[1]))], COLUMNS, str(target)) == 2148
    assert (
        by_duckdb(engine, str(target))
        == by_pyarrow(target)
        == [*wanted(engine, 2048, 4096), *wanted(engine, 5000, 5100)]
    )


def test_a_file_of_no_row_groups_is_empty_and_whole(tmp_path, engine, staged):
    target = tmp_path / "t.parquet"
    assert project(STORE, [Piece(str(staged[0]), frozenset())], COLUMNS, str(target)) == 0
    assert by_duckdb(engine, str(target)) == by_pyarrow(target) == []


def test_a_projected_file_can_be_projected_again(tmp_path, engine, staged):
    once, twice = tmp_path / "1.parquet", tmp_path / "2.parquet"
    project(STORE, [Piece(str(path)) for path in staged], COLUMNS, str(once))
    project(STORE, [Piece(str(once))], [(new, new) for _, new in COLUMNS], str(twice))
    assert once.read_bytes() == twice.read_bytes()
    assert by_pyarrow(twice) == wanted(engine, 0, 5100)


def test_statistics_still_prune(tmp_path, engine, staged):
    target = tmp_path / "t.parquet"
    project(STORE, [Piece(str(path)) for path in staged], COLUMNS, str(target))
    (found,) = engine.execute(f"SELECT count(*) FROM read_parquet('{target}') WHERE n = 4999").fetchone()
    assert found == 1
    statistics = pq.ParquetFile(target).metadata.row_group(2).column(1).statistics
    assert (statistics.min, statistics.max) == (4096, 4999)


@pytest.mark.parametrize(
    "options", ["WRITE_BLOOM_FILTER true", "COMPRESSION zstd", "PARQUET_VERSION v2", "COMPRESSION gzip"]
)
def test_however_the_engine_wrote_it(tmp_path, engine, options):
    engine.execute(f"COPY ({SELECT.format(0, 3000)}) TO '{tmp_path}/s.parquet' (FORMAT parquet, {options})")
    project(STORE, [Piece(str(tmp_path / "s.parquet"))], COLUMNS, str(tmp_path / "t.parquet"))
    assert by_duckdb(engine, tmp_path / "t.parquet") == by_pyarrow(tmp_path / "t.parquet") == wanted(engine, 0, 3000)


@pytest.mark.parametrize(
    "options", [{}, {"write_page_index": True}, {"use_dictionary": False}, {"data_page_version": "2.0"}]
)
def test_files_of_another_writer(tmp_path, engine, options):
    table = pa.table({"x": [1, 2, None], "y": ["ä", None, ""], "z": [0.5, None, 2.5]})
    pq.write_table(table, tmp_path / "s.parquet", **options)
    project(STORE, [Piece(str(tmp_path / "s.parquet"))], [("z", "z"), ("y", "why")], str(tmp_path / "t.parquet"))
    rows = [(0.5, "ä"), (None, None), (2.5, "")]
    assert by_duckdb(engine, tmp_path / "t.parquet") == by_pyarrow(tmp_path / "t.parquet") == rows


def test_the_key_value_metadata_and_the_writer_stay(tmp_path, engine):
    engine.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path}/s.parquet' (FORMAT parquet, KV_METADATA {{k: 'v'}})")
    project(STORE, [Piece(str(tmp_path / "s.parquet"))], [("a", "a")], str(tmp_path / "t.parquet"))
    assert pq.read_metadata(tmp_path / "t.parquet").metadata[b"k"] == b"v"
    assert get(footer(STORE, str(tmp_path / "t.parquet")), 6) == get(footer(STORE, str(tmp_path / "s.parquet")), 6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1::BIGINT AS a", "1::INT AS a"),
        ("1.5::DECIMAL(18,2) AS a", "1.5::DECIMAL(18,3) AS a"),
        ("'x' AS a", "'x'::BLOB AS a"),
        ("1 AS a", "1 AS b"),
        ("[1] AS a", "[1] AS a"),
        ("{'x': 1} AS a", "{'x': 1} AS a"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_file(tmp_path, engine, first, second):
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for path, select in zip(paths, (first, second), strict=True):
        engine.execute(f"COPY (SELECT {select}) TO '{path}' (FORMAT parquet)")
    with pytest.raises(NotProjectableError):
        project(STORE, [Piece(str(path)) for path in paths], [("a", "a")], str(tmp_path / "t.parquet"))
    assert not (tmp_path / "t.parquet").exists()


def test_no_pieces_are_refused(tmp_path):
    with pytest.raises(NotProjectableError):
        project(STORE, [], [("a", "a")], str(tmp_path / "t.parquet"))


def test_what_is_no_parquet_file_is_refused(tmp_path):
    (tmp_path / "s.parquet").write_bytes(b"x" * 100)
    with pytest.raises(NotProjectableError, match="not a Parquet file"):
        footer(STORE, str(tmp_path / "s.parquet"))

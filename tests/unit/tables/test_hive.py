"""Plain Parquet files: names that never meet, hidden until they count, shrunk without a trace."""

import re

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from orderlake.model.source import SourceObject
from orderlake.storage.local import LocalStore
from orderlake.tables.hive import file_name
from orderlake.tables.project import footer
from orderlake.tables.thrift import get
from tests.reference import NOON, SECOND, expected, found, new_lake, order, visible_parquet, written

sources = st.builds(
    SourceObject,
    st.text(min_size=1, max_size=20),
    st.just(""),
    st.integers(0, 2**40),
    st.integers(0, 4_000_000_000 * SECOND),
)


@given(sources)
def test_a_name_tells_the_time_and_needs_no_quoting(source):
    assert re.fullmatch(r"p_\d{8}_\d{6}_[0-9a-f]{12}\.parquet", file_name("p", source))


@given(sources, sources)
def test_two_versions_never_share_a_name(one, other):
    same = (one.uri, one.size, one.version) == (other.uri, other.size, other.version)
    assert (file_name("p", one) == file_name("p", other)) is same


def test_a_name_sorts_by_the_time_of_the_source():
    names = [file_name("p", SourceObject("a", "", 1, tick * SECOND)) for tick in (0, 59, 60, 86_400, 1_700_000_000)]
    assert names == sorted(names)
    assert names[0].startswith("p_19700101_000000_")


def groups(path):
    """The bytes of each row group."""
    data, found = path.read_bytes(), []
    for group in get(footer(LocalStore(), str(path)), 4)[1]:
        start = get(group, 5)
        found.append(data[start : start + get(group, 6)])
    return found


def plain(lake, name):
    return lake.project.lake / "orders_parquet_datalake" / name


def test_a_file_keeps_what_was_not_corrected_and_goes_when_all_was(tmp_path):
    with new_lake(tmp_path) as lake:
        made = [written(lake, lake.project.raw / "orders_1.json", [order(1, "A"), order(2, "B")], NOON)]
        lake.run()
        (first,) = visible_parquet(lake)
        made.append(written(lake, lake.project.raw / "orders_2.json", [order(1, "C")], NOON + SECOND))
        lake.run()
        assert first in visible_parquet(lake)
        with duckdb.connect() as connection:
            assert connection.execute(f"SELECT product_id FROM '{plain(lake, first)}'").fetchall() == [("B",)]
        made.append(written(lake, lake.project.raw / "orders_3.json", [order(2, "D")], NOON + 2 * SECOND))
        lake.run()
        assert first not in visible_parquet(lake)
        assert len(visible_parquet(lake)) == 2
        assert found(lake) == expected(made)


def test_only_row_groups_that_lose_rows_are_written_anew(tmp_path):
    """A large file with one correction: the bytes of its other row groups stay as they were."""
    with new_lake(tmp_path) as lake:
        many = [order(number, "A") for number in range(130_000)]
        made = [written(lake, lake.project.raw / "orders_1.json", many, NOON)]
        lake.run()
        (first,) = visible_parquet(lake)
        before = groups(plain(lake, first))
        assert len(before) >= 3
        made.append(
            written(lake, lake.project.raw / "orders_2.json", [order(70_000, "Z"), order(70_001)], NOON + SECOND)
        )
        lake.run()
        after = groups(plain(lake, first))
        assert len(after) == len(before)
        assert len(set(before) & set(after)) == len(before) - 1
        rows = (
            "SELECT count(*), count(DISTINCT order_id), count(*) FILTER (product_id = 'Z') FROM orders_parquet_datalake"
        )
        assert lake.query(rows).rows == ((129_999, 129_999, 1),)
        assert lake.query("SELECT count(*) FROM order_lines").rows == ((129_999,),)


def test_hidden_files_are_gone_once_they_have_their_names(tmp_path):
    with new_lake(tmp_path) as lake:
        for number in range(3):
            written(lake, lake.project.raw / f"orders_{number}.json", [order(1, "A" * (number + 1))], NOON + number)
            lake.run()
        pending = lake.project.lake / ".pending" / "orders_parquet_datalake"
        assert [file for file in pending.rglob("*") if file.is_file()] == []

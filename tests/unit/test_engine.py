"""The engine's spill folder: there when it is needed, and gone afterwards."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import duckdb
import pytest

from orderlake.engine import connect

TOO_MUCH = "SELECT count(*) FROM (SELECT DISTINCT range, hash(range)::VARCHAR || range FROM range(1500000))"


def test_a_question_larger_than_its_memory_spills_into_a_folder_that_nobody_made_before(tmp_path):
    spill = tmp_path / "project" / "work" / "spill"
    engine = connect(spill, memory_mb=48)
    assert engine.cursor().execute(TOO_MUCH).fetchone() == (1_500_000,)
    engine.close()
    assert not spill.parent.exists()


def test_what_others_keep_beside_the_spill_folder_stays(tmp_path):
    engine = connect(tmp_path / "work" / "spill")
    (tmp_path / "work" / "kept").write_text("by a load")
    engine.close()
    assert (tmp_path / "work" / "kept").exists()


def test_where_no_folder_can_be_made_small_questions_are_answered(tmp_path):
    (tmp_path / "work").write_text("a file")
    engine = connect(tmp_path / "work" / "below" / "spill")
    assert engine.cursor().execute("SELECT 42").fetchone() == (42,)
    engine.close()


def test_a_question_that_is_being_answered_is_interrupted_when_its_engine_is_closed(tmp_path):
    engine = connect(tmp_path / "work" / "spill")
    cursor = engine.cursor()
    begun = Event()

    def seen(number: int) -> int:
        begun.set()
        return number

    cursor.create_function("seen", seen)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cursor.execute, "SELECT sum(seen(a.range)) FROM range(100000000) a, range(100000) b")
        assert begun.wait(60)
        engine.close()
        with pytest.raises(duckdb.InterruptException):
            asked.result(timeout=60)


def test_a_write_that_fails_half_way_ends_however_busy_the_machine_is(tmp_path):
    """With the engine's own threads for writing, one in twenty of these waited for ever on two busy cores."""
    late = "SELECT CASE WHEN i = 900000 THEN error('stop') ELSE i END AS i FROM range(1000000) AS t(i)"

    def fails(number):
        engine = connect(tmp_path / f"work-{number}" / "spill")  # closing it removes both folders
        try:
            with pytest.raises(duckdb.Error, match="stop"):
                engine.cursor().execute(
                    f"COPY ({late}) TO '{tmp_path}/{number}' (FORMAT parquet, ROW_GROUP_SIZE 61440)"
                )
        finally:
            engine.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(each.result(timeout=120) for each in [pool.submit(fails, number) for number in range(120)])

"""Which engine a load gets: one of its own in folders; in buckets the last load's, emptied, unless that load failed."""

import duckdb
import pytest

from orderlake.config import AwsSettings, Project
from orderlake.wiring import Backends

SETTINGS = AwsSettings(
    name="shop",
    region="eu-central-1",
    raw="s3://shop-raw/raw",
    lake="s3://shop-lake/lake",
    pipelines="s3://shop-ops/pipelines",
    table="shop",
    database="shop",
    workgroup="shop",
    queue_url="",
    dead_letter_url="",
)


@pytest.fixture(params=[None, SETTINGS], ids=["in folders", "in buckets"])
def backends(request, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    opened = Backends(Project(tmp_path, tmp_path / "raw", tmp_path / "lake", 64, 1, request.param))
    yield opened
    opened.close()


def is_open(engine):
    try:
        engine.cursor()
    except duckdb.ConnectionException:
        return False
    return True


def test_an_engine_outlives_its_load_where_the_lake_is_in_buckets(backends, tmp_path):
    with backends.lent_engine(tmp_path / "a") as first:
        pass
    assert is_open(first) is backends.is_remote
    with backends.lent_engine(tmp_path / "b") as second:
        assert (second is first) is backends.is_remote


def test_it_comes_back_with_nothing_of_the_last_load_in_it(backends, tmp_path):
    with backends.lent_engine(tmp_path / "a") as engine:
        engine.cursor().execute("CREATE TABLE losers AS SELECT * FROM range(1000000) AS t(i)")
        engine.cursor().execute("CREATE TEMP TABLE records AS SELECT 1 AS i")
    with backends.lent_engine(tmp_path / "b") as engine:
        assert engine.cursor().execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
        held = engine.cursor().execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
        assert held[0] < 1 << 20


def test_one_whose_load_failed_is_closed(backends, tmp_path):
    with pytest.raises(OSError, match="full"), backends.lent_engine(tmp_path / "a") as first:
        raise OSError("the disk is full")
    assert not is_open(first)
    with backends.lent_engine(tmp_path / "b") as second:
        assert second is not first


def test_it_is_closed_with_the_lake(backends, tmp_path):
    with backends.lent_engine(tmp_path / "a") as engine:
        pass
    backends.close()
    assert not is_open(engine)

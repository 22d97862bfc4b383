"""Publishing: files first, the pointer last, and nothing that a reader may still need is deleted."""

import json
from decimal import Decimal

import duckdb
import pytest

from orderlake.building.publish import Candidate, Publisher, candidates, refuse_taken
from orderlake.errors import ConfigError, QueryError, StorageUnavailableError
from orderlake.storage.local import LocalStore
from orderlake.tables.published import Publication, publish, published
from tests.own_models import current, mart_files
from tests.reference import new_lake

ROWS = "SELECT n AS id, n * 1.5 AS amount FROM range(3) AS numbers(n)"


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        yield opened


@pytest.fixture
def published_as(lake, tmp_path):
    """Publish marts (SELECTs by name) as the build of a name."""
    backends = lake._backends

    def run(build, partial=False, sort_by=(), **marts):
        database = tmp_path / f"{build}.duckdb"
        with duckdb.connect(database) as connection:
            connection.execute("CREATE SCHEMA marts")
            for name, sql in marts.items():
                connection.execute(f"CREATE TABLE marts.{name} AS {sql}")
        engine = backends.engine(tmp_path / "work")
        chosen = [Candidate(name, "", (), tuple(sort_by), "") for name in marts]
        publisher = Publisher(backends, engine, database, Publication(build, "now", {}))
        try:
            return publisher.run(chosen, published(backends.store, backends.root), partial=partial)
        finally:
            engine.close()

    return run


def test_rows_that_are_the_same_in_another_order_keep_their_file(lake, published_as):
    published_as("b1", sales=ROWS, other="SELECT 1 AS x")
    marts = published_as("b2", sales=f"{ROWS} ORDER BY n DESC", other="SELECT 2 AS x")
    assert [(mart.name, mart.rows, mart.written) for mart in marts] == [("other", 1, True), ("sales", 3, False)]
    assert mart_files(lake) == [
        "b1", "b1/other.parquet", "b1/sales.parquet", "b2", "b2/other.parquet", "current.json",
    ]  # fmt: skip
    assert lake.query("SELECT sum(amount) FROM sales").rows == ((Decimal("4.5"),),)


@pytest.mark.parametrize(
    "changed",
    [
        "SELECT n AS id, 0.0 AS amount FROM range(3) AS numbers(n)",
        "SELECT n AS id, n * 1.5 AS amount FROM range(4) AS numbers(n)",
        "SELECT n AS number, n * 1.5 AS amount FROM range(3) AS numbers(n)",
        "SELECT n::INTEGER AS id, n * 1.5 AS amount FROM range(3) AS numbers(n)",
    ],
)
def test_whatever_a_reader_could_notice_is_written_anew(published_as, changed):
    published_as("b1", sales=ROWS)
    assert [mart.written for mart in published_as("b2", sales=changed)] == [True]


def test_files_stay_for_readers_of_the_publication_before_and_no_longer(lake, published_as):
    for build in ("b1", "b2", "b3"):
        published_as(build, sales=f"SELECT '{build}' AS x")
    assert mart_files(lake) == ["b2", "b2/sales.parquet", "b3", "b3/sales.parquet", "current.json"]
    assert current(lake)["before"] == ["b2/sales.parquet"]


def test_a_mart_that_has_no_model_any_more_is_no_table_any_more(lake, published_as):
    published_as("b1", sales=ROWS, other="SELECT 1 AS x")
    assert [mart.name for mart in published_as("b2", sales=ROWS)] == ["sales"]
    with pytest.raises(QueryError, match="other"):
        lake.query("SELECT * FROM other")


def test_a_partial_build_leaves_the_others_as_they_are(lake, published_as):
    published_as("b1", sales=ROWS, other="SELECT 1 AS x")
    marts = published_as("b2", partial=True, other="SELECT 2 AS x")
    assert [(mart.name, mart.written) for mart in marts] == [("other", True), ("sales", False)]
    assert lake.query("SELECT x, count(*) FROM other, sales GROUP BY x").rows == ((2, 3),)


def test_whoever_dies_before_the_pointer_has_published_nothing_and_leaves_nothing(lake, published_as, monkeypatch):
    published_as("b1", sales=ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "write", lambda *_: (_ for _ in ()).throw(StorageUnavailableError("full")))
        with pytest.raises(StorageUnavailableError):
            published_as("b2", sales="SELECT 2 AS x")
    assert lake.query("SELECT count(*) FROM sales").rows == ((3,),)
    assert "b2/sales.parquet" in mart_files(lake)
    published_as("b3", sales=ROWS)
    assert mart_files(lake) == ["b1", "b1/sales.parquet", "current.json"]


def test_a_session_sees_the_new_marts_without_being_opened_again(lake, published_as):
    published_as("b1", sales="SELECT 1 AS x")
    with lake.session() as session:
        assert session.query("SELECT x FROM sales").rows == ((1,),)
        published_as("b2", sales="SELECT 2 AS x")
        assert session.query("SELECT x FROM sales").rows == ((2,),)


def test_types_that_only_duckdb_has_are_made_common_ones_and_others_refused(lake, published_as):
    published_as("b1", wide="SELECT 1::HUGEINT AS h, 1::UTINYINT AS u, TIMESTAMP '2024-01-01' AS t")
    assert current(lake)["marts"]["wide"]["columns"] == {"h": "DECIMAL(38,0)", "u": "INTEGER", "t": "TIMESTAMP"}
    with pytest.raises(QueryError, match=r"model nested: column numbers is a INTEGER\[\]"):
        published_as("b2", nested="SELECT [1] AS numbers")


def test_rows_lie_in_the_order_that_the_model_asks_for(lake, published_as):
    published_as("b1", sort_by=["id", "no_such_column"], sales=f"{ROWS} ORDER BY n DESC")
    file = lake.project.lake / "marts" / current(lake)["marts"]["sales"]["files"][0]
    assert duckdb.execute(f"SELECT id FROM '{file}'").fetchall() == [(0,), (1,), (2,)]


def test_marts_are_the_nodes_with_rows_in_the_schema_of_marts():
    def node(schema="marts", kind="table", **config):
        return {
            "schema": schema,
            "alias": "m",
            "description": "about",
            "config": {"materialized": kind, **config},
        }

    manifest = {
        "nodes": {
            "model.a": node(meta={"grain": "one row each", "unique_key": "id"}),
            "model.b": node(kind="incremental", meta={"unique_key": ["a", "b"], "sort_by": ["b"]}),
            "model.view": node(kind="view"),
            "model.staging": node(schema="staging"),
            "test.c": node(schema="failures", kind="test"),
        }
    }
    assert candidates(manifest) == {
        "model.a": Candidate("m", "one row each", ("id",), ("id",), "about"),
        "model.b": Candidate("m", "", ("a", "b"), ("b",), "about"),
    }


def test_a_mart_may_not_have_the_name_of_anything_else(lake):
    refuse_taken(lake._backends, ["sales"])
    for name in ("orders", "orders_parquet_datalake", "quarantine"):
        with pytest.raises(ConfigError, match=f"the model {name} has the name of a table of the lake"):
            refuse_taken(lake._backends, [name])
    (lake.project.root / "marts").mkdir()
    (lake.project.root / "marts" / "sales.sql").write_text("SELECT 1", "utf-8")
    with pytest.raises(ConfigError, match=r"declared as marts/sales\.sql too"):
        refuse_taken(lake._backends, ["sales"])


def test_a_table_may_not_have_the_folder_of_the_marts(tmp_path):
    with (
        new_lake(tmp_path, lambda text: text.replace("order_lines", "marts")) as lake,
        pytest.raises(ConfigError, match="give the table marts another name"),
    ):
        refuse_taken(lake._backends, ["sales"])


def test_a_table_that_is_declared_later_comes_before_a_mart_of_its_name(lake, published_as):
    published_as("b1", orders="SELECT 1 AS x", sales="SELECT 2 AS x")
    assert lake.query("SELECT count(*) FROM orders").rows == ((0,),)
    assert [info.name for info in lake.tables() if info.format == "mart"] == ["sales"]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2, "build": "b"}', '{"format": 1, "marts": {}}'])
def test_a_pointer_that_is_none_says_how_to_get_another(lake, text):
    folder = lake.project.lake / "marts"
    folder.mkdir(parents=True)
    (folder / "current.json").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"current\.json is no list of marts .*orderlake build"):
        lake.query("SELECT 1")


def test_a_publication_is_read_as_it_was_written(lake, published_as):
    published_as("b1", sales=ROWS)
    store, root = lake._backends.store, lake._backends.root
    first = published(store, root)
    assert first is not None
    publish(store, root, first)
    assert published(store, root) == first
    assert json.loads(store.read(f"{root}/marts/current.json"))["format"] == 1

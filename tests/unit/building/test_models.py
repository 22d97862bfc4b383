"""Which models are built, of which pipelines, and what makes them others than before."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.building import models as module
from orderlake.building.models import eject, models_of
from orderlake.errors import ConfigError, MissingExtraError
from tests.own_models import own_models
from tests.reference import new_lake


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        yield opened


def digest(lake):
    lake._backends.__dict__.pop("pipelines", None)  # read them again
    return models_of(lake._backends, "dbt-duckdb").digest


def test_the_bundled_models_are_built_of_the_pipelines_whose_tables_there_are(tmp_path):
    with Lake.init(tmp_path, ["olist", "shopify"]) as lake:
        (tmp_path / "pipelines" / "shopify.yaml").rename(tmp_path / "pipelines" / "web_shop.yaml")
        found = models_of(lake._backends, "dbt-duckdb")
    assert found.variables == {"pipelines": ["olist", "shopify"]}
    assert (found.folder / "dbt_project.yml").is_file()


def test_a_project_of_other_tables_is_told_to_bring_models_of_its_own(tmp_path):
    with (
        new_lake(tmp_path, lambda text: text.replace("order_lines", "items")) as lake,
        pytest.raises(ConfigError, match=r"has none of them: `orderlake build --eject`"),
    ):
        models_of(lake._backends, "dbt-duckdb")


def test_a_column_that_the_marts_need_is_named(tmp_path):
    with (
        new_lake(tmp_path, lambda text: text.replace("total_amount: money", "total: money from total_amount")) as lake,
        pytest.raises(ConfigError, match=r"table orders has no column total_amount DECIMAL\(18,2\)"),
    ):
        models_of(lake._backends, "dbt-duckdb")


def test_models_of_the_project_are_used_instead_whatever_its_tables(tmp_path):
    with new_lake(tmp_path, lambda text: text.replace("order_lines", "items")) as lake:
        folder = own_models(lake)
        found = models_of(lake._backends, "dbt-duckdb")
    assert (found.folder, found.variables) == (folder, {"pipelines": []})


def test_the_digest_changes_with_models_and_columns_and_with_nothing_else(lake):
    folder = own_models(lake)
    first = digest(lake)
    (folder / "target").mkdir()
    (folder / "target" / "manifest.json").write_text("{}", "utf-8")
    (folder / ".user.yml").write_text("id: 1", "utf-8")
    assert digest(lake) == first

    (folder / "models" / "marts" / "agg_daily.sql").rename(folder / "models" / "marts" / "agg_day.sql")
    renamed = digest(lake)
    pipeline = lake.project.pipelines / "orders.yaml"
    pipeline.write_text(pipeline.read_text("utf-8").replace("total_amount: money", "total_amount: double"), "utf-8")
    assert len({first, renamed, digest(lake)}) == 3


def test_the_digest_changes_with_the_version_of_dbt(lake, monkeypatch):
    first = digest(lake)
    monkeypatch.setattr(module, "version", lambda package: "99")
    assert digest(lake) != first


@pytest.mark.parametrize(("adapter", "extra"), [("dbt-duckdb", "dbt"), ("dbt-athena", "dbt-athena")])
def test_without_dbt_the_pip_line_is_given(lake, monkeypatch, adapter, extra):
    def missing(package):
        if package == adapter:
            raise importlib.metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(module, "version", missing)
    with pytest.raises(MissingExtraError, match=rf"marts need {adapter}: pip install 'orderlake\[{extra}\]'"):
        models_of(lake._backends, adapter)


def test_models_are_copied_once_and_never_over_others(lake):
    folder = eject(lake.project)
    assert folder == lake.project.root / "dbt"
    assert (folder / "dbt_project.yml").is_file()
    assert models_of(lake._backends, "dbt-duckdb").folder == folder
    with pytest.raises(ConfigError, match="is there already"):
        eject(lake.project)


def test_the_documentation_names_every_mart_that_ships_and_no_other():
    root = Path(__file__).parents[3]
    marts = {file.stem for file in (root / "src" / "orderlake" / "dbt" / "models" / "marts").rglob("*.sql")}
    text = (root / "docs" / "marts.md").read_text("utf-8")
    table = text[text.index("## What there is") : text.index("## What a build does")]
    assert set(re.findall(r"`((?:fct|dim|agg)_\w+)`", table)) == marts

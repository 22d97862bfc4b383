"""The bundled models as a project: they compile for every set of pipelines, for both engines; all is described."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.bundled_models import ENDS, MODELS, SHOPS, SUBSETS, left, models

pytestmark = pytest.mark.slow

OWN_MARTS = {
    "olist": {
        "agg_daily_delivery", "dim_geography", "dim_sellers", "fct_deliveries", "fct_order_items", "fct_payments",
        "fct_reviews",
    },
    "shopify": {"fct_discounts", "fct_refunds"},
}  # fmt: skip
MARTS = {
    "agg_daily_category_sales", "agg_daily_sales", "dim_customers", "dim_dates", "dim_products", "fct_order_lines",
    "fct_orders",
}  # fmt: skip


def is_published(node):
    return node["original_file_path"].startswith("models/marts/")


@pytest.mark.parametrize(
    ("engine", "chosen"), [*(("duckdb", each) for each in SUBSETS), *(("athena", each) for each in ENDS)]
)
def test_each_set_of_pipelines_compiles_to_what_it_needs_without_a_warning(request, engine, chosen):
    target = request.getfixturevalue(f"for_{engine}") / "-".join(chosen)
    found = models(left(target))
    published = {name for name, node in found.items() if is_published(node)}
    assert published == MARTS.union(*(OWN_MARTS.get(shop, set()) for shop in chosen))
    text = Path(found["int_orders"]["compiled_path"]).read_text("utf-8")
    assert re.findall(r"stg_(\w+)__orders", text) == list(chosen)
    staged = {name.split("__")[0].removeprefix("stg_") for name in found if name.startswith("stg_")}
    assert staged == set(chosen)


def test_every_model_and_every_column_is_described(samples):
    manifest = left(samples / ".orderlake" / "dbt" / "target")
    with duckdb.connect(samples / ".orderlake" / "dbt" / "marts.duckdb", read_only=True) as connection:
        sql = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name IN ('staging', 'marts')"
        columns = connection.execute(sql).fetchall()
    described = {
        (name, column["name"])
        for name, node in models(manifest).items()
        for column in node["columns"].values()
        if column["description"].strip()
    }
    assert described == set(columns)
    assert [name for name, node in models(manifest).items() if not node["description"].strip()] == []
    assert [source["name"] for source in manifest["sources"].values() if not source["description"].strip()] == []


def test_every_mart_says_what_a_row_is_and_which_columns_tell_rows_apart(lake, samples):
    marts = {name: node for name, node in models(left(samples / ".orderlake/dbt/target")).items() if is_published(node)}
    assert len(marts) == 16
    for name, node in marts.items():
        assert node["config"]["meta"]["grain"].startswith("one row per ")
        key = ", ".join(node["config"]["meta"]["unique_key"])
        sql = f"SELECT count(*), count(DISTINCT ({key})), count(*) FILTER (WHERE ({key}) IS NULL) FROM {name}"
        rows, keys, unknown = lake.query(sql).rows[0]
        assert (keys, unknown) == (rows, 0), name


def test_every_key_is_held_by_a_test_of_dbt(for_duckdb):
    manifest = left(for_duckdb / "-".join(SHOPS))
    held = {
        (node["attached_node"].split(".")[-1], tuple(node["test_metadata"]["kwargs"].get("columns", ()))
         or (node["test_metadata"]["kwargs"].get("column_name"),))
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] in {"unique", "unique_together"}
    }  # fmt: skip
    marts = {name: node for name, node in models(manifest).items() if is_published(node)}
    assert {(name, tuple(node["config"]["meta"]["unique_key"])) for name, node in marts.items()} <= held


def test_nothing_is_fetched_from_elsewhere(for_duckdb):
    assert [file.name for file in MODELS.iterdir() if file.name in {"packages.yml", "dependencies.yml"}] == []
    macros = left(for_duckdb / "-".join(SHOPS))["macros"].values()
    assert {macro["package_name"] for macro in macros} == {"dbt", "dbt_duckdb", "orderlake"}


@pytest.mark.parametrize("what", ["orders", "order_lines", "customers"])
def test_every_pipeline_stages_the_same_shape(samples, what):
    with duckdb.connect(samples / ".orderlake" / "dbt" / "marts.duckdb", read_only=True) as connection:
        united = connection.execute(f"DESCRIBE staging.int_{what}").fetchall()
        for shop in SHOPS:
            staged = connection.execute(f"DESCRIBE staging.stg_{shop}__{what}").fetchall()
            assert [column for column in staged if column in united] == united, shop


def test_the_page_the_report_and_other_tools_are_known_to_use_the_marts(for_duckdb):
    exposures = left(for_duckdb / "-".join(SHOPS))["exposures"].values()
    assert {exposure["name"] for exposure in exposures} == {
        "bi_tools", "console_deliveries", "console_overview", "report",
    }  # fmt: skip
    assert {exposure["owner"]["name"] for exposure in exposures} == {"data team"}
    without_olist = left(for_duckdb / "orders")["exposures"].values()
    assert "console_deliveries" not in {exposure["name"] for exposure in without_olist}

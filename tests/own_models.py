"""A dbt project of a few models, for tests of how models are built: quicker than the bundled one, and free to break."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orderlake.lake import Lake

_BUNDLED: Final = Path(__file__).parents[1] / "src" / "orderlake" / "dbt"
_IDENTITY: Final = "['order_id', 'line_number', '_load_id', '_source_file', '_source_row', '_version']"
FILES: Final[Mapping[str, str]] = {
    "dbt_project.yml": """\
name: own
profile: another
model-paths: [models]
macro-paths: [macros]
models:
  own:
    staging: {+schema: staging, +materialized: view}
    marts: {+incremental_strategy: append, +table_type: "{{ 'iceberg' if target.type == 'athena' else none }}"}
data_tests: {own: {+store_failures: "{{ target.type == 'duckdb' }}", +schema: failures}}
""",
    "models/sources.yml": """\
sources:
  - {name: lake, schema: "{{ var('source_schema', 'lake') }}", tables: [{name: orders}, {name: order_lines}]}
models:
  - name: fct_lines
    description: What was sold
    config: {meta: {grain: one row per line of an order, unique_key: [order_id, line_number]}}
    columns: [{name: product_id, data_tests: [not_null]}]
  - name: agg_daily
    columns: [{name: day, data_tests: [unique]}]
""",
    "models/staging/stg_lines.sql": "select * from {{ source('lake', 'order_lines') }}",
    "models/marts/fct_lines.sql": f"""\
{{{{ config(materialized='incremental', pre_hook="{{{{ forget_stale(ref('stg_lines'), {_IDENTITY}) }}}}") }}}}
select * from {{{{ ref('stg_lines') }}}} as source {{{{ only_new('source', {_IDENTITY}) }}}}
""",
    "models/marts/fct_heads.sql": """\
{{ config(materialized='table') }}
select orders.*, lines.units from {{ source('lake', 'orders') }} as orders
left join (select order_id, sum(quantity) as units from {{ ref('fct_lines') }} group by order_id) as lines
    on orders.order_id = lines.order_id
""",
    "models/marts/agg_daily.sql": """\
{{ config(materialized='table') }}
select order_date as day, count(*) as orders, sum(total_amount) as revenue
from {{ ref('fct_heads') }} group by order_date
""",
}


def own_models(lake: Lake, **changed: str) -> Path:
    """Give a lake's project these models; `changed` are other texts of files, by the stem of their names."""
    folder = lake.project.root / "dbt"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(changed.get(file.stem, text), "utf-8")
    (folder / "macros").mkdir(exist_ok=True)
    for macro in ("incremental.sql", "schemas.sql"):
        (folder / "macros" / macro).write_text((_BUNDLED / "macros" / macro).read_text("utf-8"), "utf-8")
    return folder


def rows(lake: Lake, mart: str) -> list[tuple[Any, ...]]:
    """The rows of a published mart, in an order of their own."""
    return sorted(lake.query(f"SELECT * FROM {mart}").rows, key=repr)


def current(lake: Lake) -> dict[str, Any]:
    """The pointer to what is published."""
    found: dict[str, Any] = json.loads((lake.project.lake / "marts" / "current.json").read_text("utf-8"))
    return found


def mart_files(lake: Lake) -> list[str]:
    """Every file below the folder of published marts, and every folder."""
    root = lake.project.lake / "marts"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))

"""What dbt leaves behind, as small as can be: a staging model, a fact, an aggregate, a test, a reader."""

from __future__ import annotations

from typing import Any


def _model(name: str, schema: str, sql: str, sources: list[str], columns: list[str], **more: Any) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "unique_id": f"model.o.{name}",
        "name": name,
        "alias": name,
        "database": "marts",
        "schema": schema,
        "compiled_code": sql,
        "depends_on": {"nodes": sources},
        "columns": {column: {"name": column} for column in columns},
        "config": {"meta": {}},
        **more,
    }


MANIFEST: dict[str, Any] = {
    "metadata": {"adapter_type": "duckdb"},
    "nodes": {
        "model.o.agg": _model(
            "agg",
            "marts",
            'select count(*) as n, sum(revenue) as revenue, max(order_key || revenue) as both from "marts"."marts".fct',
            ["model.o.fct"],
            ["n", "revenue", "both"],
            description="Sales by day.",
        ),
        "model.o.fct": _model(
            "fct",
            "marts",
            'with s as (select * from "marts"."staging"."stg") select order_key, revenue from s',
            ["model.o.stg"],
            ["order_key", "revenue"],
            config={"meta": {"grain": "one row per order"}},
        ),
        "model.o.stg": _model(
            "stg",
            "staging",
            'select cast(order_id as varchar) as order_key, total_amount as revenue from "marts"."lake"."orders"',
            ["source.o.lake.orders"],
            ["order_key", "revenue"],
        ),
        "test.o.unique": {
            "resource_type": "test",
            "unique_id": "test.o.unique",
            "name": "unique_fct_order_key",
            "depends_on": {"nodes": ["model.o.fct"]},
            "config": {"severity": "ERROR"},
            "test_metadata": {"name": "unique"},
        },
    },
    "sources": {
        "source.o.lake.orders": {
            "resource_type": "source",
            "unique_id": "source.o.lake.orders",
            "name": "orders",
            "identifier": "orders",
            "database": "marts",
            "schema": "lake",
            "columns": {},
        }
    },
    "exposures": {
        "exposure.o.board": {"name": "board", "label": "The board", "depends_on": {"nodes": ["model.o.agg"]}}
    },
}


def results(**statuses: str) -> dict[str, Any]:
    """What dbt tells of a build of it; a status by name, `success` by default."""
    nodes = {"model.o.stg": "stg", "model.o.fct": "fct", "test.o.unique": "unique", "model.o.agg": "agg"}
    return {
        "metadata": {"invocation_id": "1f0b6f6e-0000-4000-8000-000000000001", "generated_at": "2025-01-01T10:00:09.5Z"},
        "results": [
            {
                "unique_id": node,
                "status": statuses.get(name, "pass" if name == "unique" else "success"),
                "message": f"{name} says",
                "timing": []
                if statuses.get(name) == "skipped"
                else [
                    {
                        "name": "execute",
                        "started_at": f"2025-01-01T10:00:0{at}Z",
                        "completed_at": f"2025-01-01T10:00:0{at}.5Z",
                    }
                ],
                "adapter_response": {"rows_affected": 7} if name == "fct" else {},
            }
            for at, (node, name) in enumerate(nodes.items(), 1)
        ],
    }

"""The graph of a project: who is made from whom, with models and queries, and where each is drawn."""

import pytest

from orderlake.lineage.graph import Graph, Node, Question, graph
from orderlake.lineage.layout import HEIGHT, WIDTH, draw
from orderlake.lineage.upstream import Upstream, tables_of
from orderlake.wiring import bundled_pipelines, load_pipeline
from tests.unit.lineage.artifacts import MANIFEST

DECLARED = {"orders": {"order_id": "BIGINT", "total_amount": "DECIMAL(18,2)"}}


@pytest.fixture
def made():
    pipelines = [load_pipeline(bundled_pipelines()["orders"])]
    questions = [Question("daily", "By day", ("orders", "agg", "elsewhere"))]
    return graph(
        pipelines, MANIFEST, {"mine": "WITH x AS (SELECT * FROM orders) SELECT * FROM x JOIN fct USING (a)"}, questions
    )


def test_files_become_streams_tables_models_marts_and_answers(made):
    assert made.sources == {
        "files:orders.orders": [],
        "stream:orders.orders": ["files:orders.orders"],
        "table:orders": ["stream:orders.orders"],
        "table:order_lines": ["stream:orders.orders"],
        "table:orders_parquet_datalake": ["stream:orders.orders"],
        "staging:stg": ["table:orders"],
        "mart:fct": ["staging:stg"],
        "mart:agg": ["mart:fct"],
        "mart:mine": ["mart:fct", "table:orders"],
        "query:daily": ["table:orders", "mart:agg"],
        "exposure:board": ["mart:agg"],
    }
    assert made.nodes["mart:fct"].about == "one row per order"
    assert made.nodes["stream:orders.orders"].label == "orders"


def test_what_is_left_out_is_stepped_over(made):
    small = made.only(node for node in made.nodes if not node.startswith(("staging:", "stream:")))
    assert small.sources["mart:fct"] == ["table:orders"]
    assert small.sources["table:orders"] == ["files:orders.orders"]


def test_around_a_node_is_all_above_and_all_below_and_nothing_beside(made):
    assert made.around("mart:fct") == {
        "files:orders.orders",
        "stream:orders.orders",
        "table:orders",
        "staging:stg",
        "mart:fct",
        "mart:agg",
        "mart:mine",
        "query:daily",
        "exposure:board",
    }


def test_every_node_is_drawn_once_none_over_another_and_lines_go_forward(made):
    drawing = draw(made)
    boxes = {box.node.id: box for box in drawing.boxes}
    assert boxes.keys() == made.nodes.keys()
    for a in boxes.values():
        assert 0 <= a.x <= drawing.width - WIDTH
        assert 0 <= a.y <= drawing.height - HEIGHT
        for b in boxes.values():
            assert a is b or a.x != b.x or abs(a.y - b.y) >= HEIGHT
    assert len(drawing.lines) == sum(map(len, made.sources.values()))
    for line in drawing.lines:
        source, node = line.ends
        assert boxes[source].x < boxes[node].x
    assert boxes["query:daily"].x == boxes["exposure:board"].x == max(box.x for box in boxes.values())


def test_an_empty_graph_is_drawn_as_nothing():
    drawing = draw(Graph())
    assert (drawing.boxes, drawing.lines) == ((), ())


def test_a_long_label_is_cut():
    long = Graph()
    long.add(Node("table", "x" * 60, "x" * 60))
    (box,) = draw(long).boxes
    assert len(box.label) == 28
    assert box.label.endswith("…")


def test_columns_of_marts_are_traced_to_the_tables_that_were_loaded():
    upstream = Upstream(MANIFEST, DECLARED)
    assert upstream.columns("agg") == {
        "n": [],
        "revenue": [("fct", "revenue")],
        "both": [("fct", "order_key"), ("fct", "revenue")],
    }
    assert upstream.roots("agg", "revenue") == [("orders", "total_amount")]
    assert upstream.roots("agg", "both") == [("orders", "order_id"), ("orders", "total_amount")]
    assert upstream.roots("agg", "n") == []


def test_sql_that_cannot_be_read_has_no_columns_and_no_tables():
    broken = {"nodes": {"m": MANIFEST["nodes"]["model.o.agg"] | {"compiled_code": "SELECT FROM WHERE ("}}}
    assert Upstream(broken, {}).columns("agg") == {}
    assert tables_of("SELECT FROM WHERE (") == []

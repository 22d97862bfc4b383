"""Which pipeline a file belongs to: the pattern that spells out most of its name wins."""

from __future__ import annotations

import pytest

from orderlake.errors import ConfigError
from orderlake.model.pipeline import parse_pipeline
from orderlake.model.source import SourceObject
from orderlake.sources import stream_of
from orderlake.wiring import bundled_pipelines, load_pipeline


def pipeline(name, **patterns):
    table = {"columns": {"id": "bigint"}}
    sources = {
        source: {"match": match, "format": "json", "tables": {f"{name}_{source}": table}}
        for source, match in patterns.items()
    }
    return parse_pipeline({"pipeline": name, "sources": sources}, name)


def chosen(pipelines, name, named=None):
    found, stream = stream_of(pipelines, SourceObject(f"raw/{name}", f"/raw/{name}", 1, 1), named)
    return found.name, stream.name


@pytest.mark.parametrize(
    ("pattern", "name", "fit"),
    [
        ("*.json", "a.json", 5),
        ("*.json", "a.json.gz", None),
        ("*.json*", "a.json.gz", 5),
        ("*.JSON", "A.json", 5),
        ("order?.json", "order1.json", 10),
        ("order[0-9].json", "order1.json", 10),
        ("order[!]x].json", "order1.json", 10),
        ("order[]x].json", "order].json", 10),
        ("*", "anything", 0),
        (["*", "*.json", "orders*"], "orders.json", 6),
        (["*.csv", "*.xml"], "orders.json", None),
    ],
)
def test_the_fit_is_the_letters_that_the_closest_pattern_spells_out(pattern, name, fit):
    (stream,) = pipeline("p", s=pattern).streams
    assert stream.fit(name) == fit


def test_the_closest_pattern_wins_across_pipelines_whatever_their_order():
    wide, close = pipeline("a", s="*order*.json*"), pipeline("b", s="*shopify*.json*")
    assert (
        chosen([wide, close], "shopify_orders_2024.json")
        == chosen([close, wide], "shopify_orders_2024.json")
        == ("b", "s")
    )
    assert chosen([wide, close], "orders_2024.json") == ("a", "s")


def test_the_closest_pattern_wins_within_a_pipeline():
    assert chosen([pipeline("a", one="*.json", two="orders*.json")], "orders.json") == ("a", "two")


def test_of_equal_fits_the_first_pipeline_and_source_wins():
    first, second = pipeline("a", one="*ab*", two="*bc*"), pipeline("b", s="*cd*")
    assert chosen([first, second], "abcd") == ("a", "one")


def test_a_named_pipeline_is_asked_alone():
    pipelines = [pipeline("a", s="*shop_orders*"), pipeline("b", s="*shop*")]
    assert chosen(pipelines, "shop_orders.json", "b") == ("b", "s")


def test_a_file_that_fits_nothing_goes_to_the_only_source_there_is():
    assert chosen([pipeline("a", s="*.json")], "export.txt") == ("a", "s")
    two = [pipeline("a", s="*.json"), pipeline("b", s="*.csv")]
    assert chosen(two, "export.txt", "b") == ("b", "s")


def test_beside_the_pipeline_of_a_trial_a_file_goes_where_it_would_go_without_it():
    trial = pipeline("smoke", s="orderlake_smoke_*.json")
    assert chosen([pipeline("a", s="*.json"), trial], "export.txt") == ("a", "s")
    assert chosen([pipeline("a", s="*.json"), trial], "orderlake_smoke_1.json") == ("smoke", "s")
    assert chosen([trial], "orderlake_smoke_1.json") == ("smoke", "s")
    with pytest.raises(ConfigError, match="in one of a, b, or"):
        chosen([pipeline("a", s="*.json"), trial, pipeline("b", s="*.csv")], "export.txt")


def test_a_file_that_fits_nothing_is_refused_with_what_to_name():
    with pytest.raises(ConfigError, match="fits no pipeline: widen `match` in one of a, b, or"):
        chosen([pipeline("a", s="*.json"), pipeline("b", s="*.csv")], "export.txt")
    with pytest.raises(ConfigError, match=r"fits no file pattern of pipeline a \(\*.json, \*.csv\)"):
        chosen([pipeline("a", one="*.json", two="*.csv")], "export.txt")
    with pytest.raises(ConfigError, match="there is no pipeline 'c'; the project has a"):
        chosen([pipeline("a", s="*.json")], "export.txt", "c")
    with pytest.raises(ConfigError, match="orderlake init"):
        chosen([], "export.txt")


BUNDLED = {
    "orders_2024-01.json": "orders",
    "Orders.NDJSON": "orders",
    "raw-order-17.jsonl.gz": "orders",
    "shopify_orders_sample.json": "shopify",
    "shopify_order_update.json": "shopify",
    "orders-from-shopify.ndjson.gz": "shopify",
    "SHOPIFY_ORDER.JSON": "shopify",
    "olist_orders_dataset.csv": "olist",
    "olist_order_items_dataset_2018.csv.gz": "olist",
}


@pytest.mark.parametrize(("name", "expected"), BUNDLED.items())
def test_with_all_bundled_pipelines_a_file_goes_to_its_own(name, expected):
    pipelines = [load_pipeline(file) for file in bundled_pipelines().values()]
    assert chosen(pipelines, name)[0] == expected
    assert chosen(list(reversed(pipelines)), name)[0] == expected

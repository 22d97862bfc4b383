"""A contract is read from a pipeline file, and what is wrong with it is said where."""

from __future__ import annotations

import pytest
import yaml

from orderlake.errors import ConfigError
from orderlake.model.contract import Contract, FoundColumn
from orderlake.model.found import column_name, kept_levels, with_found
from orderlake.model.pipeline import Pipeline, parse_pipeline

TEXT = """
pipeline: p
sources:
  s:
    match: "*.json"
    format: json
    tables:
      orders: {columns: {id: bigint, quantity: int}}
      lines: {rows: lines, columns: {id: bigint, line: int from lines.$position, pieces: int from lines.pieces}}
"""


def pipeline(top: object = None, own: object = None, text: str = TEXT) -> Pipeline:
    document = yaml.safe_load(text)
    if top is not None:
        document["contract"] = top
    if own is not None:
        document["sources"]["s"]["contract"] = own
    return parse_pipeline(document, "file.yaml")


def contract(top: object = None, own: object = None, text: str = TEXT) -> Contract:
    return pipeline(top, own, text).streams[0].contract


def test_without_a_contract_all_is_as_it_ever_was():
    assert contract() == Contract("discard_value", "evolve", "discard_row")
    rows = TEXT.replace("json", "csv").split("      lines")[0]
    assert contract(text=rows) == Contract("discard_value", "freeze", "discard_row")


def test_one_mode_stands_for_all_three():
    assert contract(own="freeze") == Contract("freeze", "freeze", "freeze")


def test_a_source_says_only_where_it_differs_from_the_file():
    assert contract("discard_row", {"new": "rescue"}) == Contract("rescue", "discard_row", "discard_row")
    assert contract({"types": "freeze"}, "evolve") == Contract("evolve", "evolve", "evolve")


@pytest.mark.parametrize(
    ("top", "own", "said"),
    [
        ("frozen", None, "contract: 'frozen' is none of evolve, freeze"),
        (None, {"fields": "freeze"}, "sources.s.contract: unknown fields; a contract tells of new, missing, types"),
        (None, {"types": "rescue"}, "sources.s.contract.types: 'rescue' is none of"),
        (None, "rescue", "only new fields can be rescued: {new: rescue}"),
        (None, {"new": None}, "sources.s.contract.new: None is none of"),
        (None, ["freeze"], "sources.s.contract: "),
    ],
)
def test_a_wrong_contract_is_named_with_its_place(top, own, said):
    with pytest.raises(ConfigError) as error:
        contract(top, own)
    assert str(error.value).startswith("file.yaml: ")
    assert said in str(error.value)


def test_elements_need_an_iceberg_table_to_be_kept_in():
    plain = TEXT.replace("{rows: lines,", "{rows: lines, format: parquet,")
    with pytest.raises(ConfigError, match="elements of lines need an iceberg table with `rows: lines`"):
        contract(own={"new": "rescue"}, text=plain)
    assert contract(own={"new": "freeze"}, text=plain).new == "freeze"


def test_a_contract_is_part_of_a_pipelines_meaning():
    assert pipeline().fingerprint != pipeline(own={"new": "rescue"}).fingerprint
    assert pipeline("freeze").fingerprint == pipeline(own="freeze").fingerprint


def test_where_types_evolve_whole_numbers_have_room_from_the_start():
    orders, lines = pipeline(own={"types": "evolve"}).streams[0].tables
    assert [column.type.name for column in orders.columns] == ["bigint", "bigint"]
    assert [column.type.name for column in lines.columns] == ["bigint", "int", "bigint"]


def test_what_a_record_holds_belongs_to_its_own_table_and_what_an_element_holds_to_that_of_the_list():
    stream = pipeline(own={"new": "rescue"}).streams[0]
    assert [kept_levels(stream, spec) for spec in stream.tables] == [[()], [("lines",)]]
    only_lines = TEXT.replace("      orders: {columns: {id: bigint, quantity: int}}\n", "")
    (stream,) = pipeline(own={"new": "rescue"}, text=only_lines).streams
    assert kept_levels(stream, stream.tables[0]) == [(), ("lines",)]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("giftWrap", "gift_wrap"),
        ("Order Notes", "order_notes"),
        ("_id", "id_new"),
        ("2nd", "n2nd"),
        ("größe", "gr_e"),
        ("€", "field"),
        ("quantity", "quantity_new"),
        ("HTMLBody", "html_body"),
    ],
)
def test_a_found_column_is_called_by_its_path_alone(path, named):
    assert column_name(pipeline().streams[0].tables[0], path) == named


def test_spellings_of_one_field_share_a_column():
    stream = with_found(pipeline(own="evolve").streams[0], {(): ["gift_wrap", "giftWrap"], ("lines",): ["lines.color"]})
    orders, lines = stream.tables
    assert orders.found == (FoundColumn("gift_wrap", ("giftWrap", "gift_wrap")),)
    assert lines.found == (FoundColumn("color", ("lines.color",)),)

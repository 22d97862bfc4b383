"""Where a record comes from and why it is as it is: over loads that superseded, repeated, and set aside."""

from __future__ import annotations

import json
import os

import pytest

from orderlake import Lake
from orderlake.cli import main
from orderlake.errors import ConfigError, NotFoundError
from orderlake.explain import versions
from tests.reference import NOON, SECOND, new_lake, order, put, written

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        yield opened


def load(lake, name, records, at):
    written(lake, lake.project.raw / name, records, at)
    return next(report for report in lake.run() if report.source == f"raw/{name}")


def only(explanation):
    (entity,) = explanation.entities
    return entity


def test_a_record_is_told_with_its_file_position_line_load_rows_and_text(lake):
    report = load(lake, "orders_1.json", [order(7, "A"), order(17, "A", "B")], NOON)
    entity = only(lake.explain("17"))
    standing = entity.standing.record
    assert (standing.source, standing.number, standing.line, standing.load_id) == (
        "raw/orders_1.json",
        2,
        1,
        report.load_id,
    )
    assert json.loads(standing.text) == order(17, "A", "B")
    assert {rows.table: len(rows.rows) for rows in entity.rows} == {
        "orders": 1,
        "order_lines": 2,
        "orders_parquet_datalake": 2,
    }
    assert entity.lost == ()


def test_versions_that_lost_are_found_in_the_files_that_still_lie_there(lake):
    load(lake, "orders_1.json", [order(17, "A"), order(18, "A")], NOON)
    load(lake, "orders_3.json", [order(17, "A", total="30.00"), order(17, "A", total="40.00")], NOON + 3 * SECOND)
    load(lake, "orders_2.json", [order(17, "A", total="20.00")], NOON + 2 * SECOND)
    load(lake, "orders_4.json", [order(17, "A", total="40.00")], NOON + 4 * SECOND)
    entity = only(lake.explain("17"))
    assert (entity.standing.record.source, entity.standing.record.number) == ("raw/orders_3.json", 2)
    assert entity.standing.confirmed_by == "raw/orders_4.json"
    assert [(lost.named, lost.fate, lost.by) for lost in entity.lost] == [
        ("record 1 of raw/orders_1.json", "replaced", "record 2 of raw/orders_3.json"),
        ("record 1 of raw/orders_3.json", "superseded", "record 2 of raw/orders_3.json"),
        ("record 1 of raw/orders_2.json", "superseded", "record 2 of raw/orders_3.json"),
        ("record 1 of raw/orders_4.json", "duplicate", "record 2 of raw/orders_3.json"),
    ]
    assert entity.unseen == ()


def test_only_files_that_may_hold_a_version_are_opened(lake):
    for at in range(1, 6):
        load(lake, f"orders_{at}.json", [order(at, "A")], NOON + at * SECOND)
    load(lake, "orders_9.json", [order(3, "A", total="20.00")], NOON + 9 * SECOND)
    entity = only(lake.explain("3"))
    assert (entity.looked_into, [lost.source for lost in entity.lost]) == (2, ["raw/orders_3.json"])


def test_what_could_not_be_looked_into_is_said(lake, monkeypatch):
    load(lake, "orders_1.json", [order(17, "A")], NOON)
    load(lake, "orders_2.json", [order(17, "A", total="20.00")], NOON + SECOND)
    load(lake, "orders_3.json", [order(17, "A", total="30.00")], NOON + 2 * SECOND)
    (lake.project.raw / "orders_1.json").unlink()
    os.utime(lake.project.raw / "orders_3.json", ns=(NOON, NOON))
    entity = only(lake.explain("17"))
    assert {one.reason: one.files for one in entity.unseen} == {
        "it has changed since it was loaded": ("raw/orders_3.json",),
        "it is not there any more": ("raw/orders_1.json",),
    }
    assert [(lost.source, lost.fate, lost.by) for lost in entity.lost] == [
        ("raw/orders_2.json", "replaced", "record 1 of raw/orders_3.json")
    ]
    monkeypatch.setattr(versions, "_BYTES", 10)
    assert ("raw/orders_2.json",) in [one.files for one in only(lake.explain("17")).unseen]


def test_records_of_the_key_in_quarantine_are_told_with_their_status(lake):
    load(lake, "orders_1.json", [order(17, "A", day="no day"), order(170, "A", day="none"), order(18)], NOON)
    entity = only(lake.explain("17"))
    assert entity.standing is None
    assert [(one["position"], one["field"], one["status"]) for one in entity.set_aside] == [(1, "order_date", "open")]
    lake.fix("raw/orders_1.json", 1, json.dumps(order(17, "A")))
    entity = only(lake.explain("17"))
    assert [one["status"] for one in entity.set_aside] == ["fixed"]
    assert entity.standing.record.source.startswith("raw/mended/")


def test_a_file_that_no_load_has_taken_is_named_when_it_holds_the_key(lake):
    load(lake, "orders_1.json", [order(1, "A")], NOON)
    (lake.project.raw / "orders_2.json").write_text('[{"order_id": 17, ')
    lake.run()
    put(lake.project.raw / "orders_3.json", [order(18, "A")], NOON)
    ((file, why),) = lake.explain("17").waiting
    assert file == "raw/orders_2.json"
    assert why.startswith("it was rejected: ")
    assert lake.explain("18").waiting == (("raw/orders_3.json", "it was not loaded yet"),)


def test_a_key_that_is_nowhere_says_where_it_was_looked_for(lake, capsys):
    load(lake, "orders_1.json", [order(1, "A")], NOON)
    assert main(["explain", "--project", str(lake.project.root), "17"]) == 66
    said = capsys.readouterr().err
    for word in ("order_id", "orders, order_lines", "quarantine", "raw/", "1 file"):
        assert word in said


@pytest.fixture
def olist(tmp_path):
    with Lake.init(tmp_path / "olist", ["olist"]) as opened:
        raw = opened.project.raw
        items = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n"
        row = "o1,{n},p,s,2024-01-05 10:00:00,{price},1.00\n"
        for at, price in enumerate(("1.00", "2.00")):
            file = raw / f"olist_order_items_dataset_{at}.csv"
            file.write_text(items + row.format(n=1, price=price) + row.format(n=2, price=price))
            os.utime(file, ns=(NOON + at * SECOND, NOON + at * SECOND))
            opened.run()
        yield opened


@pytest.mark.parametrize("key", [["o1,2"], ["o1", "2"], ["order_id=o1", "order_item_id=2"]])
def test_a_composite_key_is_given_by_its_parts_or_by_name(olist, key):
    entity = only(olist.explain(*key, table="olist_order_items_dataset"))
    record = entity.standing.record
    assert (record.source, record.number, record.line) == ("raw/olist_order_items_dataset_1.csv", 2, 3)
    assert [lost.named for lost in entity.lost] == ["record 2 of raw/olist_order_items_dataset_0.csv"]


def test_what_no_key_can_be_is_refused_with_the_keys_there_are(olist):
    with pytest.raises(ConfigError, match=r"olist\.order_items: order_id, order_item_id"):
        olist.explain("a", "b", "c")
    with pytest.raises(NotFoundError, match="there is no pipeline 'nope'"):
        olist.explain("1", pipeline="nope")
    with pytest.raises(NotFoundError, match="there is no table 'nope'"):
        olist.explain("1", table="nope")


def test_the_command_line_tells_it_as_text_and_as_json(lake, capsys):
    load(lake, "orders_1.json", [order(17, "A")], NOON)
    load(lake, "orders_2.json", [order(17, "A", total="20.00")], NOON + SECOND)
    root = str(lake.project.root)
    assert main(["explain", "--project", root, "17"]) == 0
    said = capsys.readouterr().out
    assert "from       record 1 of raw/orders_2.json, line 1" in said
    assert "replaced   record 1 of raw/orders_1.json" in said
    assert "stood until record 1 of raw/orders_2.json came" in said
    assert main(["explain", "--project", root, "order_id=17", "--json"]) == 0
    (entity,) = json.loads(capsys.readouterr().out)["entities"]
    assert entity["standing"]["record"]["source"] == "raw/orders_2.json"


def test_versions_are_ordered_by_the_declared_sequence(tmp_path):
    def sequenced(text):
        declared = text.replace("key: order_id", "key: order_id\n    sequence_by: updated_at", 1)
        return declared.replace("total_amount: money", "total_amount: money\n          updated_at: bigint", 1)

    with new_lake(tmp_path, sequenced) as lake:
        load(lake, "orders_1.json", [order(17, "A", updated_at=9)], NOON)
        load(lake, "orders_2.json", [order(17, "A", updated_at=5, total="20.00")], NOON + SECOND)
        entity = only(lake.explain("17"))
        assert (entity.sequence, entity.standing.version) == ("updated_at", 9)
        assert [(lost.version, lost.fate) for lost in entity.lost] == [(5, "superseded")]


def test_a_version_whose_load_was_rolled_back_is_told_as_such_and_what_was_put_back_stands(lake):
    first = load(lake, "orders_1.json", [order(17, "A"), order(18, "A")], NOON)
    second = load(lake, "orders_2.json", [order(17, "A", total="20.00"), order(17, "A", total="30.00")], NOON + SECOND)
    assert main(["rollback", "--project", str(lake.project.root), second.load_id, "--yes"]) == 0
    undone = lake.loads()[-1].load_id
    entity = only(lake.explain("17"))
    record = entity.standing.record
    assert (record.source, record.load_id, record.load.load_id) == ("raw/orders_1.json", undone, first.load_id)
    assert json.loads(record.text)["order_id"] == 17
    assert {(lost.named, lost.fate, lost.by) for lost in entity.lost} == {
        ("record 1 of raw/orders_2.json", "rolled_back", undone),
        ("record 2 of raw/orders_2.json", "rolled_back", undone),
    }
    assert main(["rollback", "--project", str(lake.project.root), second.load_id, "--undo", "--yes"]) == 0
    entity = only(lake.explain("17"))
    assert (entity.standing.record.source, len(entity.lost)) == ("raw/orders_2.json", 2)
    assert "rolled_back" not in {lost.fate for lost in entity.lost}

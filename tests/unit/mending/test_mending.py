"""A quarantined record is mended as a file of its own: once, in its place among versions, and with nothing stored."""

import gzip
import json
import os
from dataclasses import replace

import pytest

from orderlake import Lake
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError, DataError, NotFoundError
from orderlake.mending.mend import Mender
from orderlake.wiring import Backends
from tests.reference import NOON, SECOND, new_lake, order, put


def bad(number, **more):
    return order(number, "P1", day="never", **more)


def good(number, total="10.00", **more):
    return json.dumps(order(number, "P1", total=total, **more))


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        yield opened


@pytest.fixture
def one_bad(lake):
    put(lake.project.raw / "orders.json", [order(1), bad(2), order(3)], NOON)
    lake.run()
    return lake


def totals(lake):
    return {number: str(total) for number, total in lake.query("SELECT order_id, total_amount FROM orders").rows}


def test_a_fixed_record_is_loaded_and_its_quarantine_closed(one_bad):
    done = one_bad.fix("raw/orders.json", 2, good(2, "7.00"))
    assert (done.outcome, done.is_closed, done.is_new) == ("loaded", True, True)
    assert totals(one_bad) == {1: "10.00", 2: "7.00", 3: "10.00"}
    (row,) = one_bad.quarantine()
    assert (row["source"], row["position"], row["status"], row["mended"]) == (
        "raw/orders.json",
        2,
        "fixed",
        done.mended,
    )
    assert one_bad.verify().ok
    assert {report.status for report in one_bad.run()} == {"unchanged"}


def test_the_mended_file_is_of_the_time_of_its_file_and_of_its_stream(one_bad):
    done = one_bad.fix("raw/orders.json", 2, good(2))
    file = one_bad.project.root / done.mended
    assert NOON < file.stat().st_mtime_ns < NOON + SECOND // 1000
    assert file.name == "orders.json"
    assert json.loads(file.read_text()) == [json.loads(good(2))]
    assert not list(file.parent.glob(".part-*"))


def test_a_record_mended_late_does_not_outdo_a_newer_version_of_its_order(one_bad):
    put(one_bad.project.raw / "orders_later.json", [order(2, total="99.00")], NOON + SECOND)
    one_bad.run()
    done = one_bad.fix("raw/orders.json", 2, good(2, "7.00"))
    assert (done.outcome, done.is_closed) == ("superseded", True)
    assert totals(one_bad)[2] == "99.00"
    assert one_bad.quarantine()[0]["status"] == "fixed"
    assert one_bad.verify().ok


def test_a_record_mended_does_not_outdo_a_later_record_of_its_own_file(lake):
    put(lake.project.raw / "orders.json", [bad(2), order(2, total="5.00")], NOON)
    lake.run()
    assert lake.fix("raw/orders.json", 1, good(2, "7.00")).outcome == "superseded"
    assert totals(lake) == {2: "5.00"}


def test_a_record_mended_outdoes_an_earlier_record_of_its_own_file(lake):
    put(lake.project.raw / "orders.json", [order(2, total="5.00"), bad(2)], NOON)
    lake.run()
    assert lake.fix("raw/orders.json", 2, good(2, "7.00")).outcome == "loaded"
    assert totals(lake) == {2: "7.00"}


def test_the_same_text_twice_is_loaded_once_and_another_text_wins(one_bad):
    first = one_bad.fix("raw/orders.json", 2, good(2, "7.00"))
    again = one_bad.fix("raw/orders.json", 2, good(2, "7.00"))
    assert (again.is_new, again.outcome, again.load_id) == (False, "loaded", first.load_id)
    other = one_bad.fix("raw/orders.json", 2, good(2, "8.00"))
    assert (other.is_new, other.outcome, other.mended) == (True, "loaded", first.mended)
    assert totals(one_bad)[2] == "8.00"
    assert len(one_bad.loads()) == 3
    assert one_bad.verify().ok


def test_a_file_that_was_mended_and_removed_is_mended_once_more(one_bad):
    first = one_bad.fix("raw/orders.json", 2, good(2, "7.00"))
    (one_bad.project.root / first.mended).unlink()
    assert one_bad.quarantine()[0]["status"] == "fixed"
    one_bad.fix("raw/orders.json", 2, good(2, "8.00"))
    assert totals(one_bad)[2] == "8.00"


def test_a_record_that_is_still_bad_stays_open_with_its_new_reason_and_text(one_bad):
    text = json.dumps(order(2, "P1", total="much"))
    done = one_bad.fix("raw/orders.json", 2, text)
    assert (done.outcome, done.is_closed, done.field) == ("quarantined", False, "total_amount")
    (row,) = one_bad.quarantine()
    assert (row["status"], row["field"], row["reason"]) == ("open", "total_amount", done.reason)
    assert json.loads(row["record"]) == json.loads(text)
    assert one_bad.draft("raw/orders.json", 2) == row["record"]
    assert one_bad.verify().ok
    assert one_bad.fix("raw/orders.json", 2, good(2)).outcome == "loaded"
    assert one_bad.quarantine()[0]["status"] == "fixed"


def test_a_replay_loads_a_record_once_its_pipeline_takes_it(tmp_path):
    with new_lake(tmp_path, lambda text: text.replace("total_amount: money", "total_amount: money required")) as strict:
        put(strict.project.raw / "orders.json", [{**order(2, "P1"), "total_amount": None}], NOON)
        strict.run()
        first = strict.replay("raw/orders.json", 1)
        assert (first.outcome, first.is_new) == ("quarantined", True)
        assert strict.replay("raw/orders.json", 1).is_new is False
    pipeline = tmp_path / "pipelines" / "orders.yaml"
    pipeline.write_text(pipeline.read_text().replace("total_amount: money required", "total_amount: money"))
    with Lake(tmp_path) as changed:
        done = changed.replay("raw/orders.json", 1)
        assert (done.outcome, done.is_new) == ("loaded", True)
        assert changed.query("SELECT total_amount FROM orders").rows == ((None,),)


def test_a_replay_of_a_fixed_record_leaves_it_fixed(one_bad):
    fixed = one_bad.fix("raw/orders.json", 2, good(2))
    again = one_bad.replay("raw/orders.json", 2)
    assert (again.outcome, again.is_new, again.load_id) == ("loaded", False, fixed.load_id)
    assert one_bad.quarantine()[0]["status"] == "fixed"


def test_a_newer_version_of_the_file_replaces_what_was_set_aside(one_bad):
    put(one_bad.project.raw / "orders.json", [order(1), bad(4)], NOON + SECOND)
    one_bad.run()
    assert [(row["status"], row["version"]) for row in one_bad.quarantine()] == [
        ("replaced", NOON),
        ("open", NOON + SECOND),
    ]
    assert one_bad.fix("raw/orders.json", 2, good(4, "4.00")).outcome == "loaded"
    assert [row["status"] for row in one_bad.quarantine()] == ["replaced", "fixed"]
    assert one_bad.fix("raw/orders.json", 2, good(2, "2.00"), NOON).outcome == "loaded"
    assert [row["status"] for row in one_bad.quarantine()] == ["fixed", "fixed"]
    assert totals(one_bad) == {1: "10.00", 2: "2.00", 3: "10.00", 4: "4.00"}


def test_each_record_stands_once_however_often_its_file_came(one_bad):
    for tick in (1, 2):
        put(one_bad.project.raw / "orders.json", [bad(4), bad(5)], NOON + tick * SECOND)
        one_bad.run()
    one_bad.replay("raw/orders.json", 1)
    put(one_bad.project.raw / "mended" / "notes" / "orders.json", [order(8)], NOON)
    put(one_bad.project.raw / "mended" / "abc-1" / "orders.json", [order(9)], NOON)
    one_bad.run()
    assert [(row["version"] - NOON, row["position"], row["status"]) for row in one_bad.quarantine()] == [
        (0, 2, "replaced"),
        (SECOND, 1, "replaced"),
        (SECOND, 2, "replaced"),
        (2 * SECOND, 1, "open"),
        (2 * SECOND, 2, "open"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"order_id": 2,\n "order_date" "x"}', "Expecting ':' delimiter, at line 2, column 15"),
        ("[]", "a record is one object"),
        ('{"order_id": 2} {"order_id": 3}', "Extra data, at line 1, column 17"),
        ('{"order_id": NaN}', "no word NaN"),
        ('{"order_id": "\ud800"}', "lone surrogate"),
        ("", "Expecting value, at line 1, column 1"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_before_anything_is_written(one_bad, text, said):
    with pytest.raises(DataError, match=said):
        one_bad.fix("raw/orders.json", 2, text)
    assert not (one_bad.project.raw / "mended").exists()


def test_a_record_that_is_not_there_is_not_found(one_bad):
    with pytest.raises(NotFoundError, match="no record 1 of"):
        one_bad.fix("raw/orders.json", 1, good(1))


def test_a_mended_record_is_mended_by_its_original(one_bad):
    done = one_bad.replay("raw/orders.json", 2)
    with pytest.raises(ConfigError, match="mended record itself"):
        one_bad.fix(done.mended, 1, good(2))


def test_money_is_not_rounded_on_the_way(one_bad):
    text = good(2).replace('"10.00"', "12345678901234.10")
    one_bad.fix("raw/orders.json", 2, text)
    assert totals(one_bad)[2] == "12345678901234.10"


def test_a_name_that_only_fits_by_hand_is_replaced_by_one_that_fits(tmp_path):
    lake = Lake.init(tmp_path, ["orders", "shopify"])
    put(tmp_path / "elsewhere" / "export.txt", [bad(2)], NOON)
    lake.run([tmp_path / "elsewhere" / "export.txt"], pipeline="orders")
    done = lake.fix("elsewhere/export.txt", 1, good(2))
    assert (done.outcome, done.mended.rsplit("/", 1)[1]) == ("loaded", "order.json")
    lake.close()


def test_the_mended_record_of_a_packed_file_is_plain(lake):
    file = lake.project.raw / "orders.json.gz"
    file.write_bytes(gzip.compress(json.dumps([bad(2)]).encode()))
    lake.run()
    done = lake.fix("raw/orders.json.gz", 1, good(2))
    assert (done.outcome, done.mended.rsplit("/", 1)[1]) == ("loaded", "orders.json")


def test_a_key_that_is_called_like_an_envelope_is_no_envelope(tmp_path):
    lake = Lake.init(tmp_path, ["shopify"])
    (tmp_path / "raw" / "shopify.json").write_text('[{"id": "x", "orders": [{"id": 5}]}]')
    lake.run()
    done = lake.fix("raw/shopify.json", 1, '{"id": "still none", "orders": [{"id": 5}]}')
    assert (done.outcome, done.field) == ("quarantined", "id")
    lake.close()


# --- CSV --------------------------------------------------------------------------------------------------------------

ITEMS = """
pipeline: items
sources:
  items:
    match: ["*items*.csv"]
    format: csv
    key: [order_id, item]
    tables:
      items:
        columns: {order_id: string, item: int, price: money, note: string}
  loose:
    match: ["*loose*.csv"]
    format: csv
    tables:
      loose:
        columns: {price: money}
"""
HEAD = "order_id;item;price;note"


@pytest.fixture
def csv_lake(tmp_path):
    with Lake.init(tmp_path, ["orders"]) as lake:
        (tmp_path / "pipelines" / "orders.yaml").unlink()
        (tmp_path / "pipelines" / "items.yaml").write_text(ITEMS)
        write_csv(lake, f"{HEAD}\na;1;2.50;ok\nb;1;cheap;so so\n")
    with Lake(tmp_path) as lake:
        lake.run()
        yield lake


def write_csv(lake, text, name="items.csv", mtime=NOON, encoding="utf-8"):
    path = lake.project.raw / name
    path.write_bytes(text.encode(encoding))
    os.utime(path, ns=(mtime, mtime))


def items(lake):
    rows = lake.query("SELECT order_id, item, price, note FROM items ORDER BY ALL").rows
    return [(order_id, item, str(price), note) for order_id, item, price, note in rows]


def test_a_row_is_mended_under_the_header_of_its_file(csv_lake):
    assert csv_lake.draft("raw/items.csv", 2) == f"{HEAD}\nb;1;cheap;so so"
    done = csv_lake.fix("raw/items.csv", 2, 'b;1;3.00;"a;b"')
    assert done.outcome == "loaded"
    assert items(csv_lake) == [("a", 1, "2.50", "ok"), ("b", 1, "3.00", "a;b")]
    assert (csv_lake.project.root / done.mended).read_text() == f'{HEAD}\nb;1;3.00;"a;b"\n'
    assert csv_lake.verify().ok


def test_a_row_may_bring_a_header_of_its_own(csv_lake):
    write_csv(csv_lake, f"{HEAD}\nz;1;1.00;new\n", mtime=NOON + SECOND)
    with pytest.raises(DataError, match=r"header of raw/items\.csv is needed"):
        csv_lake.fix("raw/items.csv", 2, "b;1;3.00;x")
    assert csv_lake.fix("raw/items.csv", 2, "note,price,item,order_id\nx,3.00,1,b").outcome == "loaded"
    assert ("b", 1, "3.00", "x") in items(csv_lake)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("b;1;3.00", "the row has 3 fields, the header 4"),
        ("b;1;3.00;x\nc;1;3.00;y", "this has 2 rows beside the header"),
        ("", "this has 0 rows"),
        ('b;1;3.00;"x', "not CSV: unexpected end of data, at line 2"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(csv_lake, text, said):
    with pytest.raises(DataError, match=said):
        csv_lake.fix("raw/items.csv", 2, text)


def test_a_row_of_an_old_encoding_is_mended_in_utf8(csv_lake):
    write_csv(csv_lake, "order_id;item;price;note;größe\nö;1;dear;ä;1\n", "old_items.csv", encoding="cp1252")
    csv_lake.run()
    assert csv_lake.draft("raw/old_items.csv", 1) == "order_id;item;price;note;größe\nö;1;dear;ä;1"
    assert csv_lake.fix("raw/old_items.csv", 1, "ö;1;4.00;ä;1").outcome == "loaded"
    assert ("ö", 1, "4.00", "ä") in items(csv_lake)


def test_a_later_row_of_the_same_key_is_not_outdone(csv_lake):
    write_csv(csv_lake, f"{HEAD}\nq;1;?;first\nq;1;2.00;second\n", "more_items.csv")
    csv_lake.run()
    assert csv_lake.fix("raw/more_items.csv", 1, "q;1;1.00;first").outcome == "superseded"


def test_files_without_a_key_are_corrected_as_a_whole(csv_lake):
    write_csv(csv_lake, "price\nx\n1.00\n", "loose.csv")
    csv_lake.run()
    with pytest.raises(ConfigError, match="has no key"):
        csv_lake.fix("raw/loose.csv", 1, "2.00")


# --- where it cannot be done ------------------------------------------------------------------------------------------


def test_a_lake_on_aws_says_why_it_mends_nothing(one_bad):
    project = one_bad.project
    there = replace(
        project,
        aws=AwsSettings("shop", "eu-central-1", "s3://b/raw", "s3://b/lake", "s3://b/pipelines", "table", "database"),
    )
    mender = Mender(Backends(there), ask=one_bad.query, load=one_bad.load)
    with pytest.raises(ConfigError, match="versions of objects count there by when they arrived"):
        mender.fix("s3://b/raw/orders.json", 2, good(2))
    with pytest.raises(ConfigError, match="cannot mend"):
        mender.draft("s3://b/raw/orders.json", 2)


def test_a_file_system_that_keeps_whole_seconds_is_named(one_bad, monkeypatch):
    utime = os.utime

    def coarse(path, *, ns):
        utime(path, ns=tuple(time // SECOND * SECOND for time in ns))

    monkeypatch.setattr("orderlake.mending.files.os.utime", coarse)
    with pytest.raises(ConfigError, match="does not keep times of files to the microsecond"):
        one_bad.fix("raw/orders.json", 2, good(2))
    assert not [each for each in (one_bad.project.raw / "mended").rglob("*") if each.is_file()]


def test_a_pipeline_that_is_gone_is_named(one_bad):
    pipeline = one_bad.project.pipelines / "orders.yaml"
    pipeline.write_text(pipeline.read_text().replace("pipeline: orders", "pipeline: other"))
    with Lake(one_bad.project.root) as changed, pytest.raises(ConfigError, match="no pipeline orders"):
        changed.fix("raw/orders.json", 2, good(2))


def test_who_loads_first_makes_no_difference(one_bad):
    """A watcher may load the mended file before the one who wrote it does."""
    backends = one_bad._backends

    def slow(sources):
        one_bad.run()
        return one_bad.load(sources)

    done = Mender(backends, one_bad.query, slow).fix("raw/orders.json", 2, good(2, "7.00"))
    assert (done.outcome, done.is_new) == ("loaded", True)
    assert totals(one_bad)[2] == "7.00"

"""Files as they come, through a whole lake: what loads, what is set aside, what is rejected."""

from __future__ import annotations

import gzip
import json
import resource
import sys

import pytest
import zstandard

from orderlake import Lake

pytestmark = pytest.mark.e2e


def order(number, **more):
    return {
        "order_id": number,
        "order_date": "2024-01-05",
        "total_amount": 10.5,
        "customer": {"customer_id": 1, "name": "Zoë"},
        "products": [
            {"product_id": "P1", "price": 0.1, "quantity": 3},
            {"product_id": "P2", "price": 2, "quantity": 1},
        ],
    } | more


@pytest.fixture
def lake(tmp_path):
    with Lake.init(tmp_path / "lake", ["orders"]) as opened:
        yield opened


def load(lake, **files):
    """Load files by name and content; the reports by name."""
    paths = []
    for name, content in files.items():
        path = lake.project.root / "raw" / f"{name}_orders.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    reports = lake.run(paths)
    assert all(report.conserved for report in reports)
    return {report.source.rsplit("/", 1)[-1].removesuffix("_orders.json"): report for report in reports}


def ids(lake):
    return [number for (number,) in lake.query("SELECT order_id FROM orders ORDER BY order_id").rows]


def test_every_form_of_a_file_loads_in_one_run(lake):
    pair = [order(1), order(2)]
    texts = {
        "array": json.dumps(pair),
        "lines": "\r\n".join(json.dumps(order(number)) for number in (3, 4)),
        "pretty": json.dumps(order(5), indent=2),
        "utf16": json.dumps([order(6)], ensure_ascii=False).encode("utf-16"),
        "latin": json.dumps([order(7)], ensure_ascii=False).encode("latin-1"),
        "gzip": gzip.compress(json.dumps([order(8)]).encode()),
        "zstd": zstandard.compress(json.dumps([order(9)]).encode()),
        "bom": b"\xef\xbb\xbf" + json.dumps([order(10)]).encode(),
    }
    reports = load(lake, **texts)
    assert {name: (report.status, report.loaded) for name, report in reports.items()} == {
        name: ("loaded", 2 if name in ("array", "lines") else 1) for name in texts
    }
    assert ids(lake) == list(range(1, 11))
    assert [row for (row,) in lake.query("SELECT _source_row FROM orders ORDER BY order_id").rows] == [1, 2, 1, 2] + [
        1
    ] * 6
    assert lake.query("SELECT DISTINCT customer_name FROM orders").rows == (("Zoë",),)
    assert lake.query("SELECT count(*), sum(price * quantity) FROM order_lines").rows == ((20, 23),)


def test_nothing_loads_as_nothing(lake):
    reports = load(lake, empty=b"", blank=b" \n", bom=b"\xef\xbb\xbf", array="[]", gzip=gzip.compress(b""))
    assert {(report.status, report.read) for report in reports.values()} == {("loaded", 0)}
    assert ids(lake) == []
    assert load(lake, next=json.dumps([order(1)]))["next"].loaded == 1
    assert ids(lake) == [1]


def test_what_cannot_be_read_is_rejected_and_the_rest_loads(lake):
    whole = gzip.compress(json.dumps([order(1)]).encode())
    reports = load(
        lake,
        a_cut_gzip=whole[:-9],
        b_cut_array='[{"order_id": 1}, {"order_',
        c_good=json.dumps([order(2)]),
        d_zstd=zstandard.compress(b"[]" * 99)[:-3],
        e_csv="order_id,total\n1,2\n",
        f_bytes=bytes(range(256)),
        g_good=json.dumps([order(3)]),
    )
    assert {name: report.reason for name, report in reports.items()} == {
        "a_cut_gzip": "the gzip data ends too early: was the upload cut short?",
        "b_cut_array": "the JSON ends at byte 26 inside a record or its list: was the upload cut short?",
        "c_good": None,
        "d_zstd": "the zstd data ends too early: was the upload cut short?",
        "e_csv": "is not JSON: it begins with 'order_id,total\\n1,2\\n'",
        "f_bytes": reports["f_bytes"].reason,
        "g_good": None,
    }
    assert reports["f_bytes"].status == "rejected"
    assert ids(lake) == [2, 3]


def test_a_bad_record_is_set_aside_with_its_place_and_the_rest_loads(lake):
    lines = [json.dumps(order(number)) for number in range(1, 7)]
    lines[1] = '{"order_id": 2, "order_date": oops}'
    lines[2] = json.dumps(order("A-17"))
    lines[3] = json.dumps(order(4, total_amount=10.005))
    lines[4] = json.dumps(order(5, order_date="10/2/2017"))
    report = load(lake, lines="\n".join(lines))["lines"]
    assert (report.read, report.loaded, report.quarantined) == (6, 2, 4)
    assert ids(lake) == [1, 6]
    assert lake.query("SELECT position, line, field, reason FROM quarantine ORDER BY position").rows == (
        (2, 2, "", "is not valid JSON: Expecting value at character 31"),
        (3, 3, "order_id", "is not a whole number of 64 bits"),
        (4, 4, "total_amount", "is not a number with at most 2 decimals and 16 digits before them"),
        (5, 5, "order_date", "is not a date like 2024-12-31"),
    )
    assert lake.query("SELECT record FROM quarantine WHERE position = 3").rows == ((lines[2],),)


def test_an_array_that_lacks_a_bracket_in_the_middle_loses_one_record(lake):
    lines = [json.dumps(order(number)) for number in range(1, 6)]
    lines[2] = lines[2][:-3]
    report = load(lake, array="[\n" + ",\n".join(lines) + "\n]\n")["array"]
    assert (report.read, report.loaded, report.quarantined) == (5, 4, 1)
    assert lake.query("SELECT position, line FROM quarantine").rows == ((3, 4),)


def test_the_same_record_is_a_duplicate_whatever_its_neighbours_and_its_file_are_like(lake):
    records = [order(1), order(2, total_amount=1234567890123456.78), order(820982911946154508)]
    load(lake, first=json.dumps(records))
    again = json.dumps(records, indent=3) + '\n{"order_id": "bad"}'
    report = load(lake, second=again)["second"]
    assert (report.read, report.duplicate, report.quarantined) == (4, 3, 1)
    assert ids(lake) == [1, 2, 820982911946154508]


def test_an_order_without_products_has_a_row_and_no_lines(lake):
    bare = order(4)
    del bare["products"]
    records = [order(1), order(2, products=[]), order(3, products=None), bare, order(5, products={"product_id": "P9"})]
    assert load(lake, bare=json.dumps(records))["bare"].loaded == 5
    assert ids(lake) == [1, 2, 3, 4, 5]
    assert lake.query("SELECT order_id, count(*) FROM order_lines GROUP BY 1 ORDER BY 1").rows == ((1, 2), (5, 1))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["array", "lines", "text"])
def test_one_record_of_100_mb_does_not_load_and_takes_bounded_memory(lake, form):
    path = lake.project.root / "raw" / "huge_orders.json"
    block = b"x" * (1 << 20)
    with path.open("wb") as file:
        file.write({"array": b'[{"order_id": 1, "note": "', "lines": b'{"a": 1}\n{"note": "', "text": b'{"x": ['}[form])
        for _ in range(100):
            file.write(b'"y",' * (1 << 18) if form == "text" else block)
        file.write({"array": b'"}]', "lines": b'"}\n', "text": b"0]}"}[form])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bad, good = lake.run([path]), load(lake, good=json.dumps([order(2)]))["good"]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert good.loaded == 1
    if form == "lines":  # it has an end, so it is set aside alone
        ((line, reason),) = lake.query("SELECT line, reason FROM quarantine WHERE position = 2").rows
        assert (bad[0].read, line) == (2, 2)
    else:
        reason = bad[0].reason
        assert bad[0].status == "rejected"
    assert "longer than 16 MiB" in reason
    assert grown < 300 << 20

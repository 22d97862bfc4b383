"""`orderlake infer`: from files of any shape to tables, without a line of YAML written by hand."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from orderlake import Lake
from orderlake.cli.main import main
from orderlake.config import PROJECT_FILE
from orderlake.errors import ConfigError, NotFoundError, UnreadableObjectError
from orderlake.generate import generate
from orderlake.infer import infer
from orderlake.model.pipeline import parse_pipeline
from orderlake.samples import sample_paths

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(tmp_path):
    """Give an empty project."""
    root = tmp_path / "shop"
    (root / "raw").mkdir(parents=True)
    (root / PROJECT_FILE).write_text("raw: raw\n")
    with Lake(root, "local") as lake:
        yield lake


def put(lake, name, content):
    """Write a file into raw/."""
    path = lake.project.raw / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(draft, table):
    """The declared types of a table, by column, formats behind."""
    (found,) = (each for stream in draft.pipeline.streams for each in stream.tables if each.name == table)
    return {
        column.name: column.type.name
        if column.type.name != "decimal"
        else f"decimal({column.type.precision},{column.type.scale})"
        for column in found.columns
    }


def drafted(tmp_path, content, name="orders.json"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return infer([path])


def keys(draft):
    return {stream.name: [".".join(column.path) for column in stream.key] for stream in draft.pipeline.streams}


@pytest.mark.parametrize("kind", ["orders", "olist", "shopify"])
def test_what_is_drafted_from_the_samples_loads_all_of_them(kind, lake):
    draft = lake.infer(sample_paths(kind))
    lake.add(draft)
    reports = lake.run(sample_paths(kind))
    assert {(report.status, report.quarantined) for report in reports} == {("loaded", 0)}
    assert {report.pipeline for report in reports} == {draft.name}
    assert lake.verify().ok


@pytest.mark.parametrize(
    ("kind", "form"), [("orders", "json"), ("orders", "ndjson"), ("olist", "csv"), ("shopify", "ndjson")]
)
def test_what_is_drafted_from_generated_files_loads_all_of_them(kind, form, lake, tmp_path):
    files = generate(kind, 400, 11, tmp_path / "out", form)
    draft = lake.infer(files)
    lake.add(draft)
    reports = lake.run(files)
    assert all(report.read == report.loaded for report in reports), draft.text
    assert lake.verify().ok


def test_the_bundled_orders_pipeline_is_found_again(tmp_path):
    draft = infer(sample_paths("orders"))
    assert keys(draft) == {"orders": ["order_id"]}
    assert columns(draft, "orders") == {
        "order_id": "bigint",
        "order_date": "date",
        "total_amount": "decimal(18,2)",
        "customer_id": "bigint",
        "customer_name": "string",
        "customer_email": "string",
        "customer_address": "string",
    }
    assert list(columns(draft, "order_products"))[:3] == ["order_id", "order_date", "line_number"]
    assert {str(table.partition and table.partition.name) for s in draft.pipeline.streams for table in s.tables} == {
        "order_date_month"
    }


def test_an_array_within_an_array_becomes_a_table_that_knows_the_rows_above(tmp_path):
    orders = [
        {"id": 1, "items": [{"id": 7, "taxes": [{"rate": 0.19, "amount": 1.9}]}, {"id": 8, "taxes": []}]},
        {"id": 2, "items": []},
    ]
    draft = drafted(tmp_path, json.dumps(orders))
    assert list(columns(draft, "order_item_taxes")) == ["order_id", "item_id", "line_number", "rate", "amount"]
    assert columns(draft, "order_item_taxes")["rate"] == "decimal(18,6)"


def test_a_date_that_could_be_either_stays_text_with_both_ways_to_paste(tmp_path):
    draft = drafted(tmp_path, '[{"id": 1, "when": "03/04/2024"}, {"id": 2, "when": "05/06/2024"}]')
    assert columns(draft, "orders")["when_"] == "string"
    for way in ("%d/%m/%Y", "%m/%d/%Y"):
        (line,) = re.findall(rf'# (when_: .*"{way}".*)', draft.text)
        pasted = re.sub(r"(?m)^( +)when_: .*$", rf"\g<1>{line}", draft.text, count=1)
        (stream,) = parse_pipeline(yaml.safe_load(pasted), "pasted").streams
        assert stream.tables[0].columns[1].format == way
    assert draft.questions == ["orders.when_: 03/04/2024: day first or month first? Nothing in the data decides"]


@pytest.mark.parametrize(("day", "way"), [("13/04/2024", "%d/%m/%Y"), ("04/13/2024", "%m/%d/%Y")])
def test_one_date_that_can_only_be_read_one_way_decides_for_all(day, way, tmp_path):
    draft = drafted(tmp_path, json.dumps([{"id": 1, "day": "03/04/2024"}, {"id": 2, "day": day}]))
    assert draft.pipeline.streams[0].tables[0].columns[1].format == way
    assert f"such as {day}" in draft.text


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        ("1.5, 2", "decimal(18,2)"),
        ("1.255, 2", "decimal(18,4)"),
        ("1.123456, 2", "decimal(18,6)"),
        ("123456789012345678.25, 1", "decimal(38,2)"),
        ("10.200000000000001, 1", "decimal(18,2)"),
        ('"10.50", "1.00"', "decimal(18,2)"),
        ("10, 20", "decimal(18,2)"),
        ('1.5, "n/a"', "string"),
    ],
)
def test_money_is_a_decimal_that_holds_every_digit_or_text_and_never_a_float(values, declared, tmp_path):
    lines = "\n".join(f'{{"id": {at}, "price": {value}}}' for at, value in enumerate(values.split(", ")))
    assert columns(drafted(tmp_path, lines), "orders")["price"] == declared


@pytest.mark.parametrize(
    ("field", "values", "declared"),
    [
        ("id", "820982911946154508, 820982911946154509", "id"),
        ("id", "98209829119461545080, 1", "string"),
        ("id", '"007", "8"', "string"),
        ("id", '1, "A-17"', "string"),
        ("zip", "10115, 80331", "string"),
        ("paid", "true, false", "boolean"),
        ("at", '"2024-01-05T10:00:00Z", "2024-01-05T10:00:00+02:00"', "timestamptz"),
        ("at", '"2024-01-05T10:00:00", "2024-01-06 11:00:00"', "timestamp"),
        ("at", '"2024-01-05T10:00:00", "2024-01-06 11:00:00Z"', "string"),
        ("day", '"2024-01-05", "2024-01-06"', "date"),
        ("day", '"2024-01-05", "2024-02-30"', "string"),
        ("lat", "52.5200066, 13.404954", "double"),
    ],
)
def test_each_kind_of_value_has_its_type(field, values, declared, tmp_path):
    lines = "\n".join(f'{{"n": {at}, "{field}": {value}}}' for at, value in enumerate(values.split(", ")))
    found = columns(drafted(tmp_path, lines), "orders")
    assert found.get(field, found.get(f"order_{field}")) == declared


def test_names_become_snake_case_and_know_where_they_are_from(lake):
    record = {
        "Order ID": 1,
        "order_id": 2,
        "größe": "x",
        "订单": "y",
        "select": 1,
        "a.b": 1,
        "": 2,
        "x: #y": 3,
        "t ": 4,
    }
    file = put(lake, "names.json", json.dumps([record]))
    draft = lake.infer([file])
    lake.add(draft)
    assert list(columns(draft, "names")) == ["order_id", "order_id_2", "grosse", "field_4", "select_", "x_y", "t"]
    lake.run()
    assert lake.query("SELECT order_id, order_id_2, grosse, field_4, select_, x_y, t FROM names").rows == (
        (1, 2, "x", "y", 1, 3, 4),
    )
    assert "a.b: a name with a dot in it cannot be read" in draft.text


def test_fields_that_differ_only_in_case_have_one_column_and_a_comment(tmp_path):
    draft = drafted(tmp_path, '[{"id": 1, "Total": 1.5}, {"id": 2, "Total": 2, "total": 7}]')
    assert [column.path for column in draft.pipeline.streams[0].tables[0].columns] == [("id",), ("Total",)]
    assert "# total: differs only in letter case" in draft.text


def test_a_key_of_two_columns_is_found(tmp_path):
    rows = "store,receipt_no,total\n" + "".join(f"{store},{no},1.00\n" for store in "AB" for no in range(1, 8))
    assert keys(drafted(tmp_path, rows, "sales.csv")) == {"sales": ["store", "receipt_no"]}


def test_versions_of_one_order_are_told_by_the_time_of_their_change(lake):
    versions = [{"id": 1, "updated_at": f"2024-01-0{day}T00:00:00Z", "total": day} for day in (1, 2)]
    file = put(lake, "orders.json", json.dumps([*versions, {"id": 2, "updated_at": "2024-01-01T00:00:00Z"}]))
    draft = lake.infer([file])
    lake.add(draft)
    (report,) = lake.run()
    assert (report.loaded, report.superseded, report.quarantined) == (2, 1, 0)
    assert lake.query("SELECT total FROM orders WHERE order_id = 1").rows == ((Decimal(2),),)


def test_records_without_a_key_are_taken_file_by_file(tmp_path):
    draft = drafted(tmp_path, '[{"v": 1.5, "t": "a"}, {"v": 1.5, "t": "a"}]')
    assert keys(draft) == {"orders": []}
    assert "no key: nothing tells records apart" in draft.text


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("orders.json", "", "holds no record"),
        ("orders.csv", "\n\n", "holds no record"),
        ("orders.json", "[[1], [2]]", "holds no record"),
        ("orders.json", '[{"lines": []}]', "no record has a field"),
        ("orders.json", "hello", "is not JSON"),
        ("orders.csv", "1,2024-01-01\n2,2024-01-02\n", "has no header"),
        ("orders.csv", b"PAR1\0\0\1", "is a Parquet file"),
        ("orders.csv", b"a,b\n\0\1,2\n", "neither JSON nor CSV"),
        ("orders.json.gz", gzip.compress(b'[{"id": 1}]', mtime=0)[:12], "ends too early"),
    ],
)
def test_a_file_that_tells_nothing_says_why(name, content, says, tmp_path):
    with pytest.raises(UnreadableObjectError, match=says) as caught:
        drafted(tmp_path, content, name)
    assert name in str(caught.value)


def test_a_header_without_rows_is_enough_for_a_draft(tmp_path):
    assert columns(drafted(tmp_path, "no;name\n", "people.csv"), "people") == {"no": "string", "name": "string"}


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="there is no file"):
        infer([tmp_path / "orders.json"])
    with pytest.raises(NotFoundError, match="is a folder"):
        infer([tmp_path])
    with pytest.raises(ConfigError, match="copy it to this machine"):
        infer([Path("s3://shop/orders.json")])


def test_five_hundred_columns_load(lake):
    file = put(lake, "wide.json", json.dumps([{f"c{at}": at * 1.5 for at in range(500)} for _ in range(5)]))
    lake.add(lake.infer([file]))
    (report,) = lake.run()
    assert (report.loaded, report.quarantined) == (5, 0)


def test_records_that_are_none_are_named_and_the_rest_load(lake):
    file = put(lake, "orders.ndjson", '{"id": 1}\n{"id":\n{"id": 3}\n')
    draft = lake.infer([file])
    assert draft.broken == 1
    assert "line 2 is not valid JSON" in draft.text
    lake.add(draft)
    (report,) = lake.run()
    assert (report.loaded, report.quarantined) == (2, 1)


def test_a_name_that_is_taken_is_refused_with_another_and_a_guessed_one_gives_way(tmp_path):
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        file = put(lake, "orders.json", '[{"id": 1, "lines": [{"sku": "x"}]}]')
        with pytest.raises(ConfigError, match="orders_2 would be free"):
            lake.infer([file], "orders")
        draft = lake.infer([file])
        assert draft.name == "orders_2"
        assert [remark.split(":")[0] for remark in draft.remarks] == [
            "orders is taken, so this one is called orders_2; --name gives it another name",
            "orders.json fits pipeline orders too",
        ]
        lake.add(draft)
        (report,) = lake.run()
        assert report.pipeline == "orders_2"
        with pytest.raises(ConfigError, match="is there already"):
            lake.add(draft)


def test_of_a_large_file_a_part_is_looked_at_in_bounded_memory(tmp_path):
    file = tmp_path / "orders.json"
    rng = random.Random(1)
    with file.open("w") as out:
        out.write("[")
        for number in range(300_000):
            late = "x" if number > 250_000 else 1
            record = {"order_id": number, "day": "2024-01-05", "note": f"{rng.random()}" * 20, "mixed": late}
            out.write(("," if number else "") + json.dumps(record))
        out.write("]")
    # Linux counts in ru_maxrss what the process held before it became this one: all of the tests' own memory.
    code = """
import re, resource, sys
from pathlib import Path
from orderlake.infer import infer

print(infer([Path(sys.argv[1])]).text)
status = Path("/proc/self/status")
peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1] if status.exists() else None
print(peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True, timeout=120
    )
    assert "places further on" in done.stdout
    assert re.search(r"mixed: string .*of several types", done.stdout)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stderr) * unit < 500 << 20
    assert file.stat().st_size > 100 << 20


def test_the_command_prints_the_draft_and_adds_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("sale_id,day,amount\n1,2024-01-05,3.50\n2,2024-01-06,4.00\n")
    assert main(["infer", "sales.csv"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["pipeline"] == "sales"
    assert main(["init", "shop", "--pipeline", "orders"]) == 0
    assert main(["--project", "shop", "infer", "sales.csv", "--add"]) == 0
    assert "orderlake run sales.csv" in capsys.readouterr().out
    assert main(["--project", "shop", "run", "sales.csv"]) == 0
    assert main(["--project", "shop", "infer", "sales.csv", "--add", "--name", "sales"]) == 78
    assert main(["infer", "sales.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["tables"][0]["table"] == "sales"
    assert main(["infer", "sales.csv", "--out", "draft.yaml"]) == 0
    assert main(["infer", "sales.csv", "--out", "draft.yaml"]) == 78
    assert (tmp_path / "draft.yaml").read_text().startswith("# Drafted by")

"""`verify` finds what was done to a lake behind its back, and names the table and the file."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest

from orderlake import Lake
from orderlake.querying import query_tables
from orderlake.samples import sample_paths


@pytest.fixture
def lake(tmp_path):
    bad = tmp_path / "orders_bad.json"
    bad.write_text('[{"order_id": 9001, "order_date": "2024-02-30"}, {"order_id": 9002, "order_date": "2024-02-03"}]')
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        lake.run([*sample_paths("orders"), bad])
        yield lake


def live(lake: Lake, table: str) -> list[Path]:
    found = query_tables(lake._backends)
    return [Path(file) for one in found if one.name == table for file in one.files]


def test_a_lake_left_alone_is_ok_and_every_record_is_counted(lake):
    report = lake.verify()
    assert report.findings == ()
    assert report.ok
    assert (report.sources, report.records) == (3, 17)
    assert report.as_dict()["ok"] is True


@pytest.mark.parametrize("table", ["orders", "order_lines", "_index_orders", "quarantine"])
def test_a_deleted_file_is_named(lake, table):
    if table == "_index_orders":
        file = next((lake.project.lake / table / "data").glob("*.parquet"))
    else:
        file = live(lake, table)[0]
    file.unlink()
    findings = lake.verify().findings
    assert any(finding == f"{table}: the file {file} is gone" for finding in findings), findings


def test_a_file_with_other_bytes_is_named(lake):
    file = live(lake, "orders")[0]
    file.write_bytes(file.read_bytes() + b"x")
    (finding,) = lake.verify().findings
    assert str(file) in finding
    assert "bytes" in finding


def test_a_plain_file_whose_rows_were_doubled_is_found(lake):
    file = live(lake, "orders_parquet_datalake")[0]
    duckdb.execute(f"COPY (SELECT * FROM '{file}' UNION ALL SELECT * FROM '{file}') TO '{file}.new' (FORMAT parquet)")
    Path(f"{file}.new").replace(file)
    findings = lake.verify().findings
    assert any(finding.startswith(f"orders_parquet_datalake: the file {file} ") for finding in findings), findings
    assert any(finding.startswith("orders_parquet_datalake: has ") for finding in findings), findings


def test_a_plain_file_that_belongs_to_no_source_is_found(lake):
    file = live(lake, "orders_parquet_datalake")[0]
    copy = file.with_name("orders_ETL_20200101_000000_copy.parquet")
    copy.write_bytes(file.read_bytes())
    assert any(str(copy) in finding for finding in lake.verify().findings)


def test_a_load_whose_account_does_not_add_up_is_named(lake):
    database = sqlite3.connect(lake.project.state / "ledger.db")
    number, text = database.execute("SELECT number, report FROM loads WHERE source LIKE '%bad%'").fetchone()
    report = json.loads(text)
    report["quarantined"] = 0
    database.execute("UPDATE loads SET report = ? WHERE number = ?", (json.dumps(report), number))
    database.commit()
    database.close()
    findings = lake.verify().findings
    assert any("2 records were read, but 1 are accounted for" in finding for finding in findings), findings
    assert any(finding.startswith("quarantine: ") for finding in findings), findings


def test_tables_whose_index_is_empty_are_reported_and_not_a_crash(lake):
    database = sqlite3.connect(lake.project.state / "catalog.db")
    database.execute("DELETE FROM iceberg_tables WHERE table_name = '_index_orders'")
    database.commit()
    database.close()
    findings = lake.verify().findings
    assert any("the index does not know" in finding for finding in findings), findings

"""The console over a lake in buckets: the same pages, and looks that are few and cost little."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from orderlake import Lake
from orderlake.config import load_project
from orderlake.console.app import make_app
from orderlake.console.state import Console

pytestmark = pytest.mark.e2e


@pytest.fixture
def settings(aws):
    return aws.deploy()


@pytest.fixture
def put(aws, settings):
    """Put a file with one order into the bucket."""
    bucket, prefix = settings.raw.removeprefix("s3://").split("/", 1)

    def write(number):
        data = json.dumps([{"order_id": number, "order_date": "2024-01-05", "total_amount": 5}]).encode()
        aws.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/orders_{number}.json", Body=data)

    return write


@pytest.fixture
def lake(settings, tmp_path, put):
    with Lake.init(tmp_path / "shop", ["orders"]):
        project = replace(load_project(tmp_path / "shop"), aws=settings)
    put(1)
    with Lake.of(project) as opened:
        opened.run()
        yield opened


@pytest.fixture
def client(lake):
    with TestClient(make_app(Console(lake)), base_url="http://127.0.0.1:7373") as opened:
        yield opened


def test_its_pages_show_the_deployed_lake(client, settings):
    assert "orders_parquet_datalake" in client.get("/data").text
    table = client.get("/data/orders").text
    assert "2024-01" in table
    assert "order_date_month=" in table
    assert client.get("/data/orders_parquet_datalake").status_code == 200
    loads = client.get("/loads").text
    assert f"{settings.raw}/orders_1.json" in loads
    assert "Loading here costs $0" not in loads


def test_objects_that_no_load_has_taken_wait_and_the_command_says_where(client, put, lake):
    put(2)
    page = client.get("/loads").text
    assert "1 file waits" in page
    assert "--env aws run" in page
    lake.run()
    assert "file waits" not in client.get("/loads").text


def test_a_look_asks_for_little_and_sees_loads_and_files(lake, put, aws):
    console = Console(lake)
    looks = [console.look()]
    aws.faults.forget_calls()
    assert console.look() == looks[0]
    assert len(aws.faults.calls()) <= 6
    put(2)
    looks.append(console.look())
    lake.run()
    looks.append(console.look())
    assert len(set(looks)) == 3
    assert console.pulse._every >= 60
    console.close()

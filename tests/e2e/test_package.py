"""The built package: the same bytes from a checkout and from a wheel, whole on its own, at work in Lambda's limits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orderlake.deploy.package import LIMIT
from orderlake.deploy.trim import SERVICES
from tests.emulators.function import announcement, failures, put, sync_pipelines
from tests.emulators.package import TARGET, WHEELS, built
from tests.emulators.runtime import PYTHON, ROOT, InvocationError, Limits, Runtime, settings_environment, unavailable

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SAMPLE = ROOT / "src/orderlake/samples/orders/orders_sample.json"
INGEST = "orderlake.aws.ingest.handler"
WHY_NOT = unavailable()
needs_limits = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

_EVERYTHING = """
import importlib, pkgutil, sys
task = sys.argv[1]
sys.path.insert(0, task)
import orderlake
for module in pkgutil.walk_packages(orderlake.__path__, "orderlake."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as missing:  # whoever wants OpenLineage's events of a function adds the client to it
        tells = module.name.startswith(("orderlake.lineage.", "orderlake.telling."))
        if missing.name not in ("attr", "openlineage") or not tells:
            raise
import aws_lambda_powertools.tracing, sqlglot, yaml, zstandard
from orderlake.clients import client
for service in sys.argv[2:]:
    client(service, "eu-central-1")
outside = [
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and not file.startswith((task, sys.base_prefix))
]
print(outside)
"""

_APP = """
import os, shutil

def handler(event, context):
    if "megabytes" in event:
        kept = bytearray(event["megabytes"] << 20)
        kept[::4096] = b"x" * len(kept[::4096])
    if "write" in event:
        with open(event["write"], "wb") as file:
            file.write(bytes(event["bytes"]))
    return {"pid": os.getpid(), "disk": shutil.disk_usage("/tmp").total}
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return built(tmp_path_factory)


def test_a_package_has_room_to_spare_and_its_parts_are_all_of_it(package):
    found, task = package
    files = [file for file in task.rglob("*") if file.is_file()]
    assert found.unzipped == sum(file.stat().st_size for file in files) < LIMIT / 2
    assert {part.name for part in found.parts} > {"orderlake", "duckdb", "botocore", "fastavro"}
    assert not [file for file in files if file.suffix == ".pyi"]
    assert (task / "orderlake/aws/ingest.py").is_file()
    assert (task / "orderlake/pipelines/orders.yaml").is_file()


def test_an_installed_wheel_makes_the_same_package_as_a_checkout(package, tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    for name in ("src", "infra"):
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info", ".terraform")
        shutil.copytree(ROOT / name, checkout / name, ignore=skipped)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(checkout)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    command = [sys.executable, "-m", "orderlake", "package", "--json", "--arch", TARGET.architecture]
    command += ["--python", TARGET.python, "--out", str(tmp_path / "again.zip"), "--wheels", str(WHEELS)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    again = json.loads(said.stdout)
    assert again["sha256"] == package[0].sha256
    assert again["zipped"] == package[0].zipped
    assert {part["name"] for part in again["parts"]} == {part.name for part in package[0].parts}


def test_everything_imports_and_every_client_opens_from_the_package_alone(package, tmp_path):
    command = [PYTHON, "-E", "-s", "-S", "-c", _EVERYTHING, str(package[1]), *sorted(SERVICES)]
    said = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert said.stdout == "[]\n"


@needs_limits
def test_the_real_runtime_loads_a_file_within_512_mb_and_a_second_delivery_changes_nothing(package, tmp_path, aws):
    settings = aws.deploy()
    sync_pipelines(settings, "orders")
    landed = put(settings, "raw/2024/orders 2024+01 ü%.json", SAMPLE.read_bytes())
    heads = aws.client("dynamodb")
    with Runtime(package[1], INGEST, settings_environment(settings), tmp_path / "function") as function:
        answer, _ = function.invoke(announcement(landed))
        assert failures(answer) == []
        assert '"loaded":12' in function.log()
        committed = heads.scan(TableName=settings.table)["Items"]
        answer, _ = function.invoke(announcement(landed, landed, receives=2))
        assert failures(answer) == []
        assert '"status":"unchanged"' in function.log()
        assert function.resident_peak_mb() < 256
    tables = {table["Name"] for table in aws.client("glue").get_tables(DatabaseName=settings.database)["TableList"]}
    assert {"orders", "order_lines", "orders_parquet_datalake"} <= tables
    assert _heads(committed)
    assert _heads(heads.scan(TableName=settings.table)["Items"]) == _heads(committed)


@needs_limits
def test_a_function_killed_in_the_middle_leaves_a_lake_that_the_next_delivery_completes(package, tmp_path, aws):
    settings = aws.deploy()
    sync_pipelines(settings, "orders")
    event = announcement(put(settings, "raw/orders.json", SAMPLE.read_bytes()))
    with Runtime(package[1], INGEST, settings_environment(settings), tmp_path / "function") as function:
        function.invoke({"Records": []})
        function.kill()
        with pytest.raises(InvocationError, match="killed"):
            function.invoke(event)
        answer, _ = function.invoke(event)
        assert failures(answer) == []
        assert '"loaded":12' in function.log()


@needs_limits
def test_a_package_works_where_there_is_no_network(package, tmp_path):
    command = ["unshare", "--net", sys.executable, "-m", "tests.emulators.offline"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    said = subprocess.run(
        [*command, str(package[1]), str(tmp_path / "function")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr[-3000:]
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["interfaces"] == ["lo"]
    assert found["answers"] == [{"batchItemFailures": []}] * 2
    assert found["statuses"] == ["loaded", "unchanged"]


@pytest.fixture
def small(tmp_path):
    """A function that does as it is told, in 128 MB of memory and 32 MB of disk."""
    task = tmp_path / "task"
    task.mkdir()
    (task / "app.py").write_text(_APP)
    with Runtime(task, "app.handler", {}, tmp_path / "function", Limits(memory=128, disk=32)) as function:
        yield function


@needs_limits
def test_the_memory_limit_kills_a_function_and_the_next_event_starts_it_anew(small):
    first = small.invoke({"megabytes": 32})[0]["pid"]
    with pytest.raises(InvocationError, match="killed"):
        small.invoke({"megabytes": 256})
    assert small.invoke({})[0]["pid"] != first


@needs_limits
def test_the_disk_is_bounded_and_is_no_memory(small):
    assert small.invoke({})[0]["disk"] < 32 << 20
    with pytest.raises(InvocationError, match="No space left"):
        small.invoke({"write": "/tmp/large", "bytes": 40 << 20})
    assert small.resident_peak_mb() < 100


@needs_limits
def test_the_task_folder_is_read_only(small, tmp_path):
    with pytest.raises(InvocationError, match="Read-only"):
        small.invoke({"write": "module.py", "bytes": 1})
    assert [file.name for file in (tmp_path / "task").iterdir()] == ["app.py"]


def _heads(items: list[dict[str, dict[str, str]]]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items if item["pk"]["S"] == "head")


def test_a_package_names_what_its_bytes_are(package):
    found, _ = package
    assert len(found.sha256) == 64
    assert found.zipped == Path(found.path).stat().st_size

"""The dbt project that ships, run by dbt itself: compiled for both engines, or run on a DuckDB file."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest

import orderlake
from orderlake import Lake
from orderlake.generate import Kind
from orderlake.samples import sample_paths
from tests.reference import NOON, SECOND

MODELS: Final = Path(orderlake.__file__).parent / "dbt"
SHOPS: Final[tuple[Kind, ...]] = ("orders", "olist", "shopify")
SUBSETS: Final = tuple(chosen for size in (1, 2, 3) for chosen in combinations(SHOPS, size))
ENDS: Final = (*((shop,) for shop in SHOPS), SHOPS)
"""One pipeline, and all of them."""
_RUN: Final = """
import json, sys
from dbt.cli.main import dbtRunner
for words in json.load(sys.stdin):
    done = dbtRunner().invoke(words)
    if done.exception is not None:
        sys.exit(f"{words}: {done.exception}")
"""
"""Several commands in one process: dbt takes a second to start."""


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a folder's content once for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with Path(f"{shared}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "made").exists():
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            make(shared)
            (shared / "made").touch()
    return shared


def load_samples(lake: Lake) -> None:
    """Load the samples of all shops, each file newer than the one before."""
    for number, path in enumerate(path for shop in SHOPS for path in sample_paths(shop)):
        copy = Path(shutil.copyfile(path, lake.project.raw / path.name))
        os.utime(copy, ns=(NOON + number * SECOND,) * 2)
    lake.run()


def run_dbt(folder: Path, *commands: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Run commands of dbt with the profile in the folder; what failed is in what dbt leaves there."""
    common = ["--project-dir", str(MODELS), "--profiles-dir", str(folder), "--log-path", str(folder / "logs")]
    words = [["--no-send-anonymous-usage-stats", *command, *common] for command in commands]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DBT_", "AWS_", "PYTHONWARN"))}
    done = subprocess.run(
        [sys.executable, "-c", _RUN], check=False, input=json.dumps(words), capture_output=True, text=True,
        env=clean | {"DO_NOT_TRACK": "1"} | (environment or {}),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def pipelines(*chosen: str) -> list[str]:
    """The words that tell dbt which pipelines there are."""
    return ["--vars", json.dumps({"pipelines": list(chosen)})]


def write_profile(folder: Path, **outputs: dict[str, Any]) -> None:
    """Tell dbt where to build. JSON is YAML."""
    profile = {"orderlake": {"target": next(iter(outputs)), "outputs": outputs}}
    (folder / "profiles.yml").write_text(json.dumps(profile), "utf-8")


def on_duckdb(database: Path | str) -> dict[str, Any]:
    """A target of a profile: a DuckDB file."""
    return {"type": "duckdb", "path": str(database), "schema": "marts", "threads": 1}


def on_athena() -> dict[str, Any]:
    """A target of a profile: an Athena that is asked nothing."""
    return {
        "type": "athena", "region_name": "eu-central-1", "database": "awsdatacatalog", "schema": "marts", "threads": 1,
        "s3_staging_dir": "s3://bucket/staging/", "s3_data_dir": "s3://bucket/marts/",
    }  # fmt: skip


def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models of a manifest by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def left(target: Path, name: str = "manifest") -> dict[str, Any]:
    """What dbt left in a target folder."""
    found: dict[str, Any] = json.loads((target / f"{name}.json").read_text("utf-8"))
    return found

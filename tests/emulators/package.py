"""The Lambda package of this checkout, for this machine's Python, from the wheels that `make test` fetched."""

from __future__ import annotations

import fcntl
import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from orderlake.deploy.package import Package, Part, build
from orderlake.deploy.wheels import MACHINES, Target
from tests.emulators.runtime import ARCHITECTURE, ROOT

WHEELS = ROOT / ".venv-lambda" / "wheels"
TARGET = Target(
    ARCHITECTURE if ARCHITECTURE in MACHINES else "x86_64", f"{sys.version_info.major}.{sys.version_info.minor}"
)


def built(factory: pytest.TempPathFactory) -> tuple[Package, Path]:
    """The package and the folder that it was unzipped to: once a test session, for all its workers."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the wheels beside the tests are this machine's, and Lambda's are Linux's")
    if not WHEELS.is_dir():
        pytest.skip(f"there are no wheels in {WHEELS}: `make test` fetches them")
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "lambda-package"
    folder.mkdir(exist_ok=True)
    task, told = folder / "task", folder / "package.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            package = build(folder / "package.zip", TARGET, WHEELS)
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(task)
            said = {"sha256": package.sha256, "parts": [asdict(part) for part in package.parts]}
            told.write_text(json.dumps(said))
    said = json.loads(told.read_text())
    parts = tuple(Part(**part) for part in said["parts"])
    return Package(folder / "package.zip", TARGET, said["sha256"], parts, bytecode=True), task

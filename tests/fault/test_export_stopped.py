"""Exports that are stopped on the way, kindly or not: the old file stays, and the next export leaves nothing behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.reference import NOON, new_lake, order, written

pytestmark = pytest.mark.fault
SLOW = "SELECT i, md5(i::VARCHAR) AS h FROM range(400000000) AS t(i)"


@pytest.fixture
def project(tmp_path):
    with new_lake(tmp_path / "shop") as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
    return tmp_path


@contextmanager
def begun(project: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A long export that has begun to write its part, and that part; dead at the end, for it would fill the disk."""
    command = [sys.executable, "-m", "orderlake", "--project", f"{project}/shop", "export", "--csv", f"{project}/x.csv"]
    with subprocess.Popen(
        [*command, "--sql", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, part_of(process, project)
        finally:
            process.kill()


def part_of(process: "subprocess.Popen[str]", project: Path) -> Path:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        parts = [file for file in project.glob(".x.csv.part-*") if file.stat().st_size]
        if parts:
            return parts[0]
        assert process.poll() is None, process.communicate()
    pytest.fail("the export did not begin")


def test_an_export_that_is_interrupted_leaves_the_old_file_alone(project):
    (project / "x.csv").write_text("old")
    with begun(project) as (process, part):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said[:23]) == (130, "orderlake: interrupted;")
    assert (project / "x.csv").read_text() == "old"
    assert not part.exists()


def test_what_a_killed_export_leaves_is_swept_by_the_next_one(project):
    (project / "x.csv").write_text("old")
    with begun(project) as (process, part):
        process.kill()
        process.communicate(timeout=60)
    assert (project / "x.csv").read_text() == "old"
    assert part.exists()
    command = [sys.executable, "-m", "orderlake", "--project", f"{project}/shop", "export", "--csv", f"{project}/x.csv"]
    subprocess.run([*command, "--sql", "SELECT 1 AS a"], check=True, capture_output=True)
    assert (project / "x.csv").read_bytes() == b"a\r\n1\r\n"
    assert sorted(file.name for file in project.iterdir()) == ["shop", "x.csv"]

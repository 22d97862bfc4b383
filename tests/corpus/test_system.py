"""Files that the system makes bad: no permission, no file at all, another one a moment later, no room."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.errors import NotFoundError, TransientError, exit_code
from orderlake.kernel import plain as plain_module
from orderlake.kernel import stage
from orderlake.kernel.worker import Worker
from tests.corpus import unprivileged
from tests.corpus.case import Case
from tests.corpus.test_corpus import FIRST_ID, NEIGHBOURS, lake_of, load
from tests.fault.worker import ended, spawn

pytestmark = pytest.mark.fault

ODD = Case("the odd one", b'{"id": 1, "note": "before"}\n{"id": 2, "note": "before"}\n', ".json", 2)
AGAIN = b'{"id": 1, "note": "after"}\n{"id": 2, "note": "after"}\n{"id": 3, "note": "after"}\n'


@pytest.fixture
def lake(tmp_path):
    with lake_of(tmp_path / "lake") as opened:
        yield opened


def notes(lake: Lake) -> list[tuple[int, str]]:
    return list(lake.query(f"SELECT id, note FROM orders WHERE id < {FIRST_ID} ORDER BY id").rows)


def outcome(reports) -> tuple[str, int, str]:
    """The odd one's; the others are fine."""
    odd = reports.pop(ODD.file_name)
    assert [(report.status, report.loaded) for report in reports.values()] == [("loaded", 1)] * NEIGHBOURS
    assert odd.conserved
    return odd.status, odd.loaded, odd.reason or ""


def put(lake: Lake, data: bytes) -> None:
    (lake.project.raw / ODD.file_name).write_bytes(data)


def test_a_folder_named_like_a_file_is_looked_into(lake):
    folder = lake.project.raw / "orders.json"
    folder.mkdir()
    (folder / "one.json").write_bytes(ODD.data)
    assert [(report.source, report.loaded) for report in lake.run()] == [("raw/orders.json/one.json", 2)]
    assert lake.verify().findings == ()


def test_a_file_that_is_a_folder_by_the_time_it_is_read_is_rejected_alone(lake, monkeypatch):
    def turn(path: Path) -> None:
        path.unlink()
        path.mkdir()

    happening(monkeypatch, "read", turn)
    assert outcome(load(lake, ODD)) == ("rejected", 0, "is a folder by now: what is in it is loaded by its own name")
    assert lake.verify().findings == ()


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_rejected_alone_and_nobody_waits_for_it(lake, kind, monkeypatch):
    path = lake.project.raw / ODD.file_name
    if kind == "pipe":
        os.mkfifo(path)
    else:
        monkeypatch.chdir(lake.project.raw)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    case = Case("good", b"", ".json")
    reports = load(lake, case)
    reports.pop(case.file_name)
    status, loaded, reason = outcome(reports)
    assert (status, loaded) == ("rejected", 0)
    assert reason.startswith("is a pipe, a socket or a device, not a file")
    assert lake.verify().findings == ()


def test_links_that_lead_nowhere_are_passed_over_and_said_to_lead_nowhere_when_named(lake):
    raw = lake.project.raw
    (raw / "nowhere.json").symlink_to(raw / "missing.json")
    (raw / "circle.json").symlink_to(raw / "circle.json")
    assert outcome(load(lake, ODD)) == ("loaded", 2, "")
    assert len(lake.loads()) == NEIGHBOURS + 1
    for name in ("nowhere.json", "circle.json"):
        with pytest.raises(NotFoundError):
            lake.run([raw / name])


def test_a_link_to_a_file_loads(lake, tmp_path):
    (tmp_path / "elsewhere").write_bytes(ODD.data)
    (lake.project.raw / "link.json").symlink_to(tmp_path / "elsewhere")
    assert [report.loaded for report in lake.run()] == [2]


def test_a_file_that_may_not_be_read_is_rejected_alone_and_loads_once_it_may(lake):
    path = lake.project.raw / ODD.file_name
    load(lake, Case("first", b"", ".json"))
    path.write_bytes(ODD.data)
    (lake.project.raw / "good_later.json").write_bytes(b'{"id": 7}')
    path.chmod(0)
    command = [sys.executable, unprivileged.__file__, str(lake.project.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = {report["source"]: (report["status"], report["reason"]) for report in json.loads(done.stdout)}
    assert found[f"raw/{ODD.file_name}"] == ("rejected", "cannot be read: Permission denied")
    assert found["raw/good_later.json"] == ("loaded", None)
    path.chmod(0o600)
    assert {report.status for report in lake.run()} == {"loaded", "unchanged"}
    assert [number for number, _ in notes(lake)] == [1, 2, 7]
    assert lake.verify().findings == ()


def happening(monkeypatch, moment: str, change) -> None:
    """Have something happen to the odd file, once: when it is about to be `read`, once it is `plain`, or `staged`."""
    todo = [change]

    def happen(path: Path) -> None:
        if path.name == ODD.file_name and todo:
            todo.pop()(path)

    def plain(path, target, declared):
        if moment == "read":
            happen(path)
        found = plain_text(path, target, declared)
        if moment == "plain":
            happen(path)
        return found

    def run(worker, cursor, task):
        done = run_task(worker, cursor, task)
        if moment == "staged":
            for share in task.shares:
                happen(share.path)
        return done

    plain_text, run_task = plain_module.plain_text, Worker.run
    monkeypatch.setattr(stage, "plain_text", plain)
    monkeypatch.setattr(Worker, "run", run)


def grown(path: Path) -> None:
    path.write_bytes(AGAIN)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"id": 3, "note": "appended"}\n')


def shortened(path: Path) -> None:
    os.truncate(path, ODD.data.index(b"\n") + 1)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def replaced(path: Path) -> None:
    other = path.with_suffix(".part")
    other.write_bytes(AGAIN)
    other.replace(path)


@pytest.mark.parametrize("moment", ["read", "plain", "staged"])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (grown, [(1, "after"), (2, "after"), (3, "after")]),
        (replaced, [(1, "after"), (2, "after"), (3, "after")]),
        (appended, [(1, "before"), (2, "before"), (3, "appended")]),
        (shortened, [(1, "before")]),
        (emptied, []),
    ],
)
def test_a_file_that_changes_while_it_is_read_loads_as_it_became(lake, monkeypatch, moment, change, found):
    happening(monkeypatch, moment, change)
    assert outcome(load(lake, ODD)) == ("loaded", len(found), "")
    assert notes(lake) == found
    assert lake.verify().findings == ()
    assert {report.status for report in lake.run()} == {"unchanged"}


@pytest.mark.parametrize("moment", ["read", "plain", "staged"])
def test_a_file_that_vanishes_while_it_is_read_is_rejected_alone(lake, monkeypatch, moment):
    happening(monkeypatch, moment, Path.unlink)
    status, loaded, reason = outcome(load(lake, ODD))
    assert (status, loaded) == ("rejected", 0)
    assert "removed" in reason or "No such file" in reason
    put(lake, ODD.data)
    lake.run()
    assert [number for number, _ in notes(lake)] == [1, 2]
    assert lake.verify().findings == ()


@pytest.mark.parametrize("packed", [gzip.compress, bytes], ids=["gzip", "utf-16"])
def test_no_room_for_a_plain_copy_is_no_fault_of_the_file(tmp_path, packed):
    text = "\n".join(f'{{"id": {number}, "note": "{"x" * 100}"}}' for number in range(2000))
    with lake_of(tmp_path / "lake") as lake:
        put(lake, packed(text.encode("utf-8" if packed is gzip.compress else "utf-16")))
    status, said = ended(spawn(tmp_path / "lake", file_limit=100 << 10))
    assert (status, said["error"]) == (exit_code(TransientError()), "StorageUnavailableError")
    shutil.rmtree(tmp_path / "lake" / ".orderlake" / "work", ignore_errors=True)
    with Lake(tmp_path / "lake") as lake:
        assert [(report.status, report.loaded) for report in lake.run()] == [("loaded", 2000)]
        assert lake.verify().findings == ()

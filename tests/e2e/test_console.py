"""`orderlake console`: the installed command serves a lake, follows it, and ends when it is told to."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.ledger.tickets import turn
from orderlake.samples import sample_paths

pytestmark = pytest.mark.e2e
COMMAND = Path(sysconfig.get_path("scripts")) / "orderlake"
SOON = 60
LOOPBACK = "127.0.0.1"


class Served:
    """A console that runs: its process, its address, what it said first."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process, self.line = process, line
        self.address = re.findall(r"http://[\d.]+:\d+", line)[0]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=SOON) as answer:
            return str(answer.read().decode())

    def listen(self) -> Iterator[str]:
        """The data of each event that a page hears."""
        with urllib.request.urlopen(f"{self.address}/live", timeout=SOON) as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    yield line.decode()

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=SOON)
        return self.process.returncode, said


@contextmanager
def serving(root: Path, *words: str) -> Iterator[Served]:
    with subprocess.Popen(
        [COMMAND, "--project", root, "console", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, process.communicate()
            yield Served(process, line)
        finally:
            process.kill()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with Lake.init(tmp_path / "shop", ["orders"]) as lake:
        lake.run(sample_paths("orders")[:1])
    return tmp_path / "shop"


def test_it_says_where_it_is_and_what_it_may_do_and_serves_the_lake(shop):
    with serving(shop, "--port", "0") as served:
        assert re.fullmatch(r"shop is at http://127\.0\.0\.1:\d+, read-only; Ctrl-C ends it\n", served.line)
        assert "raw/" not in served.get("/data")
        assert "orders_sample.json" in served.get("/loads")


def test_it_listens_on_loopback_only(shop):
    with serving(shop, "--port", "0") as served:
        port = served.address.rpartition(":")[2]
        sockets = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
        bound = [line.split()[1] for line in sockets if line.split()[1].endswith(f":{int(port):04X}")]
        assert {address.partition(":")[0] for address in bound} == {"0100007F"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_well_however_many_pages_listen(shop, number):
    with serving(shop, "--port", "0") as served:
        pages = [served.listen() for _ in range(3)]
        for page in pages:
            assert next(page)
        started = time.monotonic()
        assert served.end(number) == (0, "")
        assert time.monotonic() - started < 4
        assert [list(page) for page in pages] == [[], [], []]
    assert not any((shop / ".orderlake" / "work").glob("*-query-*"))


def test_a_page_hears_of_what_another_command_loads(shop):
    with serving(shop, "--port", "0") as served:
        page = served.listen()
        first = next(page)
        (shop / "raw" / "orders_x.json").write_text(json.dumps([{"order_id": 1, "order_date": "2024-01-05"}]))
        assert next(page) != first
        assert "1 file waits" in re.sub(r"<[^>]+>", "", served.get("/loads"))
        with Lake(shop) as lake:
            lake.run()
        assert next(page)
        assert "orders_x.json" in served.get("/loads")


def test_with_write_it_loads_what_lands_and_finishes_the_load_in_hand(shop):
    with serving(shop, "--port", "0", "--write") as served:
        assert "read and write" in served.line
        (shop / "raw" / "orders_x.json").write_text(json.dumps([{"order_id": 1, "order_date": "2024-01-05"}]))
        with Lake(shop) as lake:
            deadline = time.monotonic() + SOON
            page = served.listen()
            while len(lake.loads()) < 2:
                assert time.monotonic() < deadline
                next(page)
        assert served.end() == (0, "")


def test_told_twice_it_does_not_wait_for_a_load_that_hangs(shop):
    """Another has the turn to commit, so the load in hand does not end; Ctrl-C waits for it, and again does not."""
    turns = shop / ".orderlake" / "turns" / "_index_orders"
    claims = shop / ".orderlake" / "claims"
    with serving(shop, "--port", "0", "--write") as served, turn(turns):
        (shop / "raw" / "orders_x.json").write_text(json.dumps([{"order_id": 1, "order_date": "2024-01-05"}]))
        deadline = time.monotonic() + SOON
        while not (claims.is_dir() and any(claims.iterdir())):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        served.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            served.process.wait(1)
        assert served.end()[0] == -signal.SIGINT
    with Lake(shop) as lake:
        assert [report.status for report in lake.run()] == ["loaded"]


def test_when_its_port_is_taken_it_takes_the_next_and_says_so(shop):
    with closing(socket.socket()) as other:
        try:
            other.bind((LOOPBACK, 7373))
            other.listen()
        except OSError:
            pass  # somebody else has it: the same to us
        with serving(shop) as served:
            assert "(port 7373 is taken)" in served.line
            assert not served.address.endswith(":7373")


def test_a_port_that_was_asked_for_and_is_taken_is_refused(shop):
    with closing(socket.socket()) as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [COMMAND, "--project", shop, "console", "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 78
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_scripts_are_told_as_json(shop):
    with serving(shop, "--port", "0", "--json") as served:
        told = json.loads(served.line)
        assert told == {"address": served.address, "project": "shop", "write": False}


def test_a_rebound_name_reads_nothing(shop):
    with serving(shop, "--port", "0") as served:
        asked = urllib.request.Request(f"{served.address}/data", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=SOON)
        assert refused.value.code == 403
        refused.value.close()


def test_the_history_tells_that_somebody_was_forgotten_and_not_of_a_file_with_no_records(shop: Path) -> None:
    with Lake(shop) as lake:
        lake.run(sample_paths("orders"))
        lake.forget(customers=["1"])
        (event,) = (report for report in lake.loads() if report.status == "forgotten")
    with serving(shop, "--port", "0") as console:
        for path in ("/loads?status=forgotten", f"/loads/{event.identity}"):
            page = console.get(path)
            assert "personal data was taken out of the tables" in page
            assert "0 B" not in page
            assert "records in" not in page
        assert "forgotten" not in console.get("/loads?status=loaded").split("<tbody>")[1]

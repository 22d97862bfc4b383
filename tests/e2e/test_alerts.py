"""Alerts, as they reach a server of this machine's and a program: once, without secrets, and never worth a load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import orderlake
from orderlake import Lake
from orderlake.alerts import alerter
from orderlake.alerts.record import Record
from orderlake.cli import main
from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.model.report import LoadReport
from tests.reference import NOON, SECOND, order, put

pytestmark = pytest.mark.e2e


class Server(ThreadingHTTPServer):
    """Answers each POST with the next of `answers`, the last of them for good; keeps what it was told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = [200]
        self.told: list[tuple[str, dict, dict]] = []
        self.slow = threading.Event()
        self.slow.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/services/T0/s3cret"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.append((self.path, dict(self.headers), body))
        self.server.slow.wait(10)
        code = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    found = Server()
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.slow.set()
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Between two tries no time passes."""
    monkeypatch.setattr(alerter, "_PAUSES", (0.0, 0.0))


CHECKED = """\
          positive: {range: {column: total_amount, min: 1}, on_fail: warn, message: "a total below 1"}
"""


@pytest.fixture
def project(tmp_path):
    """A project with a check on totals, whose settings of alerts a test gives."""

    def make(alerts):
        Lake.init(tmp_path / "shop", ["orders"]).close()
        root = tmp_path / "shop"
        with (root / "orderlake.yaml").open("a") as file:
            file.write(alerts)
        pipeline = root / "pipelines" / "orders.yaml"
        declared, _, _ = pipeline.read_text().partition("\nreconcile:")
        first = "          email_is_an_address:\n"
        assert first in declared
        pipeline.write_text(declared.replace(first, f"{CHECKED}{first}", 1))
        return root

    return make


def run(root):
    return main(["--project", str(root), "run"])


def bad(root, name="orders_bad.json", text="[{"):
    file = root / "raw" / name
    file.write_text(text)
    os.utime(file, ns=(NOON, NOON))
    return file


def test_one_run_is_one_alert_with_all_that_happened(project, server):
    root = project(f"alerts: {{webhook: '{server.url}', on: [rejected, check, quarantined]}}\n")
    bad(root)
    bad(root, "orders_worse.json")
    records = [order(1, "A", total="0.50"), order(2, "A", day="no day"), order(3, "A")]
    put(root / "raw" / "orders_1.json", records, NOON)
    assert run(root) == 65
    ((path, headers, body),) = server.told
    assert path == "/services/T0/s3cret"
    assert headers["Content-Type"] == "application/json"
    assert body["on"] == ["rejected", "check", "quarantined"]
    assert sorted(one["source"] for one in body["rejected"]) == ["raw/orders_bad.json", "raw/orders_worse.json"]
    assert [(one["name"], one["failed"], one["source"]) for one in body["checks"]] == [
        ("positive", 1, "raw/orders_1.json")
    ]
    assert [(one["source"], one["records"]) for one in body["quarantined"]] == [("raw/orders_1.json", 1)]
    assert (body["counts"]["files"], body["counts"]["read"], body["pipelines"]) == (3, 3, ["orders"])
    first, *lines = body["text"].splitlines()
    assert first == "orderlake shop: 2 files rejected, 1 check failed, 1 record set aside"
    assert any("a total below 1" in line for line in lines)
    assert "no day" not in json.dumps(body)  # values of records go nowhere


def test_a_file_that_stays_rejected_is_told_of_once_and_one_that_changes_again(project, server):
    root = project(f"alerts: {{webhook: '{server.url}'}}\n")
    file = bad(root)
    (root / "raw" / "unknown.bin").write_text("no pipeline takes this")
    for _ in range(3):
        run(root)
    assert len(server.told) == 1
    assert len(server.told[0][2]["rejected"]) == 2
    file.write_text("[{{")
    os.utime(file, ns=(NOON + SECOND, NOON + SECOND))
    run(root)
    assert [one["source"] for one in server.told[1][2]["rejected"]] == ["raw/orders_bad.json"]


def test_a_rejection_that_the_ledger_does_not_keep_is_told_of_once_all_the_same(project, server):
    """A file that cannot be opened for now is tried again and again, and rejected each time."""
    root = project(f"alerts: {{webhook: '{server.url}'}}\n")
    with Lake(root) as lake:
        refused = LoadReport("raw/a.json", "orders", "rejected", "abc", "1", 1, "2024-01-05T00:00:00Z", reason="denied")
        telling = lake._loads.alerter
        assert telling is not None
        for load_id in "123":
            telling.tell([replace(refused, load_id=load_id)], {})
        telling.tell([replace(refused, reason="gone")], {})
    assert [body["rejected"][0]["reason"] for _, _, body in server.told] == ["denied", "gone"]


def test_nothing_is_told_when_all_is_well_or_only_of_what_was_asked_for(project, server):
    root = project(f"alerts: {{webhook: '{server.url}', on: check}}\n")
    put(root / "raw" / "orders_1.json", [order(1, "A"), order(2, "A", day="no day")], NOON)
    bad(root)
    run(root)
    assert server.told == []


@pytest.mark.parametrize(("answers", "tries"), [([500, 429, 200], 3), ([500], 3), ([404], 1), ([302], 1)])
def test_what_may_help_is_tried_three_times_and_no_redirect_is_followed(project, server, answers, tries, caplog):
    server.answers = answers
    root = project(f"alerts: {{webhook: '{server.url}'}}\n")
    bad(root)
    assert run(root) == 65
    assert [path for path, _, _ in server.told] == ["/services/T0/s3cret"] * tries
    assert ("webhook 127.0.0.1 was not told" in caplog.text) == (answers[-1] != 200)
    with Lake(root) as lake:
        (kept,) = lake.alerts()
    assert (kept["tries"], kept["error"]) == (tries, None if answers[-1] == 200 else f"it answered {answers[-1]}")


def test_a_server_that_is_slow_or_gone_costs_a_moment_and_no_load(project, server, caplog):
    root = project(f"alerts: [{{webhook: '{server.url}', timeout: 0.2}}, {{webhook: 'http://127.0.0.1:9/x'}}]\n")
    server.slow.clear()
    bad(root)
    put(root / "raw" / "orders_1.json", [order(1, "A")], NOON)
    began = time.monotonic()
    assert run(root) == 65
    assert time.monotonic() - began < 30
    assert "it did not answer in time" in caplog.text
    assert "Connection refused" in caplog.text
    with Lake(root) as lake:
        assert lake.query("SELECT count(*) FROM orders").rows == ((1,),)


def test_secrets_come_from_the_environment_and_are_shown_nowhere(project, server, monkeypatch, caplog, capsys):
    root = project(
        "alerts:\n  webhook: ${SHOP_URL}\n  headers: {Authorization: 'Bearer ${SHOP_TOKEN}'}\n  on: [rejected]\n"
    )
    bad(root)
    assert run(root) == 65
    assert "the environment variable SHOP_URL is not set" in caplog.text
    monkeypatch.setenv("SHOP_URL", server.url)
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")
    server.answers = [403]
    bad(root, "orders_2.json")
    run(root)
    assert server.told[0][1]["Authorization"] == "Bearer t0ken"
    monkeypatch.setenv("SHOP_TOKEN", "t0ken\nX-Other: 1")
    bad(root, "orders_3.json")
    run(root)
    main(["--project", str(root), "alerts"])
    kept = b"".join(file.read_bytes() for file in (root / ".orderlake").glob("alerts.db*"))
    said = capsys.readouterr()
    for where in (caplog.text, said.out, said.err, kept.decode(errors="replace")):
        assert "s3cret" not in where
        assert "t0ken" not in where
    assert "webhook ${SHOP_URL}" in said.out


SAVE = "import os, sys; open('told.txt', 'a').write(os.environ['ORDERLAKE_ALERT_TEXT'] + sys.stdin.read())"


def test_a_command_gets_the_json_on_stdin_and_the_text_in_its_environment(project):
    root = project(f'alerts:\n  command: ["{sys.executable}", "-c", "{SAVE}"]\n')
    bad(root, "orders_$(touch pwned);.json")
    assert run(root) == 65
    told = (root / "told.txt").read_text()
    text, body = told[: told.index("{")], json.loads(told[told.index("{") :])
    assert text == body["text"]
    assert body["rejected"][0]["source"] == "raw/orders_$(touch pwned);.json"
    assert not (root / "pwned").exists()


def test_a_shell_is_used_only_when_it_is_asked_for(project):
    root = project("alerts:\n- {command: 'cat > told.json', shell: true}\n- {command: 'echo hello > no.txt'}\n")
    bad(root)
    assert run(root) == 65
    assert json.loads((root / "told.json").read_text())["on"] == ["rejected"]
    assert not (root / "no.txt").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [("sleep 60", "it took longer than 0.3 s"), ("false", "it ended with 1"), ("no-such-program", "it cannot be run")],
)
def test_a_command_that_fails_or_hangs_costs_no_load(project, command, said, caplog):
    root = project(f"alerts: {{command: '{command}', timeout: 0.3}}\n")
    bad(root)
    put(root / "raw" / "orders_1.json", [order(1, "A")], NOON)
    assert run(root) == 65
    assert said in caplog.text
    assert f"command {command.split()[0]} was not told" in caplog.text


def test_a_command_that_leaves_a_child_behind_is_ended_with_it(project):
    root = project("alerts: {command: 'sleep 60 & echo $! > child; wait', shell: true, timeout: 0.5}\n")
    bad(root)
    run(root)
    child = int((root / "child").read_text())
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail("the child lives on")


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ("alerts: {webhook: 'ftp://x'}", "begins with http://"),
        ("alerts: {on: [rejected]}", "names no place"),
        ("alerts: {webhook: 'https://x', on: [everything]}", "on takes some of rejected, check, quarantined"),
        ("alerts: {webhook: 'https://x', colour: red}", "unknown colour"),
        ("alerts: {command: 'a', timeout: -1}", "timeout is a number of seconds"),
        ("alerts: {command: ''}", "a command is a text"),
        ("alerts: yes please", "takes `webhook: URL`"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_loaded(project, alerts, said, capsys):
    root = project(f"{alerts}\n")
    put(root / "raw" / "orders_1.json", [order(1, "A")], NOON)
    for _ in range(2):  # the second time the settings are read from their copy
        assert run(root) == 78
        assert said in capsys.readouterr().err
    with Lake(root) as lake:
        assert lake.loads() == []


def test_the_word_on_is_no_truth_value_here_the_second_time_either(project, server):
    root = project(f"alerts:\n  webhook: '{server.url}'\n  on: [quarantined]\n")
    for number in (1, 2):
        put(root / "raw" / f"orders_{number}.json", [order(number, "A", day="no day")], NOON)
        run(root)
    assert [body["on"] for _, _, body in server.told] == [["quarantined"]] * 2


def test_names_of_files_mention_nobody(project, server):
    root = project(f"alerts: {{webhook: '{server.url}'}}\n")
    bad(root, "orders_<!channel>.json")
    run(root)
    assert "orders_&lt;!channel&gt;.json" in server.told[0][2]["text"]


def test_a_watch_alerts_once_for_what_landed_together(project, server):
    root = project(f"alerts: {{webhook: '{server.url}'}}\n")
    bad(root)
    environment = os.environ | {"PYTHONPATH": str(Path(orderlake.__file__).parents[1])}
    words = [sys.executable, "-m", "orderlake", "--project", str(root), "watch"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if server.told:
                break
            threading.Event().wait(0.05)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert [one["source"] for one in server.told[0][2]["rejected"]] == ["raw/orders_bad.json"]


def test_targets_can_be_tried_out(project, server, capsys):
    root = project(f"alerts: {{webhook: '{server.url}', command: 'false'}}\n")
    assert main(["--project", str(root), "alerts", "test"]) == 75
    said = capsys.readouterr().out
    assert "told    webhook 127.0.0.1" in said
    assert "failed  command false: it ended with 1" in said
    assert "this is a trial" in server.told[0][2]["text"]


def test_a_project_that_alerts_nobody_says_how_to(project, capsys):
    root = project("")
    assert main(["--project", str(root), "alerts", "test"]) == 78
    assert "write `alerts:`" in capsys.readouterr().err
    assert main(["--project", str(root), "alerts"]) == 0


def test_settings_without_a_target_raise_where_they_are_read(project):
    root = project("alerts: {headers: {A: b}}\n")
    with Lake(root) as lake, pytest.raises(ConfigError, match="names no place to go to"):
        lake.run()


def test_what_cannot_be_kept_is_told_once_all_the_same(project, server, monkeypatch):
    def full(*_):
        raise StorageUnavailableError("the disk is full")

    monkeypatch.setattr(Record, "sent", full)
    root = project(f"alerts: [{{webhook: '{server.url}'}}, {{webhook: '{server.url}/other'}}]\n")
    bad(root)
    run(root)
    assert sorted(path for path, *_ in server.told) == ["/services/T0/s3cret", "/services/T0/s3cret/other"]

"""A machine without a network: `unshare --net python -m tests.emulators.offline TASK FOLDER` loads two files there.

Nothing but loopback exists in it. The emulator of AWS, the runtime and the function all start inside; the last line of
output says how it went, as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.emulators.fixtures import REGION, ROOT, Aws
from tests.emulators.function import announcement, put, sync_pipelines
from tests.emulators.runtime import Runtime, settings_environment

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


def loopback_up() -> None:
    """Switch the loopback interface on: a new network has it, but down."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def main(task: Path, folder: Path) -> dict[str, Any]:
    """Load a file, and the same once more; gives the answers and what else the machine could reach."""
    loopback_up()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.emulators.server"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    endpoint = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    aws = Aws(endpoint)
    settings = aws.deploy()
    sync_pipelines(settings, "orders")
    sample = (ROOT / "src/orderlake/samples/orders/orders_sample.json").read_bytes()
    event = announcement(put(settings, "raw/orders.json", sample))
    try:
        with Runtime(task, "orderlake.aws.ingest.handler", settings_environment(settings), folder) as function:
            answers = [function.invoke(event)[0] for _ in range(2)]
            log = function.log()
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(30)
    interfaces = [name for _, name in socket.if_nameindex()]
    statuses = [line["status"] for line in map(_parsed, log.splitlines()) if line.get("message") == "file"]
    return {"answers": answers, "statuses": statuses, "interfaces": interfaces}


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2])))}\n")

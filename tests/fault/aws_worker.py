"""Loaders of a lake on AWS that die, stall or go without leases; and what such a lake has to look like in the end.

As a program it is one loader process, told by a JSON argument what to load and when to die, as in `worker.py`. An
emulator stands in for AWS (tests/emulators); processes find it by the environment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from orderlake import Lake, clients, loading
from orderlake.config import AwsSettings, load_project
from orderlake.errors import LakeError, exit_code
from orderlake.events import objects
from orderlake.events.objects import S3Sources
from orderlake.ledger.dynamodb import DynamoLedger
from orderlake.ledger.leases import Leases
from orderlake.loading import Loader
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from tests.fault.worker import ROOT, Fate, die_after, leaseless, small_shares
from tests.reference import Order, Written, expected, found
from tests.unit.kernel.test_windows import small_windows

PLAIN = "orders_parquet_datalake"
CHANGES = {
    "s3": ("PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload"),
    "dynamodb": ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"),
    "glue": ("CreateTable", "UpdateTable"),
}
"""The calls of a load that change something."""


@dataclass(frozen=True)
class Object(Written):
    """One version of one object of orders: what the reference knows of it, and what a loader is told."""

    source: SourceObject


class Shop:
    """A deployed lake with the bundled orders pipeline: put objects, open it, look at it."""

    def __init__(self, aws: Any, folder: Path, change: Callable[[str], str] = lambda text: text) -> None:
        self.aws, self.folder, self.settings = aws, folder, aws.deploy()
        with Lake.init(folder, ["orders"]):
            pipeline = folder / "pipelines" / "orders.yaml"
            pipeline.write_text(change(pipeline.read_text("utf-8")), "utf-8")

    def open(self, **how: Any) -> Lake:
        """The lake as one more process would have it; `how` as for `opened`."""
        return opened(self.folder, self.settings, **how)

    def put(self, name: str, records: Sequence[Order]) -> Object:
        """Store one version of an object of orders under raw/."""
        bucket, prefix = self.settings.raw.removeprefix("s3://").split("/", 1)
        key = f"{prefix}/{name}"
        done = self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(list(records)).encode())
        sources = S3Sources(self.settings.region, self.settings.raw, self.settings.lake)
        source = sources.resolve(bucket, key, done["VersionId"])
        assert source is not None
        return Object(source.uri, source.version, tuple(records), source)

    def spawn(self, batches: Iterable[Iterable[Object]] = ((),), **spec: Any) -> subprocess.Popen[str]:
        """Start a loader of these batches (an empty one: all versions under raw/).

        `kill` is (commit, step), both from 1; `chance` kills at each step with that chance, by `seed`;
        `after_commit` is (operation, n) and kills before the n-th such call after the transaction.
        `leases`: False, or (seconds, beat). With `window` each object is a large one, cut into windows of so many
        bytes; then it is killed once it has kept `kept` of them.
        """
        told = [[asdict(made.source) for made in batch] for batch in batches]
        argument = {"folder": str(self.folder), "settings": asdict(self.settings), "batches": told, **spec}
        return subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(argument)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def heads(self) -> dict[str, str | None]:
        """The head of each table as DynamoDB has it; nothing is repaired by looking."""
        with self.open() as lake:
            return {head.table: head.metadata for head in lake._backends.catalog.tables()}

    def glue(self) -> dict[str, str | None]:
        """The metadata that Glue shows of each table; None for plain Parquet."""
        tables = self.aws.client("glue").get_tables(DatabaseName=self.settings.database)["TableList"]
        return {table["Name"]: table["Parameters"].get("metadata_location") for table in tables}

    def plain_files(self) -> list[str]:
        """Names below the plain Parquet table's location: all that Athena would read."""
        bucket, prefix = self.settings.lake.removeprefix("s3://").split("/", 1)
        inside = f"{prefix}/{PLAIN}/"
        pages = self.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=inside)
        return sorted(found["Key"].removeprefix(inside) for page in pages for found in page.get("Contents", ()))

    def assert_right(self, made: Iterable[Object], *, verified: bool = True) -> None:
        """All that a finished lake promises: the reference's tables, each load once, Glue at the heads."""
        made = list(made)
        with self.open(leases=False) as lake:
            assert found(lake) == expected(made)
            assert not verified or lake.verify().findings == ()
        self.assert_whole(made)

    def assert_whole(self, made: Iterable[Object]) -> None:
        """Each version was loaded once and its records accounted for; Glue shows the heads, folders what is meant."""
        by_identity = {one.source.identity: one for one in made}
        with self.open(leases=False) as lake:
            loads = lake.loads()
        assert sorted(load.identity for load in loads) == sorted(by_identity)
        assert {load.status for load in loads} == {"loaded"}
        assert all(load.conserved and load.read == len(by_identity[load.identity].records) for load in loads)
        shown = {name: head for name, head in self.heads().items() if not name.startswith("_")}
        assert self.glue() == {**shown, PLAIN: None}
        assert all(name.startswith("orders_ETL_") and "/" not in name for name in self.plain_files())


def opened(
    folder: Path, settings: AwsSettings, leases: Sequence[float] | bool = True, clock: Callable[[], float] | None = None
) -> Lake:
    """A lake on AWS; `leases` False for none, or (seconds, beat); `clock` is what its leases go by."""
    lake = Lake.of(replace(load_project(folder), aws=settings))
    terms: dict[str, Any] = {} if isinstance(leases, bool) else dict(zip(("seconds", "beat"), leases, strict=True))
    if clock is not None:
        terms["clock"] = clock
    if terms:
        own = Leases(settings.table, settings.region, **terms)
        lake._backends.__dict__["ledger"] = DynamoLedger(settings.table, settings.region, own)
    return lake if leases else leaseless(lake)


def load(lake: Lake, objects: Iterable[Object], on_step: Callable[[int], None] = lambda _: None) -> list[LoadReport]:
    """Load these versions in one batch."""
    return Loader(lake._backends, on_step=on_step).run([one.source for one in objects])


def listen(region: str, hear: Callable[[str, str], None]) -> None:
    """Tell `hear` of each changing call of this process, before it is sent."""
    for service, operations in CHANGES.items():
        events = clients.client(service, region).meta.events
        for operation in operations:
            # Bound now: botocore calls it with arguments of its own.
            def told(service: str = service, operation: str = operation, **_: object) -> None:
                hear(service, operation)

            events.register(f"before-send.{service}.{operation}", told)


class Reaper:
    """Kills this process once its transaction was sent, before its n-th call of one operation from then on."""

    def __init__(self, operation: str, number: int) -> None:
        self._operation, self._left, self._committed = operation, number, False

    def __call__(self, _service: str, operation: str) -> None:
        self._left -= self._committed and operation == self._operation
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        self._committed |= operation == "TransactWriteItems"


def small_parts(patch: Any, size: int) -> None:
    """Make every object a large one, staged in the bucket, in windows of so many bytes; `patch` is a monkeypatch."""
    small_shares(patch.setattr, size)
    small_windows(patch, size)
    patch.setattr(objects, "_COPIED", 1)
    patch.setattr(loading, "_STAGED_HERE", 1)


def main(spec: Mapping[str, Any]) -> int:
    settings = AwsSettings(**spec["settings"])
    if "after_commit" in spec:
        listen(settings.region, Reaper(*spec["after_commit"]))
    if "window" in spec:
        small_parts(SimpleNamespace(setattr=setattr), spec["window"])
        die_after(spec["kept"])
    fate = Fate(spec)
    reports: list[dict[str, Any]] = []
    try:
        with opened(Path(spec["folder"]), settings, spec.get("leases", True)) as lake:
            for batch in spec["batches"]:
                sources = [SourceObject(**one) for one in batch] or lake.sources.find(())
                reports += [report.as_dict() for report in Loader(lake._backends, on_step=fate).run(sources)]
    except LakeError as error:
        sys.stdout.write(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return exit_code(error)
    sys.stdout.write(json.dumps({"reports": reports}))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

"""A project's deployment on AWS: built, planned, applied, tried out, taken down.

What is known of it lies in the project's `.orderlake/deploy` (Terraform's state among it) and `.orderlake/aws.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.clients import client, translated
from orderlake.config import AWS_FILE, AwsSettings, Project, aws_settings, deployed
from orderlake.deploy.package import build
from orderlake.deploy.terraform import Terraform
from orderlake.deploy.wheels import Target
from orderlake.errors import ConfigError, NotFoundError, TransientError
from orderlake.storage.s3 import split
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.model.report import LoadReport

Tell = Callable[[str], None]
_AT_ONCE: Final = 1000
"""Object versions of one DeleteObjects call."""
_SMOKE_SECONDS: Final = 180.0
_WORDS: Final = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Change:
    """What Terraform would do to one resource: `+` make, `~` change, `-` remove, `-+` make anew."""

    action: str
    address: str


@dataclass
class Deployment:
    """One project's deployment. `given` are variables from the command line; `tell` hears of each step."""

    project: Project
    given: Mapping[str, Any] = field(default_factory=dict)
    tell: Tell = lambda _: None
    detail: Tell = lambda _: None
    """Hears each line that Terraform prints."""

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The variables of the Terraform module; ConfigError says what is missing."""
        chosen = {**self.project.deploy, **self.given}
        chosen.setdefault("name", re.sub(r"[^a-z0-9]+", "-", self.project.root.name.lower()).strip("-"))
        region = chosen.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigError("say in which region: `orderlake deploy plan --region eu-central-1`, or aws: region: …")
        return {**chosen, "region": region, "package": str(self._zip.resolve())}

    @property
    def folder(self) -> Path:
        """Where the deployment's own files lie."""
        return self.project.state / "deploy"

    def plan(self) -> list[Change]:
        """Build the package and work out what would change; nothing is changed."""
        self._build()
        self.tell("planning")
        self._terraform.init()
        return list(_changes(self._terraform.show())) if self._terraform.plan() else []

    def apply(self) -> AwsSettings:
        """Do what was planned, remember the outputs, and upload the pipelines."""
        self._check()
        self.tell("applying: this takes a few minutes the first time")
        self._terraform.apply()
        outputs = self._terraform.outputs()
        settings = aws_settings(outputs, "Terraform's outputs")
        self.project.state.mkdir(exist_ok=True)
        (self.project.state / AWS_FILE).write_text(json.dumps(outputs, indent=2), encoding="utf-8")
        self.tell("uploading the pipelines")
        self.upload(settings)
        return settings

    def upload(self, settings: AwsSettings) -> list[str]:
        """Make the pipelines location hold the project's pipelines and marts, and the smoke test's; gives the names."""
        bucket, prefix = split(settings.pipelines)
        s3 = client("s3", settings.region)
        wanted = {file.name: file for file in sorted(self.project.pipelines.glob("*.y*ml"))}
        wanted |= {f"marts/{file.name}": file for file in sorted((self.project.root / "marts").glob("*.sql"))}
        wanted[_smoke().name] = _smoke()
        with translated(settings.pipelines):
            for name, file in wanted.items():
                s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=file.read_bytes())
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
                for found in page.get("Contents", ()):
                    if found["Key"].removeprefix(f"{prefix}/") not in wanted:
                        s3.delete_object(Bucket=bucket, Key=found["Key"])
        return list(wanted)

    def smoke(self, settings: AwsSettings, sample: bytes, seconds: float = _SMOKE_SECONDS) -> LoadReport:
        """Upload the sample as any file is, and wait for its load; TransientError when none comes in time."""
        bucket, prefix = split(settings.raw)
        name = f"orderlake_smoke_{int(time.time())}.json"
        with translated(settings.raw):
            client("s3", settings.region).put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=sample)
        backends = Backends(self.trial(settings))
        try:
            source = backends.sources.find([f"{settings.raw}/{name}"])[0]
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                report = backends.ledger.applied([source.identity]).get(source.identity)
                if report is not None:
                    return report
                time.sleep(1)
        finally:
            backends.close()
        raise TransientError(
            f"{source.uri} was not loaded within {seconds:.0f} s: look at the log of the function "
            f"{settings.name}-ingest, and at `orderlake deadletter list`"
        )

    def trial(self, settings: AwsSettings) -> Project:
        """A project that has the smoke test's pipeline alone, on the deployed lake."""
        root = self.folder / "smoke"
        (root / "pipelines").mkdir(parents=True, exist_ok=True)
        (root / "pipelines" / _smoke().name).write_bytes(_smoke().read_bytes())
        return replace(self.project, root=root, aws=settings)

    def status(self) -> dict[str, Any]:
        """What is deployed, and how it is; NotFoundError when nothing is."""
        settings = deployed(self.project.root)
        sqs = client("sqs", settings.region)
        counts: dict[str, int] = {}
        for what, url in (("waiting", settings.queue_url), ("dead_letters", settings.dead_letter_url)):
            with translated(url):
                wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
            counts[what] = sum(int(found.get(each, 0)) for each in wanted)
        outputs = json.loads((self.project.state / AWS_FILE).read_text(encoding="utf-8"))
        return {**outputs, **counts}

    def destroy(self) -> list[str]:
        """Remove everything: what the buckets hold, in all versions, then all resources; gives what is left."""
        self._zip.parent.mkdir(parents=True, exist_ok=True)
        if not self._zip.exists():
            self._zip.write_bytes(b"")  # Terraform wants the file that it is about to take away
        self._terraform.init()
        outputs = self._terraform.outputs()
        for last in (False, True):
            if outputs.get("lake_bucket"):
                self._clear(outputs)
            self.tell("destroying")
            try:
                self._terraform.destroy()
                break
            except ConfigError as error:  # what was on its way when the buckets were emptied has landed since
                if last or "BucketNotEmpty" not in str(error):
                    raise
        left = self._terraform.resources()
        if not left:
            (self.project.state / AWS_FILE).unlink(missing_ok=True)
        return left

    def _clear(self, outputs: Mapping[str, Any]) -> None:
        """Empty the buckets, and lift what protects the table from being deleted by accident."""
        region = str(outputs["region"])
        for name in ("raw_bucket", "lake_bucket", "ops_bucket"):
            self.tell(f"emptying {outputs[name]}, all versions")
            empty_bucket(str(outputs[name]), region)
        dynamodb = client("dynamodb", region)
        with suppress(NotFoundError, ConfigError), translated(f"object {outputs['table']}"):
            dynamodb.update_table(TableName=outputs["table"], DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=outputs["table"])

    def _check(self) -> None:
        """What the functions would fail on should fail here."""
        pipelines = Backends(self.project).pipelines
        if not pipelines:
            raise ConfigError("the project has no pipeline: `orderlake init . --pipeline orders` puts one in")
        if any(pipeline.name == "smoke" for pipeline in pipelines):
            raise ConfigError("`smoke` is the name of the pipeline that tries a deployment out: rename yours")

    def _build(self) -> None:
        """Build the functions' package, unless it was built from the same sources."""
        self._check()
        chosen = {"architecture": "arm64", "python": "3.12", **self.variables}
        target = Target(str(chosen["architecture"]), str(chosen["python"]))
        stamp = self._zip.with_suffix(".stamp")
        digest = _digest_of_sources(target)
        if self._zip.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
            return
        self.tell(f"building the functions' package for {target.architecture}")
        built = build(self._zip, target, self._wheels)
        stamp.write_text(digest, encoding="utf-8")
        self.tell(f"package: {built.zipped / 2**20:.0f} MB, {built.unzipped / 2**20:.0f} MB unzipped of Lambda's 250")

    @property
    def _wheels(self) -> Path | None:
        """A folder to take the package's wheels from, for machines without a network."""
        named = os.environ.get("ORDERLAKE_WHEELS")
        return Path(named) if named else None

    @property
    def _zip(self) -> Path:
        return self.folder / "functions.zip"

    @cached_property
    def _terraform(self) -> Terraform:
        return Terraform(self.folder, self.variables, self.detail)


def empty_bucket(bucket: str, region: str) -> None:
    """Delete every version of every object, and every delete marker; a bucket that is gone is empty."""
    s3 = client("s3", region)
    try:
        with translated(f"object s3://{bucket}"):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                for start in range(0, len(keys), _AT_ONCE):
                    s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + _AT_ONCE], "Quiet": True})
    except (NotFoundError, ConfigError) as error:
        if "NoSuchBucket" not in str(error.__cause__):
            raise


def _smoke() -> Path:
    return Path(__file__).parent / "deploy" / "smoke.yaml"


def _changes(plan: Mapping[str, Any]) -> Iterator[Change]:
    for each in plan.get("resource_changes", ()):
        actions = each["change"]["actions"]
        if actions not in (["no-op"], ["read"]):
            yield Change("".join(_WORDS[action] for action in actions), each["address"])


def _digest_of_sources(target: Target) -> str:
    """A digest of all that the package is made of."""
    digest = hashlib.sha256(f"{target.architecture} {target.python}".encode())
    root = Path(__file__).parent
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()

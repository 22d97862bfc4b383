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
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.clients import account_of, client, translated
from orderlake.config import AWS_FILE, AwsSettings, Project, aws_settings, deployed
from orderlake.deploy.contents import TRIAL_FILE, contents
from orderlake.deploy.package import build
from orderlake.deploy.terraform import Terraform, variable_names
from orderlake.deploy.wheels import Target
from orderlake.errors import ConfigError, NotFoundError, TransientError
from orderlake.functions import deployed_key, loader
from orderlake.model.pipeline import TRIAL
from orderlake.secret import FILE, VARIABLE, has_key, keep_key, project_key
from orderlake.storage.s3 import delete_versions, split
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.model.report import LoadReport

Tell = Callable[[str], None]
"""Object versions of one DeleteObjects call."""
_SMOKE_SECONDS: Final = 180.0
_WORDS: Final = {"create": "+", "update": "~", "delete": "-"}
_CHOSEN: Final = "chosen.json"
"""In the deployment's folder, from the first apply to the destroy: its name, its region, and what `--set` said."""
_KEY: Final = "pii_key"
"""The variable of the module that takes what personal data is hashed with."""
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


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
        """The variables of the Terraform module; ConfigError says what is missing or wrong.

        What the last apply was given holds on, unless the project file or the command line says otherwise.
        """
        chosen = {**self.before, **self.project.deploy, **self.given}
        for key in ("name", "region"):
            if chosen.get(key) != self.before.get(key, chosen.get(key)):
                raise ConfigError(
                    f"this project is deployed as {self.before['name']} in {self.before['region']}: `orderlake deploy "
                    f"destroy` takes that down; or deploy a copy of the project, without .orderlake, as {chosen[key]}"
                )
        chosen.setdefault("name", re.sub(r"[^a-z0-9]+", "-", self.project.root.name.lower()).strip("-"))
        region = chosen.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigError("say in which region: `orderlake deploy plan --region eu-central-1`, or aws: region: …")
        if not _REGION.fullmatch(str(region)):
            raise ConfigError(f"{region!r} is no region: say one such as eu-central-1")
        return {**chosen, "region": region, "package": str(self._zip.resolve())}

    @cached_property
    def before(self) -> dict[str, Any]:
        """What the last apply was given, its name and region among it; nothing when there is no deployment."""
        file = self.folder / _CHOSEN
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ConfigError(
                f"{file}: {error}: correct it, or remove it and say --name, --region and --set again"
            ) from error
        return found

    @property
    def stands(self) -> bool:
        """Whether there may be anything of it: an apply was begun, and no destroy has come to its end since."""
        return bool(self.before) or (self.project.state / AWS_FILE).exists()

    @cached_property
    def account(self) -> str:
        """The number of the AWS account that the credentials are of; ConfigError when there are none."""
        return account_of(str(self.variables["region"]))

    @property
    def folder(self) -> Path:
        """Where the deployment's own files lie."""
        return self.project.state / "deploy"

    def plan(self) -> list[Change]:
        """Build the package and work out what would change; nothing is changed."""
        self._check()
        account = self.account
        self._build()
        kept = {key: value for key, value in self.before.items() if self.variables[key] == value}
        if kept:
            self.tell(f"as before: {', '.join(f'{key} = {value}' for key, value in kept.items())}")
        self.tell(f"planning, for account {account}")
        self._terraform.init()
        self._terraform.secrets[_KEY] = self._key
        return list(_changes(self._terraform.show())) if self._terraform.plan() else []

    def apply(self) -> AwsSettings:
        """Do what was planned, remember the outputs, and upload the pipelines."""
        self._check()
        self.tell("applying: this takes a few minutes the first time")
        self._remember()
        self._terraform.secrets[_KEY] = self._key
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
        wanted = contents(self.project)
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
        key = f"{prefix}/orderlake_smoke_{int(time.time())}.json"
        s3 = client("s3", settings.region)
        with translated(settings.raw):
            version = s3.put_object(Bucket=bucket, Key=key, Body=sample)["VersionId"]
        backends = Backends(self.trial(settings))
        try:
            source = backends.sources.find([f"s3://{bucket}/{key}"])[0]
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                report = backends.ledger.applied([source.identity]).get(source.identity)
                if report is not None:
                    return report
                time.sleep(1)
        finally:
            backends.close()
            with translated(settings.raw):  # it is no order of the shop: no later run or backfill may take it for one
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        raise TransientError(
            f"{source.uri} was not loaded within {seconds:.0f} s: look at the log of the function "
            f"{settings.name}-ingest, and at `orderlake deadletter list`"
        )

    def trial(self, settings: AwsSettings) -> Project:
        """A project that has the smoke test's pipeline alone, on the deployed lake."""
        root = self.folder / "smoke"
        (root / "pipelines").mkdir(parents=True, exist_ok=True)
        (root / "pipelines" / TRIAL_FILE.name).write_bytes(TRIAL_FILE.read_bytes())
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
        self._terraform.program()
        self._zip.parent.mkdir(parents=True, exist_ok=True)
        if not self._zip.exists():
            self._zip.with_suffix(".stamp").unlink(missing_ok=True)
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
            for file in (self.project.state / AWS_FILE, self.folder / _CHOSEN):
                file.unlink(missing_ok=True)
        return left

    @cached_property
    def _key(self) -> str:
        """What personal data is hashed with on AWS: the project's key, so that its hashes are those of this machine.

        Where the project has none, that of the deployment becomes it; else one is made if a pipeline wants it.
        ConfigError when the deployment has another: one value would then be stored in two ways.
        """
        there = deployed_key(str(self.variables["name"]), str(self.variables["region"])) or ""
        own = project_key(self.project.state, is_made=False).decode() if has_key(self.project.state) else ""
        backends = Backends(self.project)
        try:
            if there and not own and not backends.has_secret:  # else this machine's was lost, and may have been another
                keep_key(self.project.state, there)
            if not there and not own and any(stream.policies or stream.person for stream in backends.streams):
                own = backends.secret().decode()
                self.tell(f"a key for personal data was made, {self.project.state / FILE}: keep a copy of it")
        finally:
            backends.close()
        if there and own not in ("", there):
            raise ConfigError(
                "the deployment hashes personal data with another key than this project, so that one value would be "
                f"stored in two ways: put that one into {VARIABLE}, or into {self.project.state / FILE}. "
                f"The function {loader(str(self.variables['name']))} has it in its environment"
            )
        self._keep_from_git()
        return own or there

    def _keep_from_git(self) -> None:
        """Nobody commits the key, or Terraform's state, by accident."""
        file = self.project.state / ".gitignore"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{FILE}\n{self.folder.name}/\n", encoding="utf-8")

    def _remember(self) -> None:
        """Keep what was given before anything is made, for a deployment that stays half-way has it, too."""
        said = {**self.before, **self.given, **{key: self.variables[key] for key in ("name", "region")}}
        kept = {key: value for key, value in said.items() if value is not None}
        (self.folder / _CHOSEN).write_text(json.dumps(kept, indent=2), encoding="utf-8")

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
        """What Terraform or the functions would fail on, or pass over, should fail here, and at once."""
        self._terraform.program()
        known = set(variable_names()) - {"package", _KEY}
        for name in {**self.project.deploy, **self.given}:
            if name == _KEY:
                raise ConfigError(
                    f"a key does not belong in a file that others read, or on a command line: put it into {VARIABLE}, "
                    f"or into {self.project.state / FILE}"
                )
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
                raise ConfigError(f"there is no variable {name!r} of a deployment: {hint}")
        pipelines = Backends(self.project).pipelines
        if not pipelines:
            raise ConfigError("the project has no pipeline: `orderlake init . --pipeline orders` puts one in")
        if any(pipeline.name == TRIAL for pipeline in pipelines):
            raise ConfigError(f"`{TRIAL}` is the name of the pipeline that tries a deployment out: rename yours")

    def _build(self) -> None:
        """Build the functions' package, unless it was built from the same sources."""
        chosen = {key: value for key, value in self.variables.items() if value is not None}
        target = Target(str(chosen.get("architecture", "arm64")), str(chosen.get("python", "3.12")))
        stamp = self._zip.with_suffix(".stamp")
        digest = _digest_of_sources(target)
        if self._zip.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
            return
        self.tell(f"building the functions' package for {target.architecture}")
        built = build(self._zip, target, self._wheels)
        stamp.write_text(digest, encoding="utf-8")
        self.tell(f"package: {built.zipped / 2**20:.0f} MB, {built.unzipped / 2**20:.0f} MB unzipped of Lambda's 250")
        if built.advice:
            self.tell(built.advice)

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
                delete_versions(s3, bucket, [*page.get("Versions", ()), *page.get("DeleteMarkers", ())])
    except (NotFoundError, ConfigError) as error:
        if "NoSuchBucket" not in str(error.__cause__):
            raise


def _changes(plan: Mapping[str, Any]) -> Iterator[Change]:
    for each in plan.get("resource_changes", ()):
        actions = each["change"]["actions"]
        if actions not in (["no-op"], ["read"]):
            words = "".join(sorted((_WORDS[action] for action in actions), reverse=True))  # either order is made anew
            yield Change(words, each["address"])


def _digest_of_sources(target: Target) -> str:
    """A digest of all that the package is made of."""
    digest = hashlib.sha256(f"{target.architecture} {target.python}".encode())
    root = Path(__file__).parent
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()

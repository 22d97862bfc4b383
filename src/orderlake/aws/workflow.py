"""The tasks of the backfill workflow: plan, load, check, marts, maintain, report.

What is large lies in the ops bucket under `backfill/EXECUTION/`: a file per group, which holds the group's objects and,
once it was loaded, its reports. States pass names and counts. What is wrong with the data is a result; what another try
may mend is raised, by its class name, for Step Functions to retry.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from orderlake.aws.account import accounted, told
from orderlake.aws.attempt import OUT_OF_TIME, Attempt, outcome_of
from orderlake.aws.ingest import deadline
from orderlake.aws.scan import ref_of
from orderlake.aws.screen import objection
from orderlake.aws.settings import Context, OpenLake, bucket_and_prefix, container
from orderlake.aws.telemetry import begin, logger, publish, traced
from orderlake.clients import client, translated
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError, DataError, TransientError
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject, packed

_GROUP_FILES: Final = 100
_GROUP_BYTES: Final = 256 << 20
_MOST_GROUPS: Final = 1_500
"""Step Functions keeps 25,000 events of an execution, and 256 KB of state: rather larger groups than more of them."""
_SHOWN: Final = 20
_SUBJECT: Final = 100
_REASON: Final = 2_000

Task = Callable[["Workflow", Mapping[str, Any]], dict[str, Any]]


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Do one task: `event` holds `task`, `execution`, and what the task's function says."""
    begin(context)
    box = container()
    task = str(event.get("task"))
    if task not in TASKS:
        raise ConfigError(f"there is no task {task!r}; there are {', '.join(TASKS)}")
    files = Files(box.settings, str(event.get("execution") or "manual"))
    with traced(task):
        result = TASKS[task](Workflow(box.lake(), box.settings, files, deadline(context)), event)
    logger().info(task, extra={"result": {key: value for key, value in result.items() if key != "groups"}})
    return result


@dataclass(frozen=True)
class Files:
    """The JSON files of one execution."""

    settings: AwsSettings
    execution: str

    def key(self, name: str) -> str:
        """Where a file lies in the ops bucket."""
        return f"backfill/{self.execution}/{name}"

    def read(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """A file's content; NotFoundError when there is none."""
        with translated(self._location(name)):
            found = self._s3.get_object(Bucket=self._bucket, Key=self.key(name))
            return json.loads(found["Body"].read())

    def write(self, name: str, content: object) -> str:
        """Write a file, text as it is and all else as JSON, and give its key."""
        body = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
        with translated(self._location(name)):
            self._s3.put_object(Bucket=self._bucket, Key=self.key(name), Body=body.encode())
        return self.key(name)

    @property
    def _bucket(self) -> str:
        return bucket_and_prefix(self.settings.pipelines)[0]

    @property
    def _s3(self) -> Any:  # noqa: ANN401 - botocore has no types
        return client("s3", self.settings.region)

    def _location(self, name: str) -> str:
        return f"s3://{self._bucket}/{self.key(name)}"


@dataclass
class Workflow:
    """The tasks, over one lake."""

    lake: OpenLake
    settings: AwsSettings
    files: Files
    proceed: Callable[[], bool]

    def plan(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Find what is not loaded under `prefix` (`s3://…` under raw; all of raw without it), and pack it in groups."""
        prefix = str(event.get("prefix") or self.settings.raw).rstrip("/")
        if not f"{prefix}/".startswith(f"{self.settings.raw}/"):
            raise ConfigError(
                f"{prefix} is not under {self.settings.raw}: upload the files there, or name a prefix in it"
            )
        listed = self.lake.sources.find(() if prefix == self.settings.raw else (f"{prefix}/",))
        found = [each for each in listed if objection(ref_of(each), self.settings) is None]
        before = self.lake.ledger.applied(source.identity for source in found)
        done = {identity for identity, report in before.items() if report.status != "rejected"}
        rest = [source for source in found if source.identity not in done]
        names = []
        for number, group in enumerate(_packed(rest), 1):
            names.append(f"{number:05d}")
            self.files.write(_group(names[-1]), {"objects": [asdict(source) for source in group], "reports": []})
        size = sum(source.size for source in rest)
        return {"groups": names, "objects": len(rest), "bytes": size, "unchanged": len(found) - len(rest)}

    def load(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Load one `group`. Doing it again changes nothing, and keeps the account of what the first time did."""
        name = str(event["group"])
        content = self.files.read(_group(name))
        sources = [SourceObject(**each) for each in content["objects"]]
        attempt = Attempt(self.lake, self.proceed)
        attempt.run(sources)
        reports = _merged(content["reports"], attempt.reports.values())
        unsettled = [each for each in sources if attempt.report_of(each) is None]
        failed = {source.uri: attempt.reason_of(source) for source in unsettled}
        self.files.write(_group(name), {**content, "reports": reports, "failed": failed})
        for error in attempt.errors.values():
            if outcome_of(error) == "again":
                raise error
        if any(reason == OUT_OF_TIME for reason in failed.values()):
            raise TransientError(f"group {name}: for {len(failed)} of {len(sources)} objects {OUT_OF_TIME}")
        return {"group": name, **Counter(report["status"] for report in reports), "failed": len(failed)}

    def check(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Recount the lake; what does not agree is in `findings` (the first of them) and, whole, in the file `key`."""
        found = self.lake.verify()
        publish({"FailedChecks": len(found.findings)})
        key = self.files.write("check.json", found.as_dict())
        return {"ok": found.ok, "count": len(found.findings), "findings": list(found.findings[:_SHOWN]), "key": key}

    def marts(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Build the marts; a SELECT that is wrong is a result."""
        try:
            found = [asdict(mart) for mart in self.lake.marts()]
        except DataError as error:
            return {"ok": False, "reason": str(error)[:_REASON]}
        return {"ok": True, "count": len(found), "key": self.files.write("marts.json", found)}

    def maintain(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Fold, expire, delete; `again` when there was no time for all of it."""
        found = self.lake.maintain(self.proceed)
        key = self.files.write("maintain.json", found.as_dict())
        return {"ok": True, "again": not found.is_done, "count": len(found.tables), "key": key}

    def report(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Account for everything, by the execution's `state`: in files, and to ORDERLAKE_TOPIC where there is one."""
        state = event.get("state") or {}
        names = (state.get("plan") or {}).get("groups", ())
        account = accounted(self.files.execution, state, [self.files.read(_group(name)) for name in names])
        text = told(account)
        key = self.files.write("report.json", account)
        self.files.write("report.txt", text)
        topic = os.environ.get("ORDERLAKE_TOPIC")
        if topic:
            subject = f"orderlake {self.settings.name}: backfill {'done' if account['ok'] else 'incomplete'}"
            with translated(topic):
                client("sns", self.settings.region).publish(TopicArn=topic, Subject=subject[:_SUBJECT], Message=text)
        short = {name: account[name] for name in ("ok", "files", "records")}
        return {**short, "key": key, "text": text}


TASKS: Final[Mapping[str, Task]] = {
    "plan": Workflow.plan,
    "load": Workflow.load,
    "check": Workflow.check,
    "marts": Workflow.marts,
    "maintain": Workflow.maintain,
    "report": Workflow.report,
}


def _group(name: str) -> str:
    return f"groups/{name}.json"


def _merged(before: Iterable[Mapping[str, Any]], now: Iterable[LoadReport]) -> list[dict[str, Any]]:
    """One report per object: that of the try that loaded it, not of a later one that had nothing to do."""
    kept = {report["identity"]: dict(report) for report in before}
    for report in now:
        if report.status != "unchanged" or report.identity not in kept:
            kept[report.identity] = report.as_dict()
    return list(kept.values())


def _packed(sources: Sequence[SourceObject]) -> Iterator[list[SourceObject]]:
    """Groups of some objects and bytes; larger ones where there would be too many: a load goes on where it ended."""
    total = sum(source.size for source in sources)
    most_files = max(_GROUP_FILES, -(-len(sources) * 2 // _MOST_GROUPS))
    most_bytes = max(_GROUP_BYTES, -(-total * 2 // _MOST_GROUPS))
    return packed(sources, lambda source: source.size, most_files, most_bytes)

"""Mending: records of the quarantine become source objects of their own, which load like any other.

The file of one lies in `raw/mended/`, in a folder named after the record, under a name of its stream. Its time is that
of the file it is from, and a little: so a record that is mended late never outdoes a newer version of the same order,
and the tables stay a function of the set of source versions, whatever was loaded when. Nothing else remembers the
mending.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name as identifier
from orderlake.errors import ConfigError, DataError, LakeError, NotFoundError, StorageUnavailableError
from orderlake.mending.drafts import Draft, Headers, draft_of
from orderlake.mending.files import place_of, put
from orderlake.mending.mended import Mended, Outcome
from orderlake.mending.records import FOLDER, Quarantined, find_records, is_closed, prefix_of
from orderlake.mending.which import Which, table_of, texts
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.sources import source_at
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

_TRY: Final = 1_000
"""Nanoseconds between a file and the first try to mend a record of it, and between two tries."""
_BEFORE: Final = 1_000_000
"""Nanoseconds that a mended record is put before its file which has a later record of the same key."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A record of the quarantine, and the text that it is to be loaded with; None is as it is."""

    record: Quarantined
    text: str | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    """A wish that can be tried: the file it is from as it was loaded, the last try, and its new file."""

    record: Quarantined
    report: LoadReport
    before: LoadReport | None
    stream: Stream
    fingerprint: str
    draft: Draft
    target: Path


@dataclass(frozen=True, slots=True)
class _History:
    """The loads that records came by, by load and source; and the last try to mend each, by its file."""

    loads: Mapping[tuple[str, str], LoadReport]
    tries: Mapping[str, LoadReport]


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends records of one lake. `ask` answers SQL over its tables, `load` loads source objects."""

    backends: Backends
    ask: Callable[[str], Result]
    load: Callable[[Sequence[SourceObject]], Sequence[LoadReport]]

    def fix(self, source: str, position: int, record: str | None, version: int | None = None) -> Mended:
        """Load a record of the quarantine with this text, or as it is; the newest of that place unless `version` says.

        DataError says what is wrong with the text, ConfigError why it cannot be mended here, NotFoundError that there
        is no such record. The same text twice is loaded once.
        """
        (done,) = self.mend([Wish(self._found(source, position, version), record)])
        if isinstance(done, LakeError):
            raise done
        return done

    def draft(self, source: str, position: int, version: int | None = None) -> str:
        """The text to begin fixing a record of the quarantine with; errors as of `fix`."""
        record = self._found(source, position, version)
        self._pipeline(self._history([record]).loads[record["load_id"], source])
        return next(self.drafts([record]))[1]

    def drafts(self, records: Sequence[Quarantined]) -> Iterator[tuple[str, str]]:
        """For each record its format, and the text to begin with: a CSV row below its header where that is known."""
        history, headers = self._history(records), Headers(self.backends.project)
        formats = {(p.name, s.name): s for p in self.backends.pipelines for s in p.streams}
        for record in records:
            report = history.loads.get((record["load_id"], record["source"]))
            stream = None if report is None else formats.get((report.pipeline, report.stream))
            header = None
            if stream is not None and report is not None and not self.backends.is_remote:
                header = headers.of(stream, report, history.tries.get(record["mended"] or ""))
            yield (
                "json" if stream is None else stream.format,
                record["record"] if header is None else f"{header.text}\n{record['record']}",
            )

    def mend(self, wishes: Sequence[Wish]) -> list[Mended | LakeError]:
        """Load these records, all in few commits; what became of each, or why it cannot be tried, in their order.

        Nothing that is wrong with one stops another. Whoever dies in between leaves files that the next run loads.
        """
        self.refuse_on_aws()
        history, headers = self._history([wish.record for wish in wishes]), Headers(self.backends.project)
        done: dict[int, Mended | LakeError] = {}
        tasks: dict[int, _Task] = {}
        reports: dict[int, LoadReport] = {}
        for number, wish in enumerate(wishes):
            try:
                task = self._task(wish, history, headers)
            except (DataError, ConfigError, NotFoundError) as error:
                done[number] = error
                continue
            tasks[number] = task
            if wish.text is None and task.before is not None and is_closed(task.before):
                reports[number] = task.before
        tried = frozenset(reports)
        news = {number: task for number, task in tasks.items() if number not in tried}
        before = self._write(news)
        reports |= before
        reports |= self._load({number: task for number, task in news.items() if number not in before})
        faults = self._faults(reports.values())
        for number, report in reports.items():
            is_new = number not in tried and number not in before
            done[number] = _mended(tasks[number].record, report, faults, is_new=is_new)
        return [done[number] for number in range(len(wishes))]

    def refuse_on_aws(self) -> None:
        """ConfigError where mending would not converge."""
        if self.backends.is_remote:
            raise ConfigError(
                "a lake on AWS cannot mend a record by itself: versions of objects count there by when they arrived, "
                "so the mended record would outdo a newer version of its order; put the file, corrected, "
                "in the place of the old one"
            )

    def _found(self, source: str, position: int, version: int | None) -> Quarantined:
        self.refuse_on_aws()
        if source.startswith(prefix_of(self.backends.project)):
            raise ConfigError(f"{source} is a mended record itself: mend the one that it was made of once more")
        which = Which(source=source, position=position, version=version)
        found = find_records(self.backends.project, self.backends.ledger.loads(), which, self.ask)
        if not found:
            raise NotFoundError(
                f"there is no record {position} of {source} in quarantine; `orderlake quarantine list` shows what is"
            )
        return max(found, key=lambda each: each["version"])

    def _history(self, records: Sequence[Quarantined]) -> _History:
        wanted = {(each["load_id"], each["source"]) for each in records}
        files = {each["mended"] for each in records}
        loads: dict[tuple[str, str], LoadReport] = {}
        tries: dict[str, LoadReport] = {}
        for report in self.backends.ledger.loads():
            if (report.load_id, report.source) in wanted:
                loads[report.load_id, report.source] = report
            elif report.source in files:
                before = tries.get(report.source)
                tries[report.source] = report if before is None or report.version >= before.version else before
        return _History(loads, tries)

    def _task(self, wish: Wish, history: _History, headers: Headers) -> _Task:
        record = wish.record
        report = history.loads.get((record["load_id"], record["source"]))
        if report is None:
            raise NotFoundError(f"the load history does not know of {record['source']}, load {record['load_id']}")
        stream, fingerprint = self._pipeline(report)
        before = history.tries.get(record["mended"] or "")
        text = record["record"] if wish.text is None else wish.text
        draft = draft_of(stream, text, headers.of(stream, report, before), record["source"])
        if before is not None:
            target = self.backends.project.root / before.source
        else:
            target = place_of(self.backends, record["source"], stream, record["id"])
        return _Task(record, report, before, stream, fingerprint, draft, target)

    def _pipeline(self, report: LoadReport) -> tuple[Stream, str]:
        """The stream that a record is of, and the fingerprint of its pipeline."""
        for pipeline in self.backends.pipelines:
            for stream in pipeline.streams:
                if (pipeline.name, stream.name) == (report.pipeline, report.stream):
                    if not stream.key:
                        raise ConfigError(
                            f"{stream.pipeline}.{stream.name} has no key, so that its files count as a whole: "
                            f"correct the record in {report.source} itself, and load that again"
                        )
                    return stream, pipeline.fingerprint
        raise ConfigError(f"the project has no pipeline {report.pipeline} with the source {report.stream} any more")

    def _write(self, tasks: Mapping[int, _Task]) -> dict[int, LoadReport]:
        """Write the files, each complete at once and newer than the last try; give the loads of texts tried before.

        A text that was tried under other declarations is worth another try.
        """
        done: dict[int, LoadReport] = {}
        files: list[tuple[Path, bytes, int]] = []
        with self.backends.ledger.turn(FOLDER):
            there = {number: source_at(self.backends.project, task.target) for number, task in tasks.items()}
            late = self._outdone([task for number, task in tasks.items() if task.before is None and not there[number]])
            known = self.backends.ledger.applied(each.identity for each in there.values() if each is not None)
            for number, task in tasks.items():
                found = there[number]
                last = (task.before or task.report).version
                if found is not None:
                    if task.target.read_bytes() == task.draft.data:
                        report = known.get(found.identity)
                        if report is None:
                            continue  # it was written and not loaded
                        if is_closed(report) or (
                            report.status != "rolled_back" and report.definition == task.fingerprint
                        ):
                            done[number] = report
                            continue
                    last = max(last, found.version)
                version = (last - _BEFORE if task.record["id"] in late else last) + _TRY
                files.append((task.target, task.draft.data, version))
            put(files)
        return done

    def _outdone(self, tasks: Sequence[_Task]) -> set[str]:
        """Those whose own file has a later record of the same key in the tables: their mended ones come before it."""
        found: set[str] = set()
        streams: dict[str, list[_Task]] = defaultdict(list)
        for task in tasks:
            streams[task.stream.index].append(task)
        for some in streams.values():
            stream = some[0].stream
            table = next((spec for spec in stream.tables if not spec.rows and spec.format == "iceberg"), None)
            if table is None:
                continue
            own = [next(column.name for column in table.columns if column.path == key.path) for key in stream.key]
            keys = {f"k{at}": "VARCHAR" for at in range(len(own))}
            rows = [(each.record["id"], each.report.source, each.record["position"], *each.draft.key) for each in some]
            wanted = table_of(rows, {"id": "VARCHAR", "source": "VARCHAR", "position": "BIGINT", **keys})
            same = "".join(
                f" AND CAST(t.{identifier(column)} AS VARCHAR) = w.{key}" for column, key in zip(own, keys, strict=True)
            )
            sql = (
                f"SELECT DISTINCT w.id FROM {identifier(table.name)} AS t JOIN {wanted} AS w "
                f"ON t._source_file = w.source AND t._source_row > w.position{same}"
            )
            found |= {str(row[0]) for row in self.ask(sql).rows}
        return found

    def _load(self, tasks: Mapping[int, _Task]) -> dict[int, LoadReport]:
        sources: list[SourceObject] = []
        for task in tasks.values():
            found = source_at(self.backends.project, task.target)
            if found is None:
                raise StorageUnavailableError(f"{task.target} was removed before it was loaded: mend the record again")
            sources.append(found)
        loaded = {report.source: report for report in (self.load(sources) if sources else ())}
        # `watch` was quicker with some: that load tells.
        others = [each.identity for each in loaded.values() if each.status == "unchanged"]
        known = self.backends.ledger.applied(others)
        reports = [loaded[each.uri] for each in sources]
        return dict(zip(tasks, [known.get(report.identity, report) for report in reports], strict=True))

    def _faults(self, reports: Iterable[LoadReport]) -> dict[tuple[str, int], tuple[str, str]]:
        """Field and reason of the records of mended files that were set aside again, by file and version."""
        again = [report.source for report in reports if report.quarantined]
        if not again:
            return {}
        sql = f"SELECT source, version, field, reason FROM quarantine WHERE source IN {texts(again)}"
        return {(source, version): (field, reason) for source, version, field, reason in self.ask(sql).rows}


def _mended(
    record: Quarantined, report: LoadReport, faults: Mapping[tuple[str, int], tuple[str, str]], *, is_new: bool
) -> Mended:
    outcome: Outcome = "rejected"
    field, reason = "", report.reason or ""
    if report.status == "loaded":
        counts: dict[Outcome, int] = {
            "quarantined": report.quarantined,
            "superseded": report.superseded,
            "duplicate": report.duplicate,
        }
        outcome = next((name for name, count in counts.items() if count), "loaded")
        field, reason = faults.get((report.source, report.version), ("", ""))
    place = record["id"], record["source"], record["position"]
    return Mended(*place, report.source, outcome, field, reason, report.load_id, is_new)

"""Draft a pipeline from files: look, guess, try it out, write it down."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from orderlake.engine import Engine, connect
from orderlake.errors import ConfigError, UnreadableObjectError
from orderlake.infer import places
from orderlake.infer.files import Kind, kinds_of
from orderlake.infer.keys import Key, date_of, key_of
from orderlake.infer.look import Look, glance
from orderlake.infer.naming import snake, unique
from orderlake.infer.tables import DraftTable, Tabling, with_parents
from orderlake.infer.trial import Trial, tried
from orderlake.infer.write import DraftStream, pipeline_text
from orderlake.model.pipeline import Pipeline, parse_pipeline
from orderlake.model.source import SourceObject
from orderlake.sources import stream_of
from orderlake.values import counted, size_text

_TAKEN: Final = ("quarantine", "quarantine_drops", "check_results", "reconciliation")
"""Tables that a lake has of its own."""
_ROUNDS: Final = 60
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted pipeline: its text, what it parses to, what the data does not decide, and what else to say."""

    name: str
    text: str
    pipeline: Pipeline
    questions: Sequence[str]
    remarks: Sequence[str]
    records: int
    """Records that were looked at, and load on trial."""
    broken: int
    """Records that are none, whatever a pipeline says."""

    def as_dict(self) -> dict[str, Any]:
        """The draft as JSON-ready values."""
        tables = [
            {"table": table.name, "stream": stream.name, "rows": ".".join(table.rows), "columns": len(table.columns)}
            for stream in self.pipeline.streams
            for table in stream.tables
        ]
        return {
            "pipeline": self.name,
            "tables": tables,
            "questions": list(self.questions),
            "remarks": list(self.remarks),
            "records": self.records,
            "broken": self.broken,
            "yaml": self.text,
        }


def infer(files: Sequence[Path], name: str | None = None, known: Sequence[Pipeline] = ()) -> Draft:
    """Draft the pipeline of these files, beside those that are known.

    It loads all records that were looked at, those apart that are none. Raises UnreadableObjectError for a file that
    cannot be read, ConfigError for a name that is taken or none, NotFoundError.
    """
    if not files:
        raise ConfigError("name the files to draft a pipeline from")
    remote = next((file for file in files if str(file).startswith("s3:/")), None)
    if remote is not None:
        raise ConfigError(f"{remote} is on AWS: copy it to this machine first (`aws s3 cp`), a part of it is enough")
    with tempfile.TemporaryDirectory(prefix="orderlake-infer-") as folder:
        work = Path(folder)
        looks = [_glanced(file, work / f"file-{number}", len(files)) for number, file in enumerate(files)]
        kinds = kinds_of(looks)
        for kind in kinds:
            kind.look()
        engine = connect(work / "spill" / "engine")
        try:
            return _Drafting(kinds, known, engine, work).draft(name)
        finally:
            engine.close()


def _glanced(file: Path, work: Path, files: int) -> Look:
    try:
        return glance(file, work, files)
    except UnreadableObjectError as error:
        raise UnreadableObjectError(f"{file}: {error}") from None


@dataclass(slots=True)
class _Drafting:
    kinds: Sequence[Kind]
    known: Sequence[Pipeline]
    engine: Engine
    work: Path
    broken: int = 0
    rounds: int = 0

    def draft(self, wanted: str | None) -> Draft:
        """Draft under this name, or one told from the files' names."""
        names, remarks = self._names(wanted)
        done = [self._stream(kind, name) for kind, name in zip(self.kinds, names[1:], strict=True)]
        tables = [table for stream in done for table in stream.tables]
        questions = [f"{stream.name}: {stream.key.note}" for stream in done if stream.key.is_open]
        questions += [
            f"{table.name}.{column.name}: {column.guess.note}"
            for table in tables
            for column in table.columns
            if column.guess.is_open
        ]
        text, pipeline = self._written(names[0], done, questions)
        for number, kind in enumerate(self.kinds):
            if not self._reaches(kind, pipeline):
                done[number] = replace(done[number], match=kind.close_match())
        text, pipeline = self._written(names[0], done, questions)
        remarks += self._takeovers()
        if not all(self._reaches(kind, pipeline) for kind in self.kinds):
            remarks.append(f"another pipeline takes files of such names: load these with --pipeline {names[0]}")
        return Draft(
            names[0], text, pipeline, questions, remarks, sum(kind.records for kind in self.kinds), self.broken
        )

    def _names(self, wanted: str | None) -> tuple[list[str], list[str]]:
        """The names of the pipeline and of its streams' first tables, and what to say about them."""
        if wanted is not None and (snake(wanted) != wanted or not wanted):
            like = snake(wanted, "shop")
            raise ConfigError(f"--name {wanted!r}: use lower-case letters, digits and _, such as {like}")
        base = wanted or self._base()
        taken = {pipeline.name for pipeline in self.known} | set(_TAKEN)
        taken |= {table.name for pipeline in self.known for stream in pipeline.streams for table in stream.tables}
        name, number = base, 1
        while clash := self._clash(name, taken):
            number += 1
            name = f"{base}_{number}"
            if wanted is not None:
                while self._clash(name, taken):
                    number += 1
                    name = f"{base}_{number}"
                raise ConfigError(f"--name {wanted}: {clash} of this name is there already; {name} would be free")
        said = [f"{base} is taken, so this one is called {name}; --name gives it another name"] if name != base else []
        return [name, *self._streams(name)], said

    def _clash(self, name: str, taken: set[str]) -> str:
        """What is in the way of a name: a pipeline or a table, perhaps one that a list would become."""
        if name in {pipeline.name for pipeline in self.known}:
            return "a pipeline"
        for kind, first in zip(self.kinds, self._streams(name), strict=True):
            found = [table.name for table in Tabling(first, kind.is_csv, has_comma=kind.has_comma).tables(kind.root)]
            if not taken.isdisjoint([first, *found]):
                return "a table"
        return ""

    def _streams(self, name: str) -> list[str]:
        if len(self.kinds) == 1:
            return [name]
        base = self._base()
        names: list[str] = []
        for kind in self.kinds:
            names.append(unique(kind.name if name == base else f"{name}_{kind.name.removeprefix(f'{base}_')}", names))
        return names

    def _base(self) -> str:
        """What the files' names have in common: the first word of most, or the name of the first."""
        (word, count), *_ = Counter(kind.name.split("_")[0] for kind in self.kinds).most_common(1)
        return word if count > 1 else self.kinds[0].name

    def _stream(self, kind: Kind, name: str) -> DraftStream:
        if not kind.records and not (kind.is_csv and kind.root.children) and not kind.fields:
            raise UnreadableObjectError(
                f"{', '.join(str(look.path) for look in kind.looks)}: holds no record to draft a pipeline from"
                + "".join(f"; {reason}" for look in kind.looks for reason in look.reasons[:1])
            )
        forced: dict[places.Path, Literal["string", "json"]] = {}
        for _ in range(_ROUNDS):
            tables = Tabling(name, kind.is_csv, forced, kind.has_comma).tables(kind.root)
            trial = self._tried(kind, name, tables)
            if not trial.refused:
                return self._finished(kind, name, tables, trial)
            forced |= trial.refused
        raise UnreadableObjectError(f"{kind.looks[0].path}: no types fit its fields {', '.join(map('.'.join, forced))}")

    def _tried(self, kind: Kind, name: str, tables: Sequence[DraftTable]) -> Trial:
        self.rounds += 1
        if not tables:
            raise UnreadableObjectError(f"{kind.looks[0].path}: no record has a field that a column could hold")
        bare = DraftStream(name, ["*"], kind.looks[0].format, (), Key(), tables, has_comma=kind.has_comma)
        stream = parse_pipeline(yaml.safe_load(pipeline_text(name, [], [bare])), "the draft").streams[0]
        files = [look.trial for look in kind.looks if look.trial.exists()]
        return tried(self.engine, stream, tables, files, self.work / f"trial-{self.rounds}")

    def _finished(self, kind: Kind, name: str, tables: list[DraftTable], trial: Trial) -> DraftStream:
        first = tables[0]
        key = key_of(self.engine.cursor(), trial, first)
        self.broken += len(trial.broken) + sum(look.broken for look in kind.looks)
        date = None if first.rows else date_of(first, key.columns)
        required = {column.path for column in key.columns}
        with_parents(tables, key.columns, date)
        for table in tables:
            table.columns = [replace(each, is_required=each.path in required) for each in table.columns]
            if date is not None:
                own = next(each.name for each in table.columns if each.path == date.path)
                table.partition = f"month({own})"
        comments = [*self._seen(kind), *(f"On trial, set aside: {why}" for why in trial.broken[:3])]
        return DraftStream(
            name, [kind.match()], kind.looks[0].format, kind.envelopes, key, tables, comments, kind.has_comma
        )

    def _seen(self, kind: Kind) -> Iterator[str]:
        for look in kind.looks[:_NAMED]:
            size = look.path.stat().st_size
            if look.is_whole:
                how = (
                    f"{counted(look.records, 'record')}, all there are"
                    if look.records
                    else "no record, only its header"
                )
            else:
                more = f" and from {look.places - 1} places further on" if look.places > 1 else ""
                how = f"{counted(look.records, 'record')} from its beginning{more}"
            yield f"{look.path.name}, {size_text(size)}: {how}"
            for reason in look.reasons:
                yield f"  it is set aside in any case: {reason}"
        if len(kind.looks) > _NAMED:
            yield f"and {len(kind.looks) - _NAMED} more files"

    def _written(self, name: str, streams: Sequence[DraftStream], questions: Iterable[str]) -> tuple[str, Pipeline]:
        open_ones = sum(1 for _ in questions)
        header = ["Drafted by `orderlake infer`: a beginning to read through and to change."]
        if open_ones:
            header.append(f"`# ?` marks {counted(open_ones, 'question')} that the data leaves open.")
        text = pipeline_text(name, header, streams)
        return text, parse_pipeline(yaml.safe_load(text), f"the draft {name}")

    def _takeovers(self) -> list[str]:
        """What is to be known where files of such names go to other pipelines as yet."""
        files = [look.path.name for kind in self.kinds for look in kind.looks]
        return [
            f"{name} fits pipeline {pipeline.name} too: of two, a run takes the one that spells out more of the name"
            for name in files[:1]
            for pipeline in self.known
            if any(stream.fit(name) is not None for stream in pipeline.streams)
        ]

    def _reaches(self, kind: Kind, pipeline: Pipeline) -> bool:
        """Whether a run would give the files to this pipeline."""
        for look in kind.looks:
            source = SourceObject(look.path.name, look.path.name, 0, 0)
            if stream_of([*self.known, pipeline], source, None)[0] is not pipeline:
                return False
        return True

"""Stage shares: strictly all together first, then piece by piece, and with care only what is refused again."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

from orderlake.engine import Engine, name, parquet, paths, quote
from orderlake.errors import (
    ConfigError,
    LakeError,
    StorageUnavailableError,
    UnreadableObjectError,
    UnreadableShareError,
)
from orderlake.kernel import flatten, read_csv, read_json, rescue
from orderlake.kernel.careful import Careful, Sifted, stage_again, stage_carefully
from orderlake.kernel.disguise import arm
from orderlake.kernel.flags import flagged
from orderlake.kernel.glance import Glance, glance, wanted
from orderlake.kernel.journal import Journal
from orderlake.kernel.raws import Reach, raws_of
from orderlake.kernel.scan import Text, UnbalancedError
from orderlake.kernel.set_aside import PARQUET, Part, SetAside, take_out
from orderlake.kernel.shape import inner
from orderlake.kernel.sniff import Layout
from orderlake.kernel.split import Lines, Share, chunks_of, has_long_line, pieces, readable, text_of
from orderlake.kernel.task import Done, Task
from orderlake.model.staged import ROW_BITS, of_table, staged_name
from orderlake.storage.raised import raised_in_engine

if TYPE_CHECKING:
    import duckdb

Files = dict[flatten.Grain, str]


class TornError(Exception):
    """A share of the file of this source is not balanced: it was cut inside a record, or is damaged there."""

    def __init__(self, source: int) -> None:
        super().__init__(source)
        self.source = source


@dataclass(frozen=True, slots=True)
class Worker:
    """Stages tasks of one stream: works in `folder`, stages into `out` (what the engine calls a folder)."""

    plan: flatten.Plan
    folder: Path
    out: str
    journal: Journal | None = None
    """Where parts are kept that are staged, if they are to outlive this process."""
    key: bytes = field(default=b"", repr=False)
    """The key that personal data is hashed with; empty where nothing is."""
    lines: dict[tuple[Path, int], Lines] = field(default_factory=dict, compare=False, repr=False)
    glances: dict[int, Glance] = field(default_factory=dict)
    """What the beginning of each source showed."""

    def look(self, shares: Iterable[tuple[int, Share]]) -> None:
        """Glance at the first share of each source that has not been glanced at."""
        if not wanted(self.plan):
            return
        for source, share in shares:
            if source not in self.glances:
                self.glances[source] = glance(self.plan, share)

    def all(self, engine: Engine, tasks: Sequence[Task]) -> list[Done]:
        """Stage tasks side by side; what they are of can go afterwards."""
        done = engine.each(self.run, tasks)
        return [replace(one, sifted=tuple(each.placed() for each in one.sifted)) for one in done]

    def run(self, cursor: duckdb.DuckDBPyConnection, task: Task) -> Done:
        """Stage a task; UnreadableShareError names the source that cannot be read, TornError the one cut wrongly."""
        if self.journal is None or len(task.shares) > 1:
            return self._stage(cursor, task)
        found = self.journal.find(task)
        return found or self.journal.keep(task, self._whole(cursor, task.first, self._stage(cursor, task)))

    def _whole(self, cursor: duckdb.DuckDBPyConnection, number: int, done: Done) -> Done:
        """What came of a task, with the records that the sieve kept out: nothing of a part that is kept waits."""
        if not done.sifted:
            return done
        again = self.again(cursor, [each.placed() for each in done.sifted], number)
        grains = {grain: files + again.grains[grain] for grain, files in done.grains.items()}
        return Done(grains, done.counts, done.aside + again.aside)

    def _stage(self, cursor: duckdb.DuckDBPyConnection, task: Task) -> Done:
        source = task.sources[0]
        self._arm(cursor)
        try:
            with _translated(source):
                return self._run(cursor, task)
        except UnbalancedError as error:
            if task.shares[0].is_cut:
                raise TornError(source) from None
            raise UnreadableShareError(str(error), source) from None

    def _arm(self, cursor: duckdb.DuckDBPyConnection) -> None:
        if self.key:
            arm(cursor, self.key)

    def _run(self, cursor: duckdb.DuckDBPyConnection, task: Task) -> Done:
        if len(task.shares) > 1:
            return self._together(cursor, task) or self._one_by_one(cursor, task)
        share, base = task.shares[0], task.first << ROW_BITS
        files = self._files(task, "all")
        done = self._strict(cursor, Part(task.first, share, self._lines(share)), files)
        if done is not None:
            return done
        some = pieces(share)
        if len(some) > 1:
            try:
                return self._piecewise(cursor, task, some)
            except UnbalancedError:
                pass  # a piece was cut wrongly, or is damaged: the share as a whole tells more
        count, files, aside = self._carefully(cursor, text_of(share, self._lines(share)), base, files)
        return Done(_single(files), (count,), aside)

    def _files(self, task: Task, what: str) -> Files:
        return {
            grain: f"{self.out}/staged-{number}-{task.first:06d}-{what}.parquet"
            for number, grain in enumerate(self.plan.shape.grains)
        }

    def _carefully(
        self, cursor: duckdb.DuckDBPyConnection, text: Text, base: int, files: Files
    ) -> tuple[int, Files, SetAside]:
        return stage_carefully(cursor, Careful(self.plan, self.folder / f"careful-{get_ident()}"), text, base, files)

    def _strict(self, cursor: duckdb.DuckDBPyConnection, part: Part, files: Files) -> Done | None:
        """Stage a share strictly; None when it is refused."""
        import duckdb  # noqa: PLC0415 - as in run

        share, base = part.share, part.base
        if share.layout == "lines" and has_long_line(share):
            return None
        try:
            with readable(share, self._copy) as path:
                if share.dialect is None:
                    number = f"{base} + row_number() OVER ()"
                    self._write(cursor, files, *self._relation(cursor, [path], share.layout, number))
                elif any(b"\0" in chunk for chunk in chunks_of(share)):
                    return None
                else:
                    self._write(cursor, files, read_csv.strict_relation(self.plan, path, share.dialect, base), None)
        except (duckdb.Error, UnicodeDecodeError) as error:
            if not _is_refusal(error):
                raise
            return None
        if share.dialect is not None:
            count = self._counts(cursor, files).get(part.segment, 0)
            files, aside = take_out(cursor, self.plan, part, files, self._copy)
            return Done(_single(files), (count,), aside)
        sifted = self._sifted(cursor)
        if sifted:
            return self._again(cursor, part, files, sifted)
        return Done(_single(files), (self._last(cursor, files, base) - base,))

    def _sifted(self, cursor: duckdb.DuckDBPyConnection) -> int:
        """How many records the sieve has kept out of the file that was written last."""
        if not self.plan.sieve:
            return 0
        last = f"SELECT last_value FROM duckdb_sequences() WHERE temporary AND sequence_name = '{flatten.SIFTED}'"
        (found,) = cursor.execute(last).fetchone() or (None,)
        return 0 if found is None else int(found)

    def _again(self, cursor: duckdb.DuckDBPyConnection, part: Part, files: Files, sifted: int) -> Done:
        """Keep the records that the sieve kept out for another look: their numbers are those that are not staged."""
        count = sum(self._counts(cursor, files).values()) + sifted
        key = self.plan.stream.key
        names = "".join(f", {name(staged_name(column))} AS k{at}" for at, column in enumerate(key))
        others = f"SELECT _rid - {part.base} AS n{names} FROM {self._records(files)}"
        reach = Reach(count, tuple(column.path for column in key), part.lines, self._copy)
        file = self.folder / f"sifted-{part.base}.csv"
        longest = read_json.keep_raws(raws_of(cursor, part.share, others, reach), part.base, file)
        return Done(_single(files), (count,), sifted=(Sifted(file, longest, part.lines, part.share.start),))

    def again(self, cursor: duckdb.DuckDBPyConnection, sifted: Sequence[Sifted], number: int) -> Done:
        """Look with care at records that the sieve kept out, of several shares together."""
        wanted = {
            grain: f"{self.out}/staged-{at}-again-{number}.parquet" for at, grain in enumerate(self.plan.shape.grains)
        }
        self._arm(cursor)
        with _translated(0):
            files, aside = stage_again(cursor, self.plan, sifted, wanted)
            held = any(self._counts(cursor, files).values())
        for each in sifted:
            each.file.unlink()
        return Done(_single(files) if held else dict.fromkeys(files, ()), (), aside)

    def _lines(self, share: Share) -> Lines:
        """Who counts the lines of a share's file, for all of its shares."""
        return self.lines.setdefault((share.path, share.origin), Lines(share.path, share.line))

    @property
    def _copy(self) -> Path:
        """Where this thread copies shares to."""
        return self.folder / f"share-{get_ident()}"

    def _piecewise(self, cursor: duckdb.DuckDBPyConnection, task: Task, some: list[Share]) -> Done:
        """Stage a share that was refused in pieces: strictly as long as that pays, else with care."""
        done: list[Done] = []
        read = refused = 0
        lines = self._lines(task.shares[0])
        for number, piece in enumerate(some):
            files, part = self._files(task, f"{number:04d}"), Part(task.first, piece, lines, read)
            one = self._strict(cursor, part, files) if refused * 2 <= number + 2 else None
            if one is None:
                refused += 1
                count, files, aside = self._carefully(cursor, text_of(piece, lines), part.base, files)
                one = Done(_single(files), (count,), aside)
            done.append(one)
            read += sum(one.counts)
        grains = {grain: tuple(file for one in done for file in one.grains[grain]) for grain in self.plan.shape.grains}
        sifted = tuple(each for one in done for each in one.sifted)
        return Done(grains, (read,), sum((one.aside for one in done), SetAside()), sifted=sifted)

    def _together(self, cursor: duckdb.DuckDBPyConnection, task: Task) -> Done | None:
        """Stage many small files in one go; None when one of them is refused."""
        import duckdb  # noqa: PLC0415 - as in run

        files = self._files(task, "all")
        read = [share.path for share in task.shares]
        which = f"list_position({paths(str(file) for file in read)}, r.{inner('file')})"
        number = f"(({task.first - 1} + {which})::BIGINT << {ROW_BITS}) + row_number() OVER ()"
        try:
            self._write(cursor, files, *self._relation(cursor, read, task.shares[0].layout, number))
        except (duckdb.Error, UnicodeDecodeError) as error:
            if not _is_refusal(error):
                raise
            return None
        if self._sifted(cursor):
            return None
        found = self._counts(cursor, files)
        counts = tuple(found.get(task.first + at, 0) for at in range(len(read)))
        return Done(_single(files), counts, is_numbered_through=True)

    def _one_by_one(self, cursor: duckdb.DuckDBPyConnection, task: Task) -> Done:
        """Stage each file of a group alone, so that a fault stays with its file."""
        alone = [
            self.run(cursor, Task(task.first + at, (share,), (source,)))
            for at, (share, source) in enumerate(zip(task.shares, task.sources, strict=True))
        ]
        grains = {grain: tuple(file for one in alone for file in one.grains[grain]) for grain in self.plan.shape.grains}
        counts = tuple(count for one in alone for count in one.counts)
        sifted = tuple(each for one in alone for each in one.sifted)
        return Done(grains, counts, sum((one.aside for one in alone), SetAside()), sifted=sifted)

    def _relation(
        self, cursor: duckdb.DuckDBPyConnection, read: list[Path], layout: Layout, number: str
    ) -> tuple[str, str | None]:
        """The records of JSON files, and SQL of their numbers; None when the records have them."""
        if self.plan.stream.contract.is_kept:
            return rescue.strict_relation(cursor, self.plan, read, layout, number), None
        return read_json.strict_relation(self.plan, read, layout), number

    def _write(self, cursor: duckdb.DuckDBPyConnection, files: Files, relation: str, number: str | None) -> None:
        for grain, file in files.items():
            strict = flatten.strict_sql(self.plan, grain, relation, number)
            sql = flatten.disguised(
                self.plan, grain, flagged(self.plan, grain, strict, is_sifted=bool(self.plan.sieve))
            )
            if self.plan.sieve:
                cursor.execute(f"CREATE OR REPLACE TEMP SEQUENCE {flatten.SIFTED}")
            cursor.execute(f"COPY ({sql}) TO {quote(file)} {PARQUET}")

    def _last(self, cursor: duckdb.DuckDBPyConnection, files: Files, base: int) -> int:
        """The last record's `_rid`, `base` when there is none; from the footer, for JSON is numbered without a gap."""
        staged = quote(files[self.plan.shape.grains[0]])
        last = "SELECT max(CAST(stats_max_value AS BIGINT)) FROM parquet_metadata"
        (number,) = cursor.execute(f"{last}({staged}) WHERE path_in_schema = '_rid'").fetchone() or (None,)
        return base if number is None else int(number)

    def _counts(self, cursor: duckdb.DuckDBPyConnection, files: Files) -> dict[int, int]:
        """Records per segment, from the first grain: one row of it per record."""
        staged = self._records(files)
        return dict(cursor.execute(f"SELECT _rid >> {ROW_BITS}, count(*) FROM {staged} GROUP BY 1").fetchall())

    def _records(self, files: Files) -> str:
        """What a FROM names: the first grain's rows, one per record."""
        root = self.plan.shape.grains[0]
        first = of_table(len(self.plan.shape.levels(root)), is_own=False)
        return f"{parquet([files[root]])} WHERE {first}"


def _is_refusal(error: Exception) -> bool:
    """Whether DuckDB refuses what it has read, and did not fail; it may cut a letter in two where it says why."""
    import duckdb  # noqa: PLC0415 - as in run

    return not isinstance(error, duckdb.IOException | duckdb.FatalException) and raised_in_engine(error) is None


@contextmanager
def _translated(source: int) -> Iterator[None]:
    """What DuckDB and the system say, as what the caller has to do about it."""
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        yield
    except UnreadableShareError:
        raise
    except UnreadableObjectError as error:
        raise UnreadableShareError(str(error), source) from None
    except OSError as error:
        raise unread(error, source) from error
    except duckdb.OutOfMemoryException as error:
        raise ConfigError(f"memory_mb is too small for this file: {error}") from error
    except (duckdb.IOException, duckdb.FatalException) as error:
        raise StorageUnavailableError(f"staging failed: {error}") from error
    except duckdb.Error as error:
        stored = raised_in_engine(error)
        if stored is not None:
            raise stored from error
        raise UnreadableShareError(f"cannot be staged: {str(error).splitlines()[0]}", source) from error
    except UnicodeDecodeError as error:
        said = error.object.decode(errors="replace").splitlines()[0]
        raise UnreadableShareError(f"cannot be staged: {said}", source) from error


def is_short(error: OSError) -> bool:
    """Whether this machine is short of something, rather than a file at fault."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def unread(error: OSError, source: int) -> LakeError:
    """What a failed system call means: this machine is short of something, or the source cannot be read."""
    if is_short(error):
        return StorageUnavailableError(f"staging failed: {error}")
    return UnreadableShareError(f"cannot be read: {error.strerror or error}", source)


def _single(files: Files) -> dict[flatten.Grain, tuple[str, ...]]:
    return {grain: (file,) for grain, file in files.items()}

"""Random histories of a lake, files put, corrected, copied, loaded, crashed, mended, rolled back; and the oracle.

A history is a pure function of its seed, so a failure is replayed by its seed alone:

    python -m tests.property.histories 4711            # plays one, and prints it
    python -m tests.property.histories 0 10000         # plays these, and prints what fails
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from orderlake import Lake
from orderlake.engine import Engine, connect
from orderlake.errors import NotFoundError, TransientError
from orderlake.model.report import LoadReport
from orderlake.rollback import Wish
from tests.reference import NOON, QUERIES, SECOND, Written, by_text, expected, new_lake, order, put

NAMES = ("orders_a", "orders_b", "orders_c", "late/orders_d")
DAYS = ("2024-01-05", "2024-02-01")
SHAPES = ("time", "time", "sequence", "files")
STEPS = 10
Event = tuple[Any, ...]

KEYLESS = """
pipeline: orders
sources:
  orders:
    match: ["*.csv"]
    format: csv
    tables:
      ratings:
        columns: {product: string, stars: int}
      ratings_plain:
        format: parquet
        columns: {product: string, stars: int}
"""


class StoppedError(TransientError):
    """The process died here."""


@dataclass(frozen=True)
class History:
    """What happens, and to which kind of lake: versions by file time, by a sequence, or whole files without a key."""

    seed: int
    shape: str
    events: tuple[Event, ...]

    def __str__(self) -> str:
        """One event a line."""
        return "\n".join([f"seed {self.seed}, versions by {self.shape}", *(f"  {event}" for event in self.events)])


def history_of(seed: int) -> History:
    """The history of a seed."""
    rng = random.Random(seed)
    shape = rng.choice(SHAPES)
    first = [_put(rng, shape, name) for name in rng.sample(NAMES, rng.randint(2, 3))]
    kinds = rng.choices(
        ["put", "copy", "back", "load", "crash", "rollback", "undo", "fix", "replay", "compact"],
        [3, 1, 1, 3, 2, 4, 2, 1, 0.3, 0.5],
        k=rng.randint(3, 8)
        if rng.randrange(12)
        else rng.randint(14, 24),  # some are long enough for files to be folded
    )
    return History(seed, shape, tuple(first + [_event(rng, shape, kind) for kind in kinds]))


def _event(rng: random.Random, shape: str, kind: str) -> Event:
    name = rng.choice(NAMES)
    if kind == "put":
        return _put(rng, shape, name)
    if kind in ("copy", "back"):  # another file of equal content; a file with content that it had before
        return (kind, rng.randrange(9), name, rng.randrange(6))
    if kind == "load":
        return (kind, tuple(rng.sample(NAMES, rng.choice([0, 0, 1, 2]))))
    if kind == "crash":
        return (kind, rng.randint(1, STEPS), rng.randint(1, 2))
    dies = rng.choice([None, None, rng.randint(1, STEPS)])
    more = {"undo": (dies,), "rollback": (rng.randrange(3) == 0, dies)}.get(kind, ())
    return (kind, rng.randrange(9), *more)


def _put(rng: random.Random, shape: str, name: str) -> Event:
    if shape == "files":
        rows = tuple((rng.choice("AB"), rng.randint(1, 2)) for _ in range(rng.randrange(3)))
        return ("put", name, rng.randrange(6), rows)
    return ("put", name, rng.randrange(6), tuple(_order(rng) for _ in range(rng.randint(1, 3))))


def _order(rng: random.Random) -> tuple[Any, ...]:
    """An order: its number, its products, its day (None: one that is none, so it is set aside), its sequence."""
    products = "".join(rng.sample("AB", rng.randrange(3)))
    return rng.randint(1, 4), products, rng.choice([*DAYS, *DAYS, None]), rng.randint(1, 3)


@dataclass
class Version:
    """One version of one file, as it was written: its records, those that are set aside apart."""

    uri: str
    mtime: int
    rows: Sequence[Any]

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.uri, self.mtime

    def written(self) -> Written:
        """What the reference has to know of it."""
        return Written(self.uri, self.mtime, tuple(_record(row) for row in self.rows if row[2] is not None))


def _record(row: tuple[Any, ...]) -> dict[str, Any]:
    number, products, day, sequence = row
    return order(number, *products, day=day or "never", total=f"{sequence}.00", updated_at=sequence)


@dataclass
class Play:
    """Acts out a history in a folder, and keeps what is loaded."""

    history: History
    folder: Path
    lake: Lake
    there: dict[str, Version] = field(default_factory=dict)
    every: dict[tuple[str, int], Version] = field(default_factory=dict)
    loaded: set[tuple[str, int]] = field(default_factory=set)
    undone: set[tuple[str, int]] = field(default_factory=set)

    def act(self) -> None:
        """Everything that happens; then whatever is left is loaded, and all is compared."""
        for event in self.history.events:
            getattr(self, f"_{event[0]}")(*event[1:])
        self._load(())
        self.compare()
        before = self._state()
        assert {report.status for report in self.lake.run()} <= {"unchanged"}, "a second run loads something"
        assert self._state() == before, "a second run changes something"

    def compare(self) -> None:
        """The tables against the reference of what is loaded and not rolled back; the accounts against each other."""
        findings = self.lake.verify().findings
        assert findings == (), f"verify: {findings}"
        # A version may have been loaded by a run that died, and overwritten before any other run could tell.
        self.loaded |= {(each.source, each.version) for each in self._loads()}
        assert not self.loaded & self.undone, "what was rolled back is loaded"
        standing = [self.every[key] for key in self.loaded]
        if self.history.shape == "files":
            wanted = {table: _whole_files(standing) for table in ("ratings", "ratings_plain")}
            queries = {table: f"SELECT product, stars FROM {table}" for table in wanted}
        else:
            sequence = "updated_at" if self.history.shape == "sequence" else None
            wanted = expected([version.written() for version in standing], sequence)
            queries = QUERIES
        with self.lake.session() as session:
            found = {table: by_text(session.query(sql).rows) for table, sql in queries.items()}
        assert found == wanted, f"tables differ\n found {found}\nwanted {wanted}"
        assert all(report.conserved for report in self.lake.loads())

    def _state(self) -> object:
        history = [(report.identity, report.nth, report.load_id) for report in self.lake.loads()]
        return self.lake._backends.catalog.tables(), history, sorted((self.lake.project.lake).rglob("*_ETL_*"))

    # --- what happens -------------------------------------------------------------------------------------------------

    def _put(self, name: str, tick: int, rows: Sequence[Any]) -> None:
        end = "csv" if self.history.shape == "files" else "json"
        uri, mtime = f"raw/{name}.{end}", NOON + tick * SECOND
        while (uri, mtime) in self.every:
            mtime += SECOND // 4
        version = Version(uri, mtime, rows)
        self.every[version.key] = self.there[uri] = version
        self._write(version, self.lake.project.root / uri)

    def _write(self, version: Version, path: Path) -> None:
        if self.history.shape == "files":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{a},{b}\n" for a, b in [("product", "stars"), *version.rows]), "utf-8")
            os.utime(path, ns=(version.mtime, version.mtime))
        else:
            put(path, [_record(row) for row in version.rows], version.mtime)

    def _copy(self, of: int, name: str, tick: int) -> None:
        some = list(self.there.values())
        self._put(name, tick, some[of % len(some)].rows)

    def _back(self, of: int, name: str, tick: int) -> None:
        some = [version for version in self.every.values() if f"/{name}." in version.uri]
        if some:
            self._put(name, tick, some[of % len(some)].rows)

    def _load(self, names: Sequence[str]) -> None:
        paths = [self.lake.project.root / uri for uri in self.there if any(f"/{name}." in uri for name in names)]
        if paths or not names:
            self._heard(self.lake.run(paths))

    def _crash(self, step: int, commit: int) -> None:
        """A run that dies at a step; another process goes on."""
        try:
            self._heard(self.lake.run(on_step=_stop(step, commit)))
        except StoppedError:
            self._again()

    def _rollback(self, which: int, *rest: Any) -> None:
        one_file, step = rest
        loads = self._loads()
        if not loads:
            return
        load = loads[which % len(loads)]
        files = [load.source] if one_file else []
        # A file that was loaded again since still goes by the id of its first load.
        of_it = {each.identity for each in self.lake.loads() if each.load_id == load.load_id}
        mine = [each for each in loads if each.identity in of_it and (not one_file or each.source == load.source)]
        wish = Wish(load.load_id, sources=files)
        try:
            self._rolled_back(wish, step)
        except NotFoundError as error:
            _expect(error, "nothing was done")
            self._rolled_back(Wish(wish.load, sources=files, kept=[self._kept()]), None)
        keys = {(each.source, each.version) for each in mine}
        self.loaded -= keys
        self.undone |= keys

    def _rolled_back(self, wish: Wish, step: int | None) -> None:
        try:
            done = self.lake.rollback(wish, _stop(step, 1))
        except StoppedError:
            self._again()
            try:
                done = self.lake.rollback(wish)
            except NotFoundError as error:
                if "rolled back already" in str(error) or "not in load" in str(error):  # it had landed
                    return
                raise
        assert done.is_done

    def _kept(self) -> Path:
        """A folder with every version of every file there ever was."""
        for number, version in enumerate(self.every.values()):
            target = self.folder / "kept" / str(number) / version.uri.rsplit("/", 1)[-1]
            if not target.exists():
                self._write(version, target)
        return self.folder / "kept"

    def _compact(self, _: int) -> None:
        self.lake.maintain()

    def _undo(self, which: int, step: int | None) -> None:
        gone = [each for each in self._last().values() if each.status == "rolled_back"]
        if not gone:
            return
        one = gone[which % len(gone)]
        try:
            self._heard(self.lake.restore(one.load_id, [one.source], on_step=_stop(step, 1)))
        except StoppedError:
            self._again()
            self._resolved((one.source, one.version))
        except NotFoundError:
            if self.there[one.source].mtime == one.version:
                raise

    def _fix(self, which: int) -> None:
        """A record that was set aside gets a day."""
        bad = [each for each in self._quarantined() if each["status"] == "open"]
        if not bad:
            return
        one = bad[which % len(bad)]
        row = self.every[one["source"], one["version"]].rows[one["position"] - 1]
        fixed = (row[0], row[1], DAYS[0], row[3])
        try:
            mended = self.lake.fix(one["source"], one["position"], json.dumps(_record(fixed)), one["version"])
        except NotFoundError as error:  # its load has died before it was in the history: the next run puts it there
            _expect(error, "the load history does not know")
            return
        (report,) = [
            each for each in self._last().values() if each.source == mended.mended and each.load_id == mended.load_id
        ]
        version = Version(mended.mended, report.version, (fixed,))
        self.every[version.key] = self.there[version.uri] = version
        self._heard([report])

    def _replay(self, which: int) -> None:
        """A record that was set aside is tried as it is: it is set aside again, and that is all."""
        bad = [each for each in self._quarantined() if each["status"] == "open"]
        if not bad:
            return
        one = bad[which % len(bad)]
        try:
            mended = self.lake.replay(one["source"], one["position"], one["version"])
        except NotFoundError as error:
            _expect(error, "the load history does not know")
            return
        (report,) = [
            each for each in self._last().values() if each.source == mended.mended and each.load_id == mended.load_id
        ]
        assert mended.outcome == "quarantined", mended
        row = self.every[one["source"], one["version"]].rows[one["position"] - 1]
        version = Version(mended.mended, report.version, (row,))
        self.every[version.key] = self.there[version.uri] = version
        self._heard([report])

    def _resolved(self, key: tuple[str, int]) -> None:
        """What became of a source when its load has died: a look at the lake finishes what has landed."""
        self.lake.verify()
        (last,) = [each for each in self._last().values() if (each.source, each.version) == key]
        if last.status == "loaded":
            self._heard([last])

    # --- what is known ------------------------------------------------------------------------------------------------

    def _again(self) -> None:
        """Another process opens the lake."""
        self.lake.close()
        self.lake = _opened(self.lake.project.root)

    def _heard(self, reports: Sequence[LoadReport]) -> None:
        """What runs say is loaded: now, or by one that died meanwhile."""
        for report in reports:
            key = (report.source, report.version)
            if report.status == "loaded" or (report.status == "unchanged" and report.reason is None):
                assert key in self.every, f"{key} was never written"
                assert key not in self.undone or report.nth, f"{key} was rolled back, and is loaded"
                self.undone.discard(key)
                self.loaded.add(key)
            else:
                assert report.status == "unchanged", report
                assert key in self.undone, f"{key} was never rolled back: {report.reason}"

    def _last(self) -> dict[str, LoadReport]:
        last: dict[str, LoadReport] = {}
        for report in self.lake.loads():
            last[report.identity] = report
        return last

    def _loads(self) -> list[LoadReport]:
        return [report for report in self._last().values() if report.status == "loaded"]

    def _quarantined(self) -> list[Any]:
        return [] if self.history.shape == "files" else list(self.lake.quarantine())


def _whole_files(versions: Sequence[Version]) -> list[tuple[Any, ...]]:
    """Of each file its newest version; contents that are equal as bags of rows stand once."""
    newest: dict[str, Version] = {}
    for version in versions:
        if version.uri not in newest or version.mtime > newest[version.uri].mtime:
            newest[version.uri] = version
    contents = {tuple(sorted(version.rows)) for version in newest.values()}
    return by_text(row for rows in contents for row in rows)


def _stop(step: int | None, commit: int) -> Any:
    """A hook that dies at this step of that commit."""
    seen = Counter[int]()

    def on_step(reached: int) -> None:
        seen[reached] += 1
        if reached == step and seen[1] >= commit:
            raise StoppedError("here")

    return on_step


class _Kept(Engine):
    """An engine that is only cleared when it is closed: opening one costs more than a small load."""

    def close(self) -> None:
        self.clear()
        # A question's session sets what suits questions.
        self.connection.execute("SET GLOBAL disabled_optimizers = 'statistics_propagation'")
        self.connection.execute("SET GLOBAL threads = 1")


@cache
def _engine() -> Engine:
    made = connect(Path(tempfile.gettempdir()) / f"histories-{os.getpid()}" / "spill", workers=1)
    return _Kept(made.connection, made.workers, made.spill)


def _opened(root: Path) -> Lake:
    lake = Lake(root)
    lake._backends.engine = lambda _: _engine()  # type: ignore[method-assign,assignment]  # one for all: see _Kept
    return lake


def play(seed: int) -> History:
    """Act out the history of a seed; AssertionError, or whatever went wrong, with the whole of it."""
    history = history_of(seed)
    shm = Path("/dev/shm")  # memory, where there is some: thousands of lakes wear out a disk
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=shm if shm.is_dir() else None))
    try:
        new_lake(folder / "lake", _SHAPED[history.shape]).close()
        acting = Play(history, folder, _opened(folder / "lake"))
        try:
            acting.act()
        finally:
            acting.lake.close()
    except BaseException as error:
        error.add_note(str(history))
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return history


def _with_sequence(text: str) -> str:
    return text.replace("key: order_id", "key: order_id\n    sequence_by: updated_at", 1).replace(
        "          total_amount: money\n", "          total_amount: money\n          updated_at: bigint\n"
    )


_SHAPED = {"time": lambda text: text, "sequence": _with_sequence, "files": lambda _: KEYLESS}


def _expect(error: Exception, text: str) -> None:
    """Go on where this is what went wrong."""
    if text not in str(error):
        raise error


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Play one seed aloud, or a range of them."""
    first = int(words[0])
    if len(words) == 1:
        sys.stdout.write(f"{play(first)}\n")
        return 0
    failed, events, started = 0, Counter[str](), time.monotonic()
    for seed in range(first, int(words[1])):
        try:
            events.update(event[0] for event in play(seed).events)
        except Exception as error:  # noqa: BLE001 - the next one may tell more
            failed += 1
            _say(f"seed {seed}: {type(error).__name__}: {error}\n{history_of(seed)}")
        if (seed + 1 - first) % 100 == 0:
            minutes = (time.monotonic() - started) / 60
            _say(f"{seed + 1 - first} histories, {sum(events.values())} events, {failed} failed, {minutes:.1f} min")
    _say(f"done: {int(words[1]) - first} histories, {dict(events)}, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Forget people: nothing that is stored tells of them any more, and no file brings them back.

1. Remember who it is, as a hash: from here on files are read without them.
2. Look at the raw files: which tell of them, and how they are spelled there.
3. Take them out of the tables, stream by stream, a commit each.
4. Take them out of the quarantine, and of what was said of dropped records.
5. Rewrite the raw files.
6. Remove what was made of the tables: marts, sums, work of builds.
7. Expire all older snapshots, and delete the files that only they needed.
8. Write the receipt.

Each step can be done twice; whoever dies in one is followed by whoever says the same again, and the receipt tells of
both. What is kept in between (`.orderlake/forgetting/`) has hashes and counts.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.erasing.forgotten import remember
from orderlake.erasing.json_text import without_keys
from orderlake.erasing.people import People, digest
from orderlake.errors import ConfigError
from orderlake.forgetting.derived import derived, remove
from orderlake.forgetting.places import place_of
from orderlake.forgetting.raw import RawFiles, erase_raw
from orderlake.forgetting.receipt import FOLDER, Counts, Journal, written
from orderlake.forgetting.set_aside import SetAside, told_of_rescued
from orderlake.forgetting.sweep import old_snapshots, sweep
from orderlake.model.person import KINDS, Kind
from orderlake.model.pipeline import Stream
from orderlake.tables.commit import Committer
from orderlake.tables.erase import Erase
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from orderlake.engine import Engine

_SALT_BITS: Final = 62


@dataclass(frozen=True, slots=True)
class Who:
    """Who is to be forgotten: customers by id, by address, or both. Never shown."""

    ids: tuple[str, ...] = field(default=(), repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Forgot:
    """What was done, or with `is_done` False would be: `hashes` by kind, `receipt` the file that keeps it.

    `left` names files that may tell of them still, and why.
    """

    hashes: tuple[tuple[str, str], ...]
    counts: Counts
    left: tuple[str, ...]
    receipt: str
    is_done: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "done": self.is_done,
            "forgotten": [{"kind": kind, "hash": each} for kind, each in self.hashes],
            **self.counts.as_dict(),
            "left": list(self.left),
            "receipt": self.receipt,
        }


def forget(backends: Backends, who: Who, *, is_dry: bool, on_step: Callable[[int], None] = lambda _: None) -> Forgot:
    """Forget these people, or tell what that would do.

    ConfigError where that cannot be done: where no pipeline says what identifies a person, or for nobody.
    """
    people = People.of([*(("id", each) for each in who.ids), *(("email", each) for each in who.emails)])
    streams = _streams(backends, people)
    folder = backends.project.state / "work" / f"{os.getpid()}-forget-{secrets.token_hex(4)}"
    engine = backends.engine(folder)
    try:
        return _Forgetting(backends, engine, people, streams, folder, is_dry, on_step).run()
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


def _streams(backends: Backends, people: People) -> list[Stream]:
    if not people or not all(text for _, text in people.known):
        raise ConfigError("say who: --customer ID, --email E, or both")
    streams = [stream for stream in backends.streams if stream.person]
    known = {kind for stream in streams for kind, _ in stream.person}
    for kind in KINDS:
        if people.texts(kind) and kind not in known:
            what = "customer's id" if kind == "id" else "person's e-mail address"
            raise ConfigError(
                f"no pipeline says which field holds a {what}: declare it in its source, as in "
                "person: {id: customer.id, email: customer.email}"
            )
    return streams


@dataclass
class _Forgetting:
    backends: Backends
    engine: Engine
    people: People
    streams: list[Stream]
    folder: Path
    is_dry: bool
    on_step: Callable[[int], None]
    key: bytes = field(init=False, repr=False)

    def run(self) -> Forgot:
        self.key = self.backends.secret()
        if self.backends.project.aws is not None:
            from orderlake.functions import refuse_others  # noqa: PLC0415 - an optional extra

            refuse_others(self.backends.project, self.backends.project.aws, self.key)
        hashes = tuple((kind, digest(self.key, kind, text)) for kind, text in sorted(self.people.known))
        if self.is_dry:
            return self._foreseen(hashes)
        with self.backends.ledger.turn("forgetting"):  # two at once could store what one of them has read before
            return self._done(hashes)

    def _done(self, hashes: tuple[tuple[str, str], ...]) -> Forgot:
        project, place = self.backends.project, place_of(self.backends)
        name = hashlib.sha256(repr(hashes).encode()).hexdigest()[:12]
        journal = Journal.of(project.state, name, utc_now())
        journal.add(Counts())
        self.on_step(1)
        remember(self.backends.store, self.backends.remembered, self.key, self.people)
        self.on_step(2)
        raw = erase_raw(self.backends, place, self.people, self.folder, is_dry=True)
        place.begin(raw.uris)
        self.on_step(3)
        for stream in self.streams:
            journal.add(Counts(tables=self._tables(stream, raw)))
        self.on_step(4)
        aside = SetAside(self.backends, self.engine, self.people, is_dry=False)
        journal.add(Counts(quarantine=aside.records()))
        journal.add(Counts(drops=aside.reasons()))
        self.on_step(5)
        raw = erase_raw(self.backends, place, self.people, self.folder, is_dry=False)
        journal.add(Counts(raw_files=raw.files, raw_records=raw.records))
        self.on_step(6)
        journal.add(Counts(derived=remove(self.backends)))
        self.on_step(7)
        swept = sweep(self.backends, self._committer())
        journal.add(Counts(snapshots=swept.snapshots, files_deleted=swept.files))
        self.on_step(8)
        return self._told(journal, hashes, raw, name)

    def _told(self, journal: Journal, hashes: tuple[tuple[str, str], ...], raw: RawFiles, name: str) -> Forgot:
        project, finished = self.backends.project, utc_now()
        file = project.root / FOLDER / f"forget-{finished[:19].replace(':', '')}-{name[:8]}.json"
        done = Forgot(hashes, journal.done, raw.left, file.relative_to(project.root).as_posix(), is_done=True)
        about = {"begun": journal.begun, "finished": finished, "by": getpass.getuser()}
        written(file, about | done.as_dict())
        journal.close()
        return done

    def _foreseen(self, hashes: tuple[tuple[str, str], ...]) -> Forgot:
        raw = erase_raw(self.backends, place_of(self.backends), self.people, self.folder, is_dry=True)
        aside = SetAside(self.backends, self.engine, self.people, is_dry=True)
        tables: dict[str, int] = {}
        for stream in self.streams:
            tables |= self._tables(stream, raw)
        counts = Counts(
            raw.files,
            raw.records,
            tables,
            aside.records(),
            aside.reasons(),
            old_snapshots(self.backends),
            derived=sorted({what for what, _ in derived(self.backends)}),
        )
        return Forgot(hashes, counts, raw.left, "", is_done=False)

    def _committer(self) -> Committer:
        parts = self.backends
        return Committer(self.engine, parts.house, parts.ledger, parts.sources, utc_now)

    def _tables(self, stream: Stream, raw: RawFiles) -> dict[str, int]:
        paths = [path for path, _ in stream.pii]

        def told(texts: Sequence[str]) -> Mapping[str, str | None]:
            return told_of_rescued(texts, lambda text: without_keys(text, paths, is_row=stream.format == "csv"))

        committer = self._committer()
        erase = Erase(committer, stream, self._known(raw), told, secrets.randbits(_SALT_BITS), self.is_dry)
        return committer.in_turn(stream.index, erase.attempt)

    def _known(self, raw: RawFiles) -> dict[Kind, list[str]]:
        """By what they are known in tables: normal texts, and what is stored where these are hashed."""
        found: dict[Kind, set[str]] = {kind: set(self.people.texts(kind)) for kind in KINDS}
        for kind, text in self.people.known | raw.spelled:
            found[kind].add(stored_hash(self.key, text))
        return {kind: sorted(texts) for kind, texts in found.items()}


def stored_hash(key: bytes, text: str) -> str:
    """What the kernel stores of a text by pii(hash)."""
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()

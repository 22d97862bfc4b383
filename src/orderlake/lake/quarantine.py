"""Quarantine: what was set aside, and how it is loaded after all, or closed."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError, NotFoundError
from orderlake.lake.history import History
from orderlake.lake.loading import Loading

if TYPE_CHECKING:
    from orderlake.mending import Mended, Which
    from orderlake.mending.batch import Mending
    from orderlake.mending.drops import Dropped
    from orderlake.mending.mend import Mender
    from orderlake.mending.records import Quarantined
    from orderlake.model.report import LoadReport


class Quarantine(Loading, History):
    """Lists, mends and closes the records set aside."""

    def quarantine(
        self, source: str | None = None, limit: int | None = None, which: Which | None = None
    ) -> list[Quarantined]:
        """The records set aside, newest last: of sources whose name holds `source`, at most the last `limit`.

        Each stands once, however often it was mended, with its `status`: open, fixed, replaced or dropped. `which` says
        more closely which are meant.
        """
        from orderlake.mending import Which  # noqa: PLC0415 - `run` mends nothing
        from orderlake.mending.records import find_records  # noqa: PLC0415 - as above

        wanted = which or Which(source=source or "", limit=limit)
        return find_records(self.project, self.loads(), wanted, self.query)

    def quarantine_counts(self, which: Which | None = None) -> dict[str, int]:
        """How many of the records set aside, or of those that are meant, are open, fixed, replaced, dropped."""
        from orderlake.mending import STATUSES  # noqa: PLC0415 - as above
        from orderlake.mending.records import quarantine_records  # noqa: PLC0415 - as above

        records, where = quarantine_records(self.project, self.loads()), "" if which is None else which.where
        found = dict(self.query(f"SELECT status, count(*) FROM {records} {where} GROUP BY 1").rows)
        return {status: int(found.get(status, 0)) for status in STATUSES}

    def quarantined(self, key: str) -> tuple[Quarantined, list[LoadReport]]:
        """The record of this id, and the loads that tried to mend it, oldest first; NotFoundError if there is none."""
        from orderlake.mending import Which  # noqa: PLC0415 - as above

        record = self._each((key,), Which(ids=(key,)))[0]
        return record, [each for each in self.loads() if each.source == record["mended"]]

    def export_quarantine(
        self, file: str | os.PathLike[str], which: Which | None = None, *, force: bool = False
    ) -> int:
        """Write the open records, or those that are meant, to a file of one JSON object a line; give their number.

        `-` is standard output. The file appears whole or not at all; ConfigError when there is one, without `force`.
        """
        from orderlake.exporting.place import placed  # noqa: PLC0415 - as above
        from orderlake.mending.sheet import line_of  # noqa: PLC0415 - as above

        target = Path(file)
        if str(file) != "-" and target.exists() and not force:
            raise ConfigError(f"there is a file {target} already: --force replaces it")
        records = self._meant(which)
        drafts = self._mender().drafts(records)
        lines = (line_of(record, *draft) for record, draft in zip(records, drafts, strict=True))
        if str(file) == "-":
            for line in lines:
                sys.stdout.write(f"{line}\n")
            return len(records)
        with placed(target) as part, part.open("w", encoding="utf-8", newline="\n") as written:
            written.writelines(f"{line}\n" for line in lines)
        return len(records)

    def fix(self, source: str, position: int, record: str, version: int | None = None) -> Mended:
        """Load a record of the quarantine with this text: as a file of its own, with the time of the file it is from.

        Of a CSV file `record` is the row, with or without the header above it. The outcome is in what is returned;
        DataError says what is wrong with the text, ConfigError why a record of this source cannot be mended.
        """
        return self._mender().fix(source, position, record, version)

    def fix_file(self, file: str | os.PathLike[str]) -> Mending:
        """Load the records of a file that `export_quarantine` wrote as they stand there now, in few commits.

        Lines as they were are passed over; one that is wrong is named in what is returned, and stops no other. The same
        file twice changes nothing.
        """
        from orderlake.mending import batch  # noqa: PLC0415 - as above

        try:
            data = sys.stdin.buffer.read() if str(file) == "-" else Path(file).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"there is no file {file}") from None
        return batch.fix(self._mender(), lambda which: self.quarantine(which=which), data)

    def replay(self, source: str, position: int, version: int | None = None) -> Mended:
        """Load a record of the quarantine as it is, once the pipeline takes what it refused; as `fix` otherwise."""
        return self._mender().fix(source, position, None, version)

    def replay_all(self, which: Which | None = None) -> Mending:
        """Load all open records, or those that are meant, as they are, in few commits."""
        from orderlake.mending import batch  # noqa: PLC0415 - as above

        return batch.replay(self._mender(), self._meant(which))

    def drop(self, which: Which, reason: str) -> Dropped:
        """Close open records for this reason without loading them; they can be fixed all the same.

        Who and when is recorded with the reason in the table `quarantine_drops`. Dropping twice is dropping once.
        """
        from orderlake.mending.drops import Dropper  # noqa: PLC0415 - as above
        from orderlake.wiring import utc_now  # noqa: PLC0415 - as above

        records = self._meant(which)
        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-drop")
        try:
            return Dropper(self._backends, engine, _user(), utc_now()).drop(records, reason)
        finally:
            engine.close()

    def draft(self, source: str, position: int, version: int | None = None) -> str:
        """The text to begin fixing a record of the quarantine with; errors as of `fix`."""
        return self._mender().draft(source, position, version)

    def _meant(self, which: Which | None) -> list[Quarantined]:
        """Those that are named, whatever their status; else the open ones that fit."""
        from dataclasses import replace  # noqa: PLC0415 - as above

        from orderlake.mending import Which  # noqa: PLC0415 - as above

        wanted = which or Which()
        if wanted.ids or wanted.position is not None:
            return self._each(wanted.ids, wanted)
        return self.quarantine(which=wanted if wanted.status else replace(wanted, status="open"))

    def _each(self, ids: Sequence[str], which: Which) -> list[Quarantined]:
        found = self.quarantine(which=which)
        missing = [key for key in ids if key not in {each["id"] for each in found}]
        if missing or not found:
            named = ", ".join(missing) or f"{which.position} of {which.source}"
            raise NotFoundError(f"there is no record {named} in quarantine; `orderlake quarantine list` shows what is")
        return found if ids else [max(found, key=lambda each: each["version"])]

    def _mender(self) -> Mender:
        from orderlake.mending.mend import Mender  # noqa: PLC0415 - as above

        return Mender(self._backends, self.query, self.load)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return f"uid {os.getuid()}"

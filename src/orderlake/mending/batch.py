"""Many records at once: a file of mended ones, or all that are open as they are; and what it came to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from orderlake.errors import DataError, LakeError
from orderlake.mending.mend import Mender, Wish
from orderlake.mending.mended import Mended
from orderlake.mending.records import Quarantined, prefix_of
from orderlake.mending.sheet import Entry, Unread, is_same, read_lines
from orderlake.mending.which import Which, texts
from orderlake.model.check import complaint

Fate = Literal["loaded", "unchanged", "untouched", "set aside", "rejected", "wrong"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one record: `line` is that of the file it stood in, 0 without one; `reason` says what is wrong.

    `unchanged` was loaded with this text before, `untouched` has the text that was set aside, `wrong` cannot be tried.
    """

    line: int
    id: str
    fate: Fate
    field: str = ""
    reason: str = ""
    load_id: str = ""
    mended: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether something is left to do."""
        return self.fate in ("set aside", "rejected", "wrong")


@dataclass(frozen=True, slots=True)
class Mending:
    """What a batch came to, in the order of its records."""

    records: tuple[Done, ...]

    def count(self, *fates: Fate) -> int:
        """How many records came to this."""
        return sum(each.fate in fates for each in self.records)

    @property
    def ok(self) -> bool:
        """Whether nothing was set aside again, rejected or wrong."""
        return not any(each.is_bad for each in self.records)

    @property
    def why(self) -> list[tuple[str, int]]:
        """What is still wrong and with how many records, most first."""
        found = Counter(complaint(each.field, each.reason) for each in self.records if each.is_bad)
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))

    def as_dict(self) -> dict[str, object]:
        """JSON-ready values."""
        fates: tuple[Fate, ...] = ("loaded", "unchanged", "untouched", "set aside", "rejected", "wrong")
        return {
            "ok": self.ok,
            **{fate.replace(" ", "_"): self.count(fate) for fate in fates},
            "why": [{"reason": reason, "records": count} for reason, count in self.why],
            "records": [asdict(each) for each in self.records],
        }


def replay(mender: Mender, records: Sequence[Quarantined]) -> Mending:
    """Load these records as they are."""
    done = mender.mend([Wish(record) for record in records])
    return Mending(tuple(_done(0, record["id"], one) for record, one in zip(records, done, strict=True)))


def fix(mender: Mender, find: Callable[[Which], list[Quarantined]], data: bytes) -> Mending:
    """Load the records of such a file as its lines have them; a line that is wrong stops no other."""
    mender.refuse_on_aws()
    lines = list(read_lines(data))
    found = {each["id"]: each for each in find(Which(tuple(each.id for each in lines if isinstance(each, Entry))))}
    aside = _texts(mender, found)
    done: dict[int, Done] = {}
    wishes: dict[int, tuple[Entry, Wish]] = {}
    first: dict[str, int] = {}
    for line in lines:
        record = found.get(line.id) if isinstance(line, Entry) else None
        if isinstance(line, Unread):
            done[line.line] = Done(line.line, "", "wrong", "", line.reason)
        elif record is None:
            why = "there is no record of this id in quarantine; `orderlake quarantine list` shows what is"
            done[line.line] = Done(line.line, line.id, "wrong", "", why)
        elif line.id in first:
            why = f"line {first[line.id]} is of the same record: leave one of them"
            done[line.line] = Done(line.line, line.id, "wrong", "", why)
        elif any(is_same(line.text, text) for text in aside[line.id]):
            done[line.line] = Done(line.line, line.id, "untouched")
        else:
            wishes[line.line] = line, Wish(record, line.text)
        if record is not None and isinstance(line, Entry):
            first.setdefault(line.id, line.line)
    tried = mender.mend([wish for _, wish in wishes.values()]) if wishes else []
    for (entry, _), one in zip(wishes.values(), tried, strict=True):
        done[entry.line] = _done(entry.line, entry.id, one)
    return Mending(tuple(done[line.line] for line in lines))


def _done(line: int, key: str, one: Mended | LakeError) -> Done:
    if isinstance(one, LakeError):
        stays = isinstance(one, DataError) and not line  # as it was: nobody has written anything wrong
        return Done(line, key, "set aside" if stays else "wrong", "", str(one))
    fate: Fate = "set aside" if one.outcome == "quarantined" else "rejected" if one.outcome == "rejected" else "loaded"
    if one.is_closed and not one.is_new:
        fate = "unchanged"
    return Done(line, key, fate, one.field, one.reason, one.load_id, one.mended)


def _texts(mender: Mender, records: dict[str, Quarantined]) -> dict[str, list[str]]:
    """Per record the texts that were set aside so far, its first one among them, as they may stand in a file."""
    if not records:
        return {}
    project = mender.backends.project
    sources = {each["source"] for each in records.values()} | {each["mended"] or "" for each in records.values()}
    rows = mender.ask(
        f"SELECT source, version, position, record FROM quarantine WHERE source IN {texts(sorted(sources))}"
    ).rows
    first = {(source, version, position): text for source, version, position, text in rows}
    again: dict[str, list[str]] = defaultdict(list)
    for source, _, _, text in rows:
        if str(source).startswith(prefix_of(project)):
            again[source].append(text)
    found: dict[str, list[str]] = {}
    shown = zip(records.items(), mender.drafts([*records.values()]), strict=True)
    for (key, record), (_, draft) in shown:
        own = first[record["source"], record["version"], record["position"]]
        header = draft.removesuffix(record["record"])
        bare = [own, *again[record["mended"] or ""]]
        found[key] = [*bare, *(f"{header}{text}" for text in bare if header)]
    return found

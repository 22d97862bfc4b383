"""A case of the corpus: a file as it comes, and what a user would want to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PIPELINE: Final = """\
pipeline: corpus
sources:
  orders:
    match: ["*.json*", "*.ndjson*"]
    format: json
    key: id
    tables:
      orders:
        columns:
          id: bigint required
          day: date
          total: money
          name: string from customer.name
          paid: boolean
          weight: double
          note: string
      lines:
        rows: lines
        columns:
          id: bigint required
          line: int from lines.$position
          sku: string from lines.sku
          quantity: int from lines.quantity
  wrapped:
    match: "wrapped_*.json*"
    format: json
    envelope: [orders, order]
    key: id
    tables:
      wrapped:
        columns:
          id: bigint required
          note: string
  sales:
    match: ["*.csv*", "*.tsv*", "*.txt*"]
    format: csv
    key: id
    tables:
      sales:
        columns:
          id: bigint required
          day: date
          amount: money
          note: string
  american:
    match: "american_*.csv*"
    format: csv
    key: id
    tables:
      american:
        columns:
          id: bigint required
          day: {type: date, format: "%m/%d/%Y"}
  words:
    match: "words_*.csv*"
    format: csv
    key: word
    tables:
      words:
        columns:
          word: string required
"""


@dataclass(frozen=True)
class Aside:
    """A record set aside: its number and line (from 1), the field at fault, and the essence of the reason."""

    number: int
    line: int | None
    field: str
    reason: str


@dataclass(frozen=True)
class Case:
    """A file and its outcome: records loaded, records set aside, or the essence of why it is rejected as a whole.

    `file` is the end of the file's name, or all but the case's own name. `shows` gives a column's values, in the file's
    order, where they matter.
    """

    name: str
    data: bytes
    file: str
    loaded: int = 0
    aside: tuple[Aside, ...] = ()
    rejected: str | None = None
    shows: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """A name of its own that leads to the stream wanted: `{}` in `file` is where it goes."""
        own = self.name.replace(" ", "-").replace("/", "_")
        return self.file.format(own) if "{}" in self.file else own + self.file

    @property
    def table(self) -> str:
        """The table that has a row for each record."""
        if self.file.startswith(("wrapped", "american", "words")):
            return self.file.split("_", 1)[0]
        return "sales" if any(end in self.file for end in (".csv", ".tsv", ".txt")) else "orders"


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be loaded: alone in its file, or among others, it costs itself and nothing else.

    `reason` is the essence of what is said of it, `field` the field at fault, if it is one.
    """

    name: str
    data: bytes
    field: str
    reason: str


def bad(name: str, data: str | bytes, reason: str, field: str = "") -> BadRecord:
    """A record that is set aside."""
    return BadRecord(name, _bytes(data), field, reason)


def loads(name: str, data: str | bytes, loaded: int, file: str = ".json", /, **shows: tuple[object, ...]) -> Case:
    """All of it loads."""
    return Case(name, _bytes(data), file, loaded, shows=shows)


def sets_aside(
    name: str, data: str | bytes, loaded: int, *aside: tuple[int, int | None, str, str], file: str = ".json"
) -> Case:
    """Some records are set aside, the others load."""
    return Case(name, _bytes(data), file, loaded, tuple(Aside(*each) for each in aside))


def rejects(name: str, data: str | bytes, reason: str, file: str = ".json") -> Case:
    """No record can be told in it: the file as a whole is rejected."""
    return Case(name, _bytes(data), file, rejected=reason)


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()

"""Answers for the page Query: rows, plan, warnings, and what a statement reads and would cost."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from orderlake.console.drawing import is_number
from orderlake.console.state import Console
from orderlake.cost.actual import query_cost
from orderlake.errors import LakeError, QueryError
from orderlake.query.duckdb import Question, Result
from orderlake.query.scan import Scan, read_columns, sizes
from orderlake.values import plain

if TYPE_CHECKING:
    from orderlake.query.grain import FanOut

MOST: Final = 1_000
"""Rows of an answer that are shown."""
SECONDS: Final = 60.0
"""How long a statement may take here."""
EXPORT_SECONDS: Final = 900.0
_TOGETHER: Final = 16
"""Statements that may run at once; a server has forty threads."""
_ANSWERS: Final = 8
"""Answers that are at hand, to be drawn another way."""
_LONG: Final = 400
"""Characters of a value that are shown."""
_PLACE: Final = re.compile(r"^LINE (?P<line>\d+): (?P<text>.*)\n(?P<caret> *)\^", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown: `is_null` apart from any text, `whole` when it was cut."""

    text: str
    is_null: bool = False
    whole: str = ""


@dataclass(slots=True)
class Answer:
    """What the page shows of a statement that was run."""

    result: Result | None = None
    has_more: bool = False
    seconds: float = 0.0
    plan: str = ""
    problem: str = ""
    line: int = 0
    warnings: Sequence[FanOut] = ()
    scan: Scan | None = None
    cost: Decimal | None = None

    @property
    def columns(self) -> list[tuple[str, str, bool]]:
        """Name, type, and whether it is a number."""
        if self.result is None:
            return []
        return [
            (name, kind, is_number(kind)) for name, kind in zip(self.result.columns, self.result.types, strict=True)
        ]

    @property
    def rows(self) -> Iterator[list[Cell]]:
        """The rows that are shown."""
        return ([_cell(value) for value in row] for row in (self.result.rows if self.result is not None else ()))


@dataclass(slots=True)
class Running:
    """The statements that run now, by a name that their page gave them, for it to stop them.

    There are only so many at once: each has a thread, and the pages want some, too.
    """

    _questions: list[tuple[str, Question]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def named(self, name: str, question: Question) -> Iterator[None]:
        """Let this question be stopped by its name while it runs; QueryError when too many do."""
        mine = name, question
        with self._lock:
            if len(self._questions) >= _TOGETHER:
                raise QueryError(f"{_TOGETHER} statements run already: cancel one, or wait for it")
            self._questions.append(mine)
        try:
            yield
        finally:
            with self._lock:
                self._questions.remove(mine)

    def stop(self, name: str) -> bool:
        """Stop the statement of this name; False when none runs."""
        with self._lock:
            found = [question for known, question in self._questions if name and known == name]
        for question in found:
            question.stop()
        return bool(found)


RUNNING: Final = Running()


def answered(console: Console, sql: str, what: str, name: str = "") -> Answer:
    """Run a statement: its rows, or its `plan`, or the plan as measured (`analyze`)."""
    answer = Answer()
    token = console.session.token()
    started = time.perf_counter()

    def run(question: Question) -> None:
        with RUNNING.named(name, question):
            if what in ("plan", "analyze"):
                answer.plan = question.plan(analyze=what == "analyze")
            else:
                found = question.answer(MOST + 1)
                answer.has_more = len(found.rows) > MOST
                answer.result = Result(found.columns, found.types, found.rows[:MOST])

    try:
        console.session.ask(sql, run, SECONDS)
    except QueryError as error:
        answer.problem, answer.line = str(error), _line(str(error))
        return answer
    answer.seconds = time.perf_counter() - started
    answer.warnings = _warnings(console, sql)
    answer.scan = scanned(console, sql)
    answer.cost = query_cost(answer.scan.bytes) if answer.scan is not None else None
    if answer.result is not None:
        _keep(console, token, sql, answer)
    return answer


def drawn_again(console: Console, sql: str, name: str = "") -> Answer:
    """The rows that a statement gave last, for another chart of them; it runs anew where those are not at hand."""
    at_hand: dict[str, Answer] = console.kept("answers", console.session.token(), dict)
    answer = at_hand.get(sql)
    return answer if answer is not None else answered(console, sql, "rows", name)


def _keep(console: Console, token: str, sql: str, answer: Answer) -> None:
    at_hand: dict[str, Answer] = console.kept("answers", token, dict)
    at_hand.pop(sql, None)
    at_hand[sql] = answer
    for old in list(at_hand)[:-_ANSWERS]:
        at_hand.pop(old, None)


def words(console: Console) -> Mapping[str, Mapping[str, str]]:
    """The columns of each table, with their types."""

    def look() -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {table.name: {} for table in console.session.tables()}
        listed = console.session.query(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        )
        for table, column, kind in listed.rows:
            found.setdefault(table, {})[column] = kind
        return found

    return console.kept("words", console.session.token(), look)


def scanned(console: Console, sql: str) -> Scan | None:
    """What a statement reads at most; None where it reads what is no table of the lake."""
    kept: dict[str, dict[str, int]] = console.kept("column sizes", console.session.token(), dict)
    try:
        found = read_columns(sql, words(console))
    except LakeError:
        return None
    total = files = 0
    tables = {table.name.lower(): table for table in console.session.tables()}
    read: dict[str, tuple[str, ...]] = {}
    for name, columns in found.items():
        table = tables.get(name.lower())
        if table is None:
            continue
        if table.name not in kept:
            kept[table.name] = sizes(console.session.engine.cursor(), table)
        total += sum(kept[table.name].get(column, 0) for column in columns)
        files += len(table.files)
        read[table.name] = tuple(sorted(columns))
    return Scan(total, files, read)


def _warnings(console: Console, sql: str) -> Sequence[FanOut]:
    with suppress(LakeError):  # what cannot be linted is no fault of the statement
        return console.lake.lint(sql)
    return ()


def _line(message: str) -> int:
    found = _PLACE.search(message)
    return int(found["line"]) if found is not None else 0


def _cell(value: Any) -> Cell:  # noqa: ANN401 - whatever a table holds
    if value is None:
        return Cell("NULL", is_null=True)
    text = plain(value)
    return Cell(text) if len(text) <= _LONG else Cell(f"{text[:_LONG]}…", whole=text)

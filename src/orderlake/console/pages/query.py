"""The page Query: ask the tables in SQL, from scratch or from a saved query.

A statement runs only when one of the console's own pages asks for it: by a POST, which Guard takes from no other
origin, or by an address that holds the token of this process. A link from elsewhere (`?sql=…`) fills in the editor, and
nothing runs until the user says so. What runs is one SELECT, on an engine that reads no files but the lake's.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from markupsafe import Markup
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from orderlake.console.asking import EXPORT_SECONDS, MOST, RUNNING, SECONDS, Answer, answered, drawn_again, words
from orderlake.console.drawing import KINDS, Choice, chosen, drawn, is_number
from orderlake.console.render import page
from orderlake.console.state import Console, console_of
from orderlake.console.submitted import Fields, fields
from orderlake.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from orderlake.query.duckdb import Question
    from orderlake.query.saved import SavedQuery

TOKEN: Final = secrets.token_urlsafe(18)
"""What an address must hold to run its statement: known to pages of this process alone."""
_TYPES: Final = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_KEYWORDS: Final = (
    "SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET JOIN LEFT INNER FULL CROSS ON USING AS WITH UNION ALL "
    "DISTINCT CASE WHEN THEN ELSE END AND OR NOT IN IS NULL BETWEEN LIKE EXISTS OVER PARTITION ROWS FILTER INTERVAL "
    "DATE CAST DESC ASC QUALIFY EXCEPT INTERSECT VALUES UNNEST TRUE FALSE"
)


async def show(request: Request) -> Response:
    """The page, with the answer when it is to run."""
    given = await fields(request)
    return await run_in_threadpool(_shown, request, given)


def _shown(request: Request, given: Fields) -> Response:
    console = console_of(request)
    saved, problem = _saved(console, given.one("saved"))
    values = {each.name: given.one(f"p.{each.name}", each.default) for each in saved.parameters} if saved else {}
    sql = given.one("sql").replace("\r\n", "\n")
    if saved is not None and not sql.strip():
        try:
            sql = saved.bound(values)
        except ConfigError as error:
            problem = str(error)
    wanted = request.method == "POST" or secrets.compare_digest(given.one("run").encode(), TOKEN.encode())
    answer: Answer | None = None
    if wanted and sql.strip() and not problem:
        if given.one("kind"):  # of the form that draws an answer another way
            answer = drawn_again(console, sql, given.one("id"))
        else:
            answer = answered(console, sql, given.one("do"), given.one("id"))
    elif wanted and not problem:
        problem = "there is nothing to run yet: write a SELECT, or choose a saved query"
    queries, faults = console.saved_queries()
    return page(
        request,
        "query.html",
        sql=sql,
        saved=saved,
        values=values,
        groups=_groups(queries),
        faults=faults,
        problem=problem,
        answer=answer,
        chart=_chart(answer, saved, given),
        run=TOKEN,
        most=MOST,
        seconds=int(SECONDS),
        id=secrets.token_hex(8),
        only_filled=bool(sql.strip()) and not wanted,
    )


def _saved(console: Console, name: str) -> tuple[SavedQuery | None, str]:
    if not name:
        return None, ""
    try:
        return console.lake.saved_query(name), ""
    except (NotFoundError, ConfigError) as error:
        return None, str(error)


def _groups(queries: Sequence[SavedQuery]) -> Mapping[str, list[SavedQuery]]:
    found: dict[str, list[SavedQuery]] = {}
    for each in queries:
        found.setdefault(each.group, []).append(each)
    return found


def _chart(answer: Answer | None, saved: SavedQuery | None, given: Fields) -> Mapping[str, Any]:
    """The drawing of an answer, and what may be chosen for it."""
    if answer is None or answer.result is None:
        return {}
    hint = Choice() if saved is None or saved.chart is None else Choice(saved.chart.kind, saved.chart.x, saved.chart.y)
    if hint.kind == "table" and not given.one("kind"):
        hint = Choice("none")
    result = answer.result
    choice = chosen(result, Choice(given.one("kind"), given.one("x"), tuple(given.all("y"))), hint)
    numbers = [name for name, kind in zip(result.columns, result.types, strict=True) if is_number(kind)]
    return {
        "markup": Markup(drawn(result, choice, saved.title if saved is not None else "Answer")),  # noqa: S704 - our own charts escape what they show
        "choice": choice,
        "kinds": KINDS,
        "columns": result.columns,
        "numbers": numbers,
        "possible": bool(numbers) and len(result.rows) > 1,
    }


def known_words(request: Request) -> Response:
    """What completion knows: tables with their columns, functions, keywords."""
    console = console_of(request)
    listed = console.session.query(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'table') "
        "AND regexp_full_match(function_name, '[a-z][a-z0-9_]+') AND NOT starts_with(function_name, 'pragma') "
        "ORDER BY function_name"
    )
    shown = {
        "tables": {table: dict(columns) for table, columns in words(console).items()},
        "functions": [row[0] for row in listed.rows],
        "keywords": _KEYWORDS.split(),
    }
    return JSONResponse(shown, headers={"cache-control": "no-store"})


async def export(request: Request) -> Response:
    """The whole answer as a file."""
    given = await fields(request)
    return await run_in_threadpool(_exported, request, given)


def _exported(request: Request, given: Fields) -> Response:
    console = console_of(request)
    form = given.one("form", "csv")
    if form not in _TYPES:
        raise ConfigError(f"an answer is exported as {' or '.join(_TYPES)}, not as {form!r}")
    name = re.sub(r"[^a-z0-9_-]+", "_", given.one("saved").lower())[:60] or "answer"
    file = console.session.folder / f"{uuid.uuid4().hex}.{form}"

    def write(question: Question) -> None:
        with RUNNING.named(given.one("id"), question):
            question.write(file, cast("Literal['csv', 'parquet']", form))

    try:
        console.session.ask(given.one("sql"), write, EXPORT_SECONDS)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    gone = BackgroundTask(file.unlink, missing_ok=True)
    headers = {"cache-control": "no-store"}
    return FileResponse(file, media_type=_TYPES[form], filename=f"{name}.{form}", headers=headers, background=gone)


async def cancel(request: Request) -> Response:
    """Stop the statement that a page runs."""
    given = await fields(request)
    return JSONResponse({"stopped": RUNNING.stop(given.one("id"))})


routes: Final = [
    Route("/query", show, methods=["GET", "POST"]),
    Route("/query/words", known_words),
    Route("/query/export", export, methods=["POST"]),
    Route("/query/cancel", cancel, methods=["POST"]),
]

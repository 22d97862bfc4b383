"""The page Data: what tables there are, and what each is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.routing import Route

from orderlake.console.catalogue import columns_of, entries, sample_of, table_of
from orderlake.console.render import page
from orderlake.console.state import console_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN: Final = 100
"""Partitions, snapshots and files of a table that are listed."""


def show(request: Request) -> Response:
    """The list of tables."""
    found = entries(console_of(request))
    return page(
        request,
        "data.html",
        tables=[each for each in found if each.kind != "mart"],
        marts=[each for each in found if each.kind == "mart"],
        rows=sum(each.rows for each in found if each.pipeline),
        size=sum(each.bytes for each in found),
        files=sum(each.files for each in found),
    )


def show_table(request: Request) -> Response:
    """One table."""
    console = console_of(request)
    name = request.path_params["name"]
    entry, made = table_of(console, name)
    quoted = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
    return page(
        request,
        "table.html",
        table=entry,
        made=made,
        columns=columns_of(console, made),
        sample=sample_of(console, name),
        shown=_SHOWN,
        root=str(console.lake.project.lake if console.lake.project.aws is None else console.lake.project.aws.lake),
        question="/query?" + urlencode({"sql": f"SELECT * FROM {quoted} LIMIT 100"}),
    )


routes: Final = [Route("/data", show), Route("/data/{name}", show_table)]

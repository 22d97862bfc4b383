"""What was made of the tables and can be made again: it goes, rather than being searched for people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from orderlake.processes import is_alive
from orderlake.runner import SPARK_CLAIM, SPARK_WORK
from orderlake.tables.published import FOLDER
from orderlake.wiring import STAGED, Backends


def derived(backends: Backends) -> Iterator[tuple[str, str | Path]]:
    """What there is of it: what it is called, and its place (a folder here, or a location of the store)."""
    state, store, root = backends.project.state, backends.store, backends.root
    for what, folder in (("the console's sums", state / "overview"), ("the work of builds", state / "dbt")):
        if folder.exists():
            yield what, folder
    names = [FOLDER, *(file.stem for file in sorted((backends.project.root / "marts").glob("*.sql")))]
    for each in names:
        for found in store.list(f"{root}/{each}", hidden=True):
            yield "marts", found.location
    for folder in sorted((state / "work").glob("*")):
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not is_alive(int(owner)):
            yield "what dead processes left", folder
    # What the living have is not of use any more: their commits look who is forgotten, and stage again.
    spark = Path(store.engine_path(root)) / SPARK_WORK
    for place, claim in ((state / STAGED, "{}"), (spark, SPARK_CLAIM)):
        for folder in sorted(place.glob("*")):
            with backends.ledger.claim([claim.format(folder.name)]) as won:
                if won:
                    yield "what broken loads staged", folder


def remove(backends: Backends) -> list[str]:
    """Remove it; give what it was."""
    gone = []
    for what, place in derived(backends):
        gone.append(what)
        if isinstance(place, Path):
            shutil.rmtree(place, ignore_errors=True)
        else:
            backends.store.delete(place)
    return sorted(set(gone))

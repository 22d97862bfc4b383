"""What was made of the tables and can be made again: it goes, rather than being searched for people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from orderlake.processes import is_alive
from orderlake.runner import SPARK_CLAIM, SPARK_WORK, WORK
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
    yield from (("what broken loads staged", place) for place in _staged(backends))
    if backends.is_remote:
        from orderlake.forgetting.athena import answers  # noqa: PLC0415 - an optional extra

        yield from (("answers of Athena", location) for location in answers(backends))


def _staged(backends: Backends) -> Iterator[str | Path]:
    """What the living have is not of use any more: their commits look who is forgotten, and stage again."""
    places: dict[str, set[str | Path]] = {}
    state, store = backends.project.state, backends.store
    for folder in sorted((state / STAGED).glob("*")):
        places.setdefault(folder.name, set()).add(folder)
    work = f"{store.engine_path(backends.root)}/{WORK}"
    for found in store.list(f"{backends.root}/{WORK}", hidden=True):
        owner, _, rest = store.engine_path(found.location).removeprefix(f"{work}/").partition("/")
        place = Path(work, owner)
        if f"{WORK}/{owner}" == SPARK_WORK:
            name = rest.partition("/")[0]
            place, owner = place / name, SPARK_CLAIM.format(name)
        places.setdefault(owner, set()).add(found.location if backends.is_remote else place)
    for owner, left in places.items():
        with backends.ledger.claim([owner]) as won:
            if won:
                yield from left


def remove(backends: Backends) -> list[str]:
    """Remove it; give what it was."""
    gone = []
    if backends.is_remote:
        from orderlake.forgetting.athena import drop_marts  # noqa: PLC0415 - an optional extra

        drop_marts(backends)
    for what, place in derived(backends):
        gone.append(what)
        if isinstance(place, Path):
            shutil.rmtree(place, ignore_errors=True)
        else:
            backends.store.delete(place)
    return sorted(set(gone))

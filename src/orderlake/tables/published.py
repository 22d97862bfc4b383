"""The marts that are published: one pointer names the files of all of them, and is replaced in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.ports import Objects

FOLDER: Final = "marts"
"""Below the lake's root: the pointer, and a folder of files per build."""
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class PublishedMart:
    """A mart as readers find it: its files (below FOLDER), its columns with DuckDB's types, what a row of it is.

    One that Athena keeps has no files of ours, and its rows are not counted (None).
    `unique_key` may be empty where the models do not tell. `content` is a fingerprint of the rows in any order, `build`
    the build that wrote them.
    """

    name: str
    files: tuple[str, ...]
    columns: Mapping[str, str]
    rows: int | None
    bytes: int
    grain: str = ""
    unique_key: tuple[str, ...] = ()
    about: str = ""
    content: str = ""
    build: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """All marts of one moment: what was built, when (ISO 8601, UTC), of which models and of which state of the tables.

    `before` names the files of the publication before this one, which slow readers may still hold open.
    """

    build: str
    built_at: str
    marts: Mapping[str, PublishedMart]
    models: str = ""
    sources: Mapping[str, str | None] = field(default_factory=dict)
    before: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The files of all its marts."""
        return tuple(file for mart in self.marts.values() for file in mart.files)


def pointer(root: str) -> str:
    """Where the pointer of the lake at `root` lies."""
    return f"{root}/{FOLDER}/current.json"


def location(root: str, file: str) -> str:
    """Where a published file lies."""
    return f"{root}/{FOLDER}/{file}"


def published(store: Objects, root: str) -> Publication | None:
    """What is published now; None before the first publication. ConfigError when the pointer cannot be read."""
    try:
        data = store.read(pointer(root))
    except NotFoundError:
        return None
    try:
        return _parsed(json.loads(data))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{pointer(root)} is no list of marts ({error}): delete it, and `orderlake build` writes a new one"
        ) from error


def publish(store: Objects, root: str, publication: Publication) -> None:
    """Show these marts from now on, all at once. Their files must be there to stay."""
    text = json.dumps({"format": _FORMAT, **asdict(publication)}, indent=1, ensure_ascii=False)
    store.write(pointer(root), text.encode())


def _parsed(document: dict[str, Any]) -> Publication:
    if document.pop("format") != _FORMAT:
        raise ValueError("it was written by another version of orderlake")
    marts = {
        name: PublishedMart(**{**mart, "files": tuple(mart["files"]), "unique_key": tuple(mart["unique_key"])})
        for name, mart in document.pop("marts").items()
    }
    return Publication(marts=marts, before=tuple(document.pop("before")), **document)

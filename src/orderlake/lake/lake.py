"""The lake: order files in, trusted tables out. The same words as on the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from orderlake.config import PROJECT_FILE, Project, find_project, in_environment, load_project
from orderlake.errors import ConfigError
from orderlake.lake.drafting import Drafting
from orderlake.lake.explaining import Explaining
from orderlake.lake.quarantine import Quarantine
from orderlake.lake.undoing import Undoing
from orderlake.lake.upkeep import Upkeep
from orderlake.wiring import Backends, bundled_pipelines

_PROJECT_TEXT: Final = """\
# An orderlake project. Drop files into raw/, then `orderlake run`.
raw: raw                # where new files are looked for
lake: lake              # where the tables are kept
# memory_mb: 192        # what the engine may hold; file size does not matter
# workers: 2            # shares of a file read at once; one per core by default
"""


class Lake(Quarantine, Explaining, Undoing, Upkeep, Drafting):
    """A project folder with its raw files and tables.

    >>> Lake.init("/tmp/shop", ["orders"]).run(["orders.json"])  # doctest: +SKIP
    """

    def __init__(self, project: str | os.PathLike[str] | None = None, env: str | None = None) -> None:
        """Open a project folder, or the nearest one upward; NotFoundError says how to make one.

        `env` is `local` for the lake in folders, or `aws` for the one that the project is deployed as; by default what
        ORDERLAKE_ENV says, else local.
        """
        root = find_project(Path.cwd()) if project is None else Path(project)
        self._backends = Backends(in_environment(load_project(root), env))

    @classmethod
    def of(cls, project: Project) -> Self:
        """Open a lake by its settings."""
        lake = cls.__new__(cls)
        lake._backends = Backends(project)  # noqa: SLF001 - our own
        return lake

    @classmethod
    def init(cls, folder: str | os.PathLike[str], pipelines: Sequence[str] = ()) -> Lake:
        """Make a project with bundled pipelines (all of them when none is named); existing files stay.

        A project that has pipelines gets only those named.
        """
        bundled = bundled_pipelines()
        for wanted in pipelines:
            if wanted not in bundled:
                raise ConfigError(f"there is no bundled pipeline {wanted!r}; there are {', '.join(bundled)}")
        root = Path(folder)
        if root.exists() and not root.is_dir():
            raise ConfigError(f"{root} is a file: name a folder")
        (root / "raw").mkdir(parents=True, exist_ok=True)
        (root / "pipelines").mkdir(exist_ok=True)
        if not (root / PROJECT_FILE).exists():
            (root / PROJECT_FILE).write_text(_PROJECT_TEXT, encoding="utf-8")
        has_some = any((root / "pipelines").glob("*.y*ml"))
        for wanted in pipelines or (() if has_some else bundled):
            if not (root / "pipelines" / f"{wanted}.yaml").exists():
                shutil.copyfile(bundled[wanted], root / "pipelines" / f"{wanted}.yaml")
        return cls(root, "local")  # whatever ORDERLAKE_ENV says: nothing of it is deployed yet

    def close(self) -> None:
        """Give back the catalog and the ledger."""
        self._loads.close()
        self._backends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

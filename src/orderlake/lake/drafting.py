"""Before a load: pipelines drafted from files, and what a load would do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError
from orderlake.lake.parts import Parts

if TYPE_CHECKING:
    from orderlake.infer import Draft
    from orderlake.plan import Plan


class Drafting(Parts):
    """Drafts pipelines and adds them to the project; plans loads."""

    def infer(self, files: Sequence[str | os.PathLike[str]], name: str | None = None) -> Draft:
        """Draft a pipeline from files, under a name that is free here; nothing is written.

        UnreadableObjectError says why a file cannot be read, ConfigError that a name is taken.
        """
        from orderlake.infer import infer  # noqa: PLC0415 - `run` drafts nothing

        return infer([Path(file) for file in files], name, self.pipelines)

    def add(self, draft: Draft) -> Path:
        """Add a draft to the project's pipelines; ConfigError when there is a file of that name."""
        file = self.project.pipelines / f"{draft.name}.yaml"
        file.parent.mkdir(exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as out:
                out.write(draft.text)
        except FileExistsError:
            raise ConfigError(f"{file} is there already: remove it, or give the draft another --name") from None
        self._backends.__dict__.pop("pipelines", None)  # what was read of the folder before
        return file

    def plan(self, paths: Sequence[str | os.PathLike[str]] = (), pipeline: str | None = None) -> Plan:
        """What `run` would do with these files, or with what is new under raw/; nothing that lasts is written.

        The reports in it are those that `run` would give. Raises as `run` does.
        """
        from orderlake.plan import plan  # noqa: PLC0415 - `run` does it at once

        return plan(self._backends, paths, pipeline)

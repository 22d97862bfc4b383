"""Files that appear whole under their names, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from orderlake.errors import ConfigError
from orderlake.generate.plan import Plan


@contextmanager
def published(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    """Open one file per path; on leaving well each is renamed into place, on an error none is.

    Each rename is atomic; several files appear one after the other. Raises ConfigError when the folder cannot be
    made or written, and lets an OSError of the writing itself (a full disk) through, leaving nothing behind.
    """
    # A leading dot and no .json or .csv at the end: a watcher of the folder passes over it.
    drafts = [path.with_name(f".{path.name}.{uuid4().hex[:8]}.part") for path in paths]
    with ExitStack() as leftovers:
        with ExitStack() as stack:
            files: list[BinaryIO] = []
            for draft in drafts:
                files.append(stack.enter_context(_create(draft)))
                leftovers.callback(draft.unlink, missing_ok=True)
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        for draft, path in zip(drafts, paths, strict=True):
            draft.replace(path)


def _create(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"cannot write into {path.parent}: {reason}. Give another folder."
        raise ConfigError(message) from error


def write_records(file: BinaryIO, batches: Iterable[Sequence[str]], frame: tuple[str, str, str], plan: Plan) -> None:
    """Write record texts between the frame's head and tail, its separator between any two; tell progress."""
    head, separator, tail = frame
    lead = head
    written = 0
    for batch in batches:
        file.write((lead + separator.join(batch)).encode())
        lead = separator
        written += len(batch)
        plan.tell(written)
    if written == 0:
        # No records: an empty array, or an NDJSON file without even a blank line.
        file.write((head + tail.lstrip()).encode() if head != "" else b"")
    else:
        file.write(tail.encode())

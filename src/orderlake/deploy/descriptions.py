"""botocore's descriptions of AWS, less what only people read: opening a client means parsing them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path, PurePosixPath
from typing import Any, Final

_FOLDER: Final = "botocore/data/"
_PREFIXES: Final = {"cloudwatch": "monitoring", "stepfunctions": "states"}
"""Services that the list of endpoints has under another name than the folders have."""


def slim_descriptions(root: Path, names: list[str], services: frozenset[str]) -> None:
    """Rewrite the descriptions among these files below `root`, each in its place and its format."""
    for name in names:
        if not name.startswith(_FOLDER):
            continue
        file = root / name
        if PurePosixPath(name).name.startswith("service-2.json"):
            _write(file, _without_documentation(_read(file)))
        elif name == f"{_FOLDER}endpoints.json":
            _write(file, _with_services(json.loads(file.read_bytes()), services))


def _without_documentation(found: object) -> object:
    """The description with empty texts, which botocore reads some of; a member called documentation is no text."""
    if isinstance(found, dict):
        return {
            key: "" if key == "documentation" and isinstance(value, str) else _without_documentation(value)
            for key, value in found.items()
        }
    if isinstance(found, list):
        return [_without_documentation(value) for value in found]
    return found


def _with_services(endpoints: dict[str, Any], services: frozenset[str]) -> object:
    wanted = {_PREFIXES.get(service, service) for service in services}
    for partition in endpoints["partitions"]:
        partition["services"] = {name: value for name, value in partition["services"].items() if name in wanted}
    return endpoints


def _read(file: Path) -> object:
    content = file.read_bytes()
    found: object = json.loads(gzip.decompress(content) if file.suffix == ".gz" else content)
    return found


def _write(file: Path, found: object) -> None:
    content = json.dumps(found, separators=(",", ":")).encode()
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)

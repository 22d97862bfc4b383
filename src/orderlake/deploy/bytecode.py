"""Compiled modules: the task folder is read-only, so without them every new machine compiles what it imports."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TASK: Final = "/var/task"
"""Where the package lies in Lambda: what tracebacks name."""

# In a process of its own, always with the same hash seed and in the same order: then the bytes are the same as well.
_COMPILE: Final = """
import json, py_compile, sys
from pathlib import Path
root, task, names = json.load(sys.stdin)
tag = sys.implementation.cache_tag
for name in names:
    file = Path(root, name)
    compiled = file.parent / "__pycache__" / f"{file.stem}.{tag}.pyc"
    try:
        py_compile.compile(str(file), str(compiled), f"{task}/{name}", doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        continue
    print(f"{name}\\t{compiled.relative_to(root).as_posix()}")
"""


def interpreter(version: str) -> str | None:
    """A Python of this version: this one, or `pythonX.Y` on the PATH; None when there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return found if said.stdout.strip() == version else None


def compiled(python: str, root: Path, names: Iterable[str]) -> dict[str, str]:
    """Compile the modules below `root` and give each one's compiled file; what is no Python of this version has none.

    The files are never checked against their sources again (PEP 552, unchecked): the package is immutable.
    """
    order = sorted(names)
    done = subprocess.run(  # noqa: S603 - our own words
        [python, "-s", "-S", "-W", "ignore", "-c", _COMPILE],
        input=json.dumps([str(root), _TASK, order]),
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.partition("\t") for line in done.stdout.splitlines())
    return {name: binary for name, _, binary in pairs}

"""The locked wheels of one Python on one machine of AWS, fetched by pip and unpacked, whatever machine does it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orderlake.errors import ConfigError, NotFoundError

LOCK: Final = Path(__file__).with_name("lambda.txt")
"""Every wheel that goes into the package, by version and hash: made by `make lock`, shipped with orderlake."""

MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
"""AWS's names of its architectures, and those that wheels have."""
_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 34  # Amazon Linux 2023 has 2.34
_OLDEST_PYTHON: Final = 11
_LAST_LINES: Final = 10
_LONGEST_LINE: Final = 200


@dataclass(frozen=True, slots=True)
class Target:
    """The Lambda runtime that the package is for."""

    architecture: str = "arm64"
    python: str = "3.12"

    def __post_init__(self) -> None:
        if self.architecture not in MACHINES:
            raise ConfigError(f"there is no architecture {self.architecture!r}: say {' or '.join(MACHINES)}")
        major, _, minor = self.python.partition(".")
        if major != "3" or not minor.isdigit() or int(minor) < _OLDEST_PYTHON:
            raise ConfigError(f"orderlake does not run on Python {self.python!r}: say 3.12, or another from 3.11 on")

    @property
    def platforms(self) -> Iterator[str]:
        """The tags of the wheels that run there, the newest first."""
        machine = MACHINES[self.architecture]
        for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
        yield f"manylinux2014_{machine}"


@dataclass(frozen=True, slots=True)
class Distribution:
    """One unpacked wheel: its name, its version, and the names of its files below the folder."""

    name: str
    version: str
    files: tuple[str, ...]


def unpack(folder: Path, target: Target, wheels: Path | None = None, lock: Path = LOCK) -> list[Distribution]:
    """Unpack what the lock names into `folder`, each wheel checked against its hash.

    `wheels` is a folder to take them from, without any network. ConfigError with pip's last words when one is missing.
    NotFoundError when there is no such folder.
    """
    if wheels is not None and not wheels.is_dir():
        raise NotFoundError(f"there is no folder {wheels} to take wheels from")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    command += ["--target", str(folder), "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += ["--require-hashes", "--requirement", str(lock), "--implementation", "cp"]
    command += ["--python-version", target.python]
    command += [word for platform in target.platforms for word in ("--platform", platform)]
    if wheels is not None:
        command += ["--no-index", "--find-links", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        words = "\n".join(line[:_LONGEST_LINE] for line in done.stderr.strip().splitlines()[-_LAST_LINES:])
        raise ConfigError(
            f"the wheels of Python {target.python} on {target.architecture} cannot be had: {words}\n"
            "Is the package index within reach? `--wheels DIR` takes them from a folder. Without pip, say "
            f"`{sys.executable} -m ensurepip` first."
        )
    return [_distribution(info) for info in sorted(folder.glob("*.dist-info"))]


def _distribution(info: Path) -> Distribution:
    name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
    folder = info.parent
    listed = (line.split(",")[0].strip('"') for line in (info / "RECORD").read_text(encoding="utf-8").splitlines())
    files = tuple(sorted(file for file in listed if (folder / file).is_file() and not file.startswith("..")))
    return Distribution(name.replace("_", "-"), version, files)

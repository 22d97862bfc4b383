"""The zip of the Lambda functions: orderlake and its locked wheels, trimmed; the same bytes whenever it is built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from orderlake.deploy.archive import write_zip
from orderlake.deploy.bytecode import compiled, interpreter
from orderlake.deploy.descriptions import slim_descriptions
from orderlake.deploy.elf import slimmed
from orderlake.deploy.trim import SERVICES, kept
from orderlake.deploy.wheels import Distribution, Target, unpack
from orderlake.errors import ConfigError

LIMIT: Final = 250 * 1024 * 1024
"""Bytes that Lambda allows a function unzipped, its layers included."""
_OWN_SUFFIXES: Final = frozenset({".py", ".yaml", ".json", ".csv", ".sql", ".html", ".css", ".js"})
_SAMPLES: Final = "samples"


@dataclass(frozen=True, slots=True)
class Part:
    """What one distribution adds to the package, in bytes."""

    name: str
    version: str
    zipped: int
    unzipped: int


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: its file, the digest of its bytes, and its parts, the largest first."""

    path: Path
    target: Target
    sha256: str
    parts: tuple[Part, ...]
    bytecode: bool
    """Whether compiled modules are inside; without them a cold start takes longer."""

    @property
    def zipped(self) -> int:
        """The size of the file."""
        return self.path.stat().st_size

    @property
    def unzipped(self) -> int:
        """The size that counts against Lambda's limit."""
        return sum(part.unzipped for part in self.parts)

    @property
    def advice(self) -> str:
        """What would make its functions quicker; nothing when they are as quick as they can be."""
        if self.bytecode:
            return ""
        python = f"python{self.target.python}"
        return f"without compiled modules: cold starts are quicker when {python} is on the PATH at building"


def build(out: Path, target: Target | None = None, wheels: Path | None = None) -> Package:
    """Build the package at `out`; ConfigError when a wheel is missing or the package is over Lambda's limit.

    The same orderlake, lock, target and Python make the same bytes. `wheels` is a folder to take the wheels from,
    without any network.
    """
    aim = Target() if target is None else target
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="orderlake-package-") as temporary:
        root = Path(temporary)
        owners = trim(root, [*unpack(root, aim, wheels), _own(root)])
        python = interpreter(aim.python)
        if python is not None:
            modules = [file for file in owners if file.endswith(".py")]
            owners |= {binary: owners[source] for source, binary in compiled(python, root, modules).items()}
        unzipped = {file: (root / file).stat().st_size for file in owners}
        refuse_too_large(_parts(owners, {}, unzipped))
        zipped = write_zip(out, {file: root / file for file in owners})
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    return Package(out, aim, digest, _parts(owners, zipped, unzipped), python is not None)


def trim(root: Path, distributions: Iterable[Distribution]) -> dict[str, Distribution]:
    """Slim what lies below `root` and name the files to keep, each with its distribution."""
    owners = {file: each for each in distributions for file in each.files if kept(file)}
    for file in owners:
        if ".so" in Path(file).suffixes:
            (root / file).write_bytes(slimmed((root / file).read_bytes()))
    slim_descriptions(root, list(owners), SERVICES)
    return owners


def refuse_too_large(parts: tuple[Part, ...]) -> None:
    """ConfigError when these parts are more than Lambda allows; it names the largest."""
    total = sum(part.unzipped for part in parts)
    if total > LIMIT:
        largest = ", ".join(f"{part.name} {part.unzipped / 2**20:.0f} MiB" for part in parts[:5])
        raise ConfigError(
            f"the package has {total / 2**20:.0f} MiB unzipped and Lambda allows {LIMIT >> 20}: trim what is never "
            f"imported (orderlake/deploy/trim.py), or leave a dependency out; the largest are {largest}"
        )


def _own(root: Path) -> Distribution:
    """Copy orderlake itself, as it lies in a checkout or in site-packages, and say what it is."""
    source = Path(__file__).parents[1]
    files = []
    for file in sorted(source.rglob("*")):
        place = file.relative_to(source)
        wanted = {".py"} if place.parts[0] == _SAMPLES else _OWN_SUFFIXES
        if file.suffix in wanted and file.is_file():
            name = f"orderlake/{place.as_posix()}"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(file.read_bytes())
            files.append(name)
    return Distribution("orderlake", version("orderlake"), tuple(files))


def _parts(owners: dict[str, Distribution], zipped: dict[str, int], unzipped: dict[str, int]) -> tuple[Part, ...]:
    distributions: Iterable[Distribution] = {each.name: each for each in owners.values()}.values()
    parts = []
    for each in distributions:
        files = [file for file, owner in owners.items() if owner is each]
        sizes = sum(zipped.get(file, 0) for file in files), sum(unzipped[file] for file in files)
        parts.append(Part(each.name, each.version, *sizes))
    return tuple(sorted(parts, key=lambda part: (-part.unzipped, part.name)))

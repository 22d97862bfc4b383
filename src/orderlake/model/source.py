"""A source object: one version of one file, and its identity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One version of one file.

    `uri` names the file the same way on every machine (relative to the project where it can be),
    `location` is where its bytes are now, `size` is in bytes, `version` its modification time in
    nanoseconds since 1970.
    """

    uri: str
    location: str
    size: int
    version: int

    @property
    def identity(self) -> str:
        """The same for the same version of the same file, and for nothing else."""
        return hashlib.sha256(f"{self.uri}\0{self.version}\0{self.size}".encode()).hexdigest()[:24]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.uri.rsplit("/", 1)[-1]

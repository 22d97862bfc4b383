"""Names of data sets as OpenLineage has them, so that other tools mean the same file and the same table by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_S3: Final = re.compile(r"s3://([^/]+)/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """A data set's name: namespace and name, a URI in two parts.

    >>> place("s3://bucket/raw/a.json"), place("/data/raw/a.json")
    (Place(namespace='s3://bucket', name='raw/a.json'), Place(namespace='file', name='/data/raw/a.json'))
    """

    namespace: str
    name: str


def place(location: str) -> Place:
    """The name of a file or folder at a location: `s3://…`, `file://…` or an absolute path."""
    found = _S3.fullmatch(location)
    return Place(f"s3://{found[1]}", found[2]) if found else Place("file", location.removeprefix("file://"))


@dataclass(frozen=True, slots=True)
class Places:
    """Where a lake's files come from and its tables lie.

    `jobs` is the namespace of its jobs, `home` the folder that names of source files start from, `lake` the location of
    its tables, `database` what Athena calls them, as `region database`, where it knows them.
    """

    jobs: str
    home: str
    lake: str
    database: tuple[str, str] | None = None

    def source(self, uri: str) -> Place:
        """A source file, by the uri that load reports have."""
        return place(uri if uri.startswith("s3://") else str(PurePosixPath(self.home) / uri))

    def table(self, name: str) -> Place:
        """A table, by where it lies."""
        return place(f"{self.lake}/{name}")

    def mart(self, name: str) -> Place:
        """A published mart, by where its files lie."""
        return place(f"{self.lake}/marts/{name}")

    def alias(self, name: str) -> Place:
        """What a table is called by those who ask it."""
        if self.database is None:
            return Place(self.jobs, name)
        region, database = self.database
        return Place(f"awsathena://athena.{region}.amazonaws.com", f"AwsDataCatalog.{database}.{name}")

"""Which files of a wheel the functions never open: tests, type stubs, other services of AWS, second implementations."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

SERVICES: Final = frozenset(
    {
        "athena",
        "cloudwatch",
        "dynamodb",
        "events",
        "glue",
        "lambda",
        "logs",
        "s3",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
    }
)
"""The services of AWS that orderlake calls; botocore's descriptions of the other 400 stay at home."""

_FOLDERS: Final = frozenset({"__pycache__", "tests", "test", "bin"})
_SUFFIXES: Final = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".rst", ".md", ".pyc"})
_DIST_INFO: Final = frozenset({"METADATA", "entry_points.txt"})
"""What importlib.metadata is asked for."""
_LICENCES: Final = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
_SERVICE_FILES: Final = (
    "service-2.json*",
    "endpoint-rule-set-1.json*",
    "paginators-1.json*",
    "service-2.sdk-extras.json*",
)
_NEVER: Final = (
    "*-stubs/*",
    "adbc_driver_duckdb/*",
    "aws_lambda_powertools/event_handler/*",  # web requests; 1.5 MB of it are a page's scripts
    "boto3/data/*",  # resources: orderlake uses clients
    "duckdb/experimental/*",  # an imitation of Spark
    "fsspec/conftest.py",
    "orderlake/charts/*",  # pages are for people's machines
    "orderlake/console/*",
    "orderlake/dbt/*",
    "zstandard/_cffi*",  # for interpreters without C extensions
    "zstandard/backend_cffi.py",
)


def kept(name: str) -> bool:
    """Whether the file of this name, as it lies in site-packages, belongs in the package.

    >>> (
    ...     kept("duckdb/__init__.py"),
    ...     kept("fsspec/tests/abstract.py"),
    ...     kept("botocore/data/ec2/2016-11-15/service-2.json.gz"),
    ... )
    (True, False, False)
    """
    path = PurePosixPath(name)
    if path.parts[0].endswith(".dist-info"):
        return path.name in _DIST_INFO or "licenses" in path.parts or path.name.upper().startswith(_LICENCES)
    if path.suffix in _SUFFIXES or path.name == "py.typed" or not _FOLDERS.isdisjoint(path.parts[:-1]):
        return False
    if name.startswith("botocore/data/"):
        return _kept_of_botocore(path)
    return not any(fnmatchcase(name, pattern) for pattern in _NEVER)


def _kept_of_botocore(path: PurePosixPath) -> bool:
    if len(path.parts) == len(("botocore", "data", "file")):
        return True  # endpoints, partitions, retries and defaults, for all services
    return path.parts[2] in SERVICES and any(fnmatchcase(path.name, pattern) for pattern in _SERVICE_FILES)

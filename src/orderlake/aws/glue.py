"""The AWS Glue job: a backfill of a deployed lake on Spark, by the package that the functions are made of.

Its arguments are `--settings`, the environment of the functions (ORDERLAKE_…) as a JSON object; `--path`, an s3://
location to load, without it all that lies under raw; and `--pii-key-parameter`, the name of the SSM parameter that
holds the key of personal data. The key itself is no argument, for a job's arguments are shown and logged.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from orderlake.aws.settings import Container
from orderlake.clients import client, translated
from orderlake.config import lambda_settings
from orderlake.errors import ConfigError, DataError, TransientError
from orderlake.lake import Lake
from orderlake.model.report import LoadReport
from orderlake.secret import VARIABLE

_MEMORY_MB: Final = 1024
_NAMED: Final = 10
log = logging.getLogger(__name__)


def main(words: Sequence[str] | None = None) -> list[LoadReport]:
    """Run the job; DataError once everything else has loaded, when files were rejected. Glue's own arguments pass."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--settings", required=True)
    parser.add_argument("--path", default="")
    parser.add_argument("--pii-key-parameter", default="")
    args, _ = parser.parse_known_args(sys.argv[1:] if words is None else list(words))
    try:
        settings = {str(key): str(value) for key, value in json.loads(args.settings).items()}
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"--settings takes a JSON object of ORDERLAKE_… settings: {error}") from error
    memory = settings.get("ORDERLAKE_MEMORY_MB", "")
    with tempfile.TemporaryDirectory(prefix="orderlake-") as folder:
        aws = lambda_settings({**os.environ, **settings})
        if args.pii_key_parameter:
            os.environ[VARIABLE] = _key(args.pii_key_parameter, aws.region)
        container = Container(aws, Path(folder), int(memory) if memory.isdigit() else _MEMORY_MB)
        container.lake().close()  # which has fetched the pipelines
        with Lake.of(replace(container.project, workers=None)) as lake:
            reports = lake.backfill([args.path] if args.path else [], on_report=_tell, runner="spark")
    rejected = [report.source for report in reports if report.status == "rejected"]
    if rejected:
        more = "" if len(rejected) <= _NAMED else f" and {len(rejected) - _NAMED} more"
        raise DataError(f"{len(rejected)} files were rejected: {', '.join(rejected[:_NAMED])}{more}")
    return reports


def _key(parameter: str, region: str) -> str:
    with translated(f"the parameter {parameter}", TransientError):
        found = client("ssm", region).get_parameter(Name=parameter, WithDecryption=True)
    return str(found["Parameter"]["Value"])


def _tell(report: LoadReport) -> None:
    log.info("%s", json.dumps(report.as_dict()))

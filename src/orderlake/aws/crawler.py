"""The crawler for foreign files: an option, started now and then, which never fails a load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orderlake.aws.settings import History, bucket_and_prefix
from orderlake.aws.telemetry import logger
from orderlake.clients import client
from orderlake.config import AwsSettings
from orderlake.events.announcement import ObjectRef
from orderlake.model.pipeline import Pipeline

FOREIGN: Final = "foreign/"
"""Under raw: files that no pipeline has to fit."""
_PAUSE_SECONDS: Final = 900


def is_foreign(ref: ObjectRef, settings: AwsSettings, pipelines: Sequence[Pipeline]) -> bool:
    """Whether an object is the crawler's: there is one, the object lies under raw/foreign/ and fits no pipeline."""
    prefix = bucket_and_prefix(settings.raw)[1] + FOREIGN
    if not settings.crawler or not ref.key.startswith(prefix):
        return False
    name = ref.key.rsplit("/", 1)[-1]
    return all(stream.fit(name) is None for pipeline in pipelines for stream in pipeline.streams)


def start(settings: AwsSettings, ledger: History) -> bool:
    """Start the crawler unless it was started a short while ago; whatever goes wrong is said and goes no further.

    A crawl costs money by the quarter of an hour, so a thousand files must not start a thousand of them.
    """
    try:
        if not ledger.once("crawler", _PAUSE_SECONDS):
            return False
        client("glue", settings.region).start_crawler(Name=settings.crawler)
    except Exception as error:  # noqa: BLE001 - promised above: it runs already, is gone, or Glue is away
        logger().warning(
            "the crawler was not started", crawler=settings.crawler, error=f"{type(error).__name__}: {error}"
        )
        return False
    logger().info("the crawler was started", crawler=settings.crawler)
    return True

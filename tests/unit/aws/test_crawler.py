"""The crawler is an option: started now and then for foreign files, never failing a load."""

from dataclasses import replace

import pytest

from orderlake.aws import crawler
from orderlake.aws.ingest import Ingest
from orderlake.errors import CatalogUnavailableError
from orderlake.events.announcement import Announcement, ObjectRef
from orderlake.events.sqs import Message
from tests.unit.aws.fakes import SETTINGS, FakeLedger

WITH = replace(SETTINGS, crawler="shop-foreign")


class Glue:
    def __init__(self, error=None):
        self.started, self.error = [], error

    def start_crawler(self, Name):  # noqa: N803
        self.started.append(Name)
        if self.error is not None:
            raise self.error


@pytest.fixture
def glue(monkeypatch):
    found = Glue()
    monkeypatch.setattr(crawler, "client", lambda *_: found)
    return found


def message(*keys):
    return Message("m", Announcement(tuple(ObjectRef("shop-raw", key, "v1") for key in keys)))


def taken(lake, settings, *keys):
    ingest = Ingest(lake, settings, lambda: True)
    ingest.take([message(*keys)])
    return ingest.failures([message(*keys)])["batchItemFailures"]


@pytest.mark.parametrize(
    ("key", "foreign"),
    [
        ("raw/foreign/a.xml", True),
        ("raw/foreign/orders_1.json", False),
        ("raw/a.xml", False),
        ("raw/foreigners/a.xml", False),
    ],
)
def test_foreign_is_what_lies_in_its_folder_and_fits_no_pipeline(lake, key, foreign):
    assert crawler.is_foreign(ObjectRef("shop-raw", key), WITH, lake.pipelines) is foreign


def test_without_a_crawler_nothing_is_foreign(lake):
    assert not crawler.is_foreign(ObjectRef("shop-raw", "raw/foreign/a.xml"), SETTINGS, lake.pipelines)


def test_many_foreign_files_start_one_crawl_and_load_nothing(lake, glue):
    assert taken(lake, WITH, *[f"raw/foreign/{number}.xml" for number in range(50)]) == []
    assert glue.started == ["shop-foreign"]
    assert lake.loads == []


@pytest.mark.parametrize("error", [RuntimeError("CrawlerRunningException"), CatalogUnavailableError("throttled")])
def test_a_crawler_that_does_not_start_is_said_and_fails_no_load(lake, glue, said, error):
    glue.error = error
    lake.put("raw/orders_1.json")
    assert taken(lake, WITH, "raw/foreign/a.xml", "raw/orders_1.json") == []
    assert lake.loads == [["orders_1.json"]]
    logs, _ = said()
    assert [line["error"] for line in logs if "crawler" in line] == [f"{type(error).__name__}: {error}"]


def test_a_ledger_that_is_away_starts_no_crawl_and_fails_no_load(glue):
    assert crawler.start(WITH, FakeLedger(fault=CatalogUnavailableError("away"))) is False
    assert glue.started == []

"""What the handlers say on standard output, parsed."""

import json
import logging

import pytest

from orderlake.aws import settings, telemetry
from tests.unit.aws.fakes import SETTINGS, FakeLake


@pytest.fixture
def lake():
    return FakeLake()


@pytest.fixture(autouse=True)
def said(monkeypatch, capsys):
    """The lines that a handler printed: `said()` gives (logs, metrics)."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")
    telemetry.logger.cache_clear()
    logging.Logger.manager.loggerDict.pop("shop", None)  # set up once in a process, on the output of another test

    def parsed():
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
        return [line for line in lines if "_aws" not in line], [line for line in lines if "_aws" in line]

    return parsed


@pytest.fixture
def opened(monkeypatch, lake):
    """The handlers work on the fake lake."""

    class Box:
        settings = SETTINGS

        def lake(self):
            return lake

    for module in ("ingest", "scan", "workflow"):
        monkeypatch.setattr(f"orderlake.aws.{module}.container", Box)
    settings.container.cache_clear()
    return lake

"""The bill of an invocation: its own calls and its own seconds, for all records and for a thousand."""

import json

import pytest

from orderlake.aws import bill
from orderlake.aws.bill import Bill
from orderlake.model.report import LoadReport


@pytest.fixture
def settings(aws):
    bill.meter.cache_clear()
    yield aws.deploy()
    bill.meter.cache_clear()


def loaded(read):
    return LoadReport("s3://b/a", "orders", "loaded", "i", "l", 1, "2024-01-01T00:00:00+00:00", read=read, loaded=read)


def said(capsys):
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return next(line for line in lines if line["message"] == "cost")


def test_an_invocation_pays_for_its_calls_and_its_time(aws, settings, capsys, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    bucket = settings.lake.removeprefix("s3://").split("/")[0]
    ticks = iter([0.0, 4.0])
    ours = Bill(settings.region, lambda: next(ticks))
    for number in range(3):
        aws.client("s3").put_object(Bucket=bucket, Key=f"k{number}", Body=b"")
    ours.publish([loaded(2000)])
    line = said(capsys)
    assert line["requests"] == {"s3.PutObject": 3}
    assert line["gb_seconds"] == 2.0
    least = 3 * 0.000005 + 2 * 0.0000133  # three PUTs, two GB-seconds
    assert least <= float(line["usd"]) < least * 2
    assert float(line["usd_per_thousand"]) == pytest.approx(float(line["usd"]) / 2, rel=1e-3)


def test_calls_before_an_invocation_are_not_on_its_bill(aws, settings, capsys):
    bucket = settings.lake.removeprefix("s3://").split("/")[0]
    bill.meter(settings.region)
    aws.client("s3").put_object(Bucket=bucket, Key="before", Body=b"")
    Bill(settings.region).publish([])
    line = said(capsys)
    assert line["requests"] == {}
    assert "usd_per_thousand" not in line

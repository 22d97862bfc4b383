"""A thousand small files, announced more than once and in no order: each counts once, and a batch commits once.

The real handler does it, in this process; an emulator stands in for AWS (tests/emulators).
"""

import json
import random
from collections import Counter
from dataclasses import replace

import pytest

from orderlake import Lake
from orderlake.aws import ingest
from orderlake.aws.settings import container
from orderlake.catalog.heads import Heads
from orderlake.config import load_project
from orderlake.ledger.dynamodb import DynamoLedger
from tests.emulators.function import announcement, failures, put, sync_pipelines
from tests.emulators.runtime import settings_environment
from tests.unit.aws.fakes import FakeContext

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FILES = 1_000
ORDERS = 3
BATCH = 100
TWICE = 250
BAD = 617
TABLES = ("orders", "order_lines", "orders_parquet_datalake")


@pytest.fixture
def settings(aws, monkeypatch, tmp_path):
    found = aws.deploy()
    sync_pipelines(found, "orders")
    for name, value in settings_environment(found, ORDERLAKE_WORK=str(tmp_path / "work")).items():
        monkeypatch.setenv(name, value)
    container.cache_clear()
    yield found
    container().lake().close()
    container.cache_clear()


def body(number):
    """File `number`: three orders of two lines each; one file is no JSON."""
    if number == BAD:
        return b"[{"
    day, lines = f"2024-{1 + number % 3:02}-{1 + number % 28:02}", [("a", 1), ("b", 2)]
    products = [{"product_id": name, "name": "n", "price": 1.5, "quantity": count} for name, count in lines]
    customer = {"customer_id": number, "name": "n", "email": "e@example.com", "address": "a"}
    ids = range(number * ORDERS, (number + 1) * ORDERS)
    return json.dumps(
        [
            {"order_id": n, "order_date": day, "total_amount": 4.5, "customer": customer, "products": products}
            for n in ids
        ]
    ).encode()


def deliver(settings, landed):
    """Send announcements in batches; for each batch which files came back, and how far each table's head moved."""
    heads = Heads(settings.table, settings.region)
    before = {head.table: head.sequence for head in heads.all()}
    for start in range(0, len(landed), BATCH):
        batch = landed[start : start + BATCH]
        answer = failures(ingest.handler(announcement(*batch), FakeContext()))
        now = {head.table: head.sequence for head in heads.all()}
        yield [batch[int(one.removeprefix("message-"))] for one in answer], Counter(now) - Counter(before)
        before = now


def counted(settings, folder):
    """Per table: rows, and orders; and what `verify` says."""
    with Lake.init(folder, ["orders"]):
        project = replace(load_project(folder), aws=settings)
    with Lake.of(project) as lake:
        asked = "SELECT count(*), count(DISTINCT order_id), sum(order_id) FROM {}"
        return {table: lake.query(asked.format(table)).rows[0] for table in TABLES}, lake.verify().ok


def test_a_thousand_files_announced_again_and_again_are_loaded_once_with_one_commit_a_batch(aws, settings, tmp_path):
    files = [put(settings, f"raw/orders_{number:04}.json", body(number)) for number in range(FILES)]
    dice = random.Random(7)
    landed = files + dice.sample([file for file in files if file is not files[BAD]], TWICE)
    dice.shuffle(landed)
    aws.faults.forget_calls()
    for failed, moved in deliver(settings, landed):
        assert set(failed) <= {files[BAD]}
        assert set(moved.values()) == {1}
    assert len(aws.faults.calls()) / FILES < 7.5  # 6.7 when this was written

    loads = DynamoLedger(settings.table, settings.region).loads()
    assert Counter(load.status for load in loads) == {"loaded": FILES - 1, "rejected": 1}
    assert len({load.identity for load in loads}) == FILES
    orders = [n for n in range(FILES * ORDERS) if n // ORDERS != BAD]
    lines = dict(zip(TABLES, (1, 2, 2), strict=True))
    expected = {table: (len(orders) * count, len(orders), sum(orders) * count) for table, count in lines.items()}
    tables, verified = counted(settings, tmp_path / "shop")
    assert tables == expected
    assert verified

    dice.shuffle(landed)
    for failed, moved in deliver(settings, landed):
        assert set(failed) <= {files[BAD]}
        assert not moved
    assert DynamoLedger(settings.table, settings.region).loads() == loads

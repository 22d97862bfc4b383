"""What was, on a lake in buckets. moto stands in for AWS; what Athena makes of the text, a real account can show."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orderlake.aws import ingest
from orderlake.aws.settings import container
from orderlake.explain.moment import moment_of
from orderlake.explain.past import versions_then
from orderlake.lake import Lake
from tests.unit.aws.fakes import FakeContext
from tests.unit.aws.test_functions import batch, order, shop

__all__ = ["shop"]

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(shop):
    """A deployed lake after two loads: an order, then its correction."""
    for number, total in ((1, 10.0), (2, 20.0)):
        record = shop.put(f"raw/orders_{number}.json", order(17, total))
        assert ingest.handler(batch(record), FakeContext()) == {"batchItemFailures": []}
    with Lake.of(container().project) as opened:
        yield opened


def test_the_tables_are_as_they_were_right_after_a_load(lake):
    first, second = (load.load_id for load in lake.loads())
    totals = [float(lake.query("SELECT total_amount FROM orders", as_of=one).rows[0][0]) for one in (first[:8], second)]
    assert totals == [10, 20]


def test_athena_is_asked_for_the_snapshots_that_stood_then(lake):
    first = lake.loads()[0].load_id
    moment = moment_of(lake._backends, first, datetime.now(UTC))
    columns, versions, notes = versions_then(
        lake._backends, moment, "SELECT count(*) FROM orders JOIN order_lines USING (order_id)"
    )
    made = {one.table: one.snapshot_id for one in lake.load_account(first).snapshots}
    assert versions == {table: made[table] for table in ("orders", "order_lines")}
    assert columns["orders"]["total_amount"] == "DECIMAL(18,2)"
    assert notes[0].startswith("Athena was asked for ")


def test_a_record_is_explained_as_far_as_it_goes_without_its_file(lake):
    (entity,) = lake.explain("17", pipeline="orders").entities
    assert entity.standing.record.source.endswith("/raw/orders_2.json")
    assert entity.standing.record.reason == "its file is in a bucket"
    assert [one.reason for one in entity.unseen] == ["it is in a bucket"]

"""On AWS: the parts of a large object outlive the function that staged them, in the lake's own bucket."""

import signal

import pytest

from orderlake.errors import TransientError
from orderlake.kernel.worker import Worker
from orderlake.loading import Loader
from tests.fault.aws_worker import Shop, load, small_parts
from tests.fault.worker import ended
from tests.reference import order

pytestmark = pytest.mark.fault

WINDOW = 8_000


def later():
    """A clock by which all leases of now have lapsed."""
    return 2e9 * 2


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path / "shop")


def work(shop):
    """What lies in the lake's folder of work in progress."""
    bucket, prefix = shop.settings.lake.removeprefix("s3://").split("/", 1)
    found = shop.aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/.work/").get("Contents", ())
    return [each["Key"] for each in found]


@pytest.fixture
def staged(monkeypatch):
    """The numbers of the tasks that are staged."""
    small_parts(monkeypatch, WINDOW)
    numbers: list[int] = []
    run = Worker._stage

    def counted(worker, cursor, task):
        numbers.append(task.first)
        return run(worker, cursor, task)

    monkeypatch.setattr(Worker, "_stage", counted)
    return numbers


def killed(shop):
    """A large object whose loader died after three of its parts, and how many are kept."""
    made = [shop.put("orders_big.json", [order(n, *("P" * (n % 4))) for n in range(400)])]
    status, _ = ended(shop.spawn([made], window=WINDOW, kept=3))
    assert status == -signal.SIGKILL
    kept = sum(key.endswith(".json") for key in work(shop)) - 1  # that is the head
    assert kept >= 3
    return made, kept


def test_a_large_object_whose_loader_was_killed_is_resumed(shop, staged):
    made, kept = killed(shop)
    told = []
    with shop.open(clock=later) as lake:
        loader = Loader(lake._backends, on_resumed=lambda source, *counts: told.append((source, *counts)))
        (report,) = loader.run([made[0].source])
    assert (report.status, report.read) == ("loaded", 400)
    assert report.resumed_parts == kept
    assert told == [(made[0].source, kept, kept + len(staged))]
    assert len(staged) == len(set(staged))
    assert work(shop) == []
    shop.assert_right(made)


def test_while_another_may_live_its_parts_are_left_alone(shop, staged):
    made, _ = killed(shop)
    before = work(shop)
    with shop.open() as lake:
        assert [report.status for report in load(lake, made)] == ["loaded"]
    assert set(range(3)) <= set(staged)
    assert work(shop) == before
    shop.assert_right(made)


def test_what_fails_for_now_is_resumed_and_what_is_rejected_leaves_nothing(shop, staged):
    made = [shop.put("orders_big.json", [order(n, "P") for n in range(300)])]

    def fail(step):
        raise TransientError(str(step))

    with shop.open() as lake:
        with pytest.raises(TransientError):
            load(lake, made, fail)
        parts = len(staged)
        assert parts > 3
        assert [report.status for report in load(lake, made)] == ["loaded"]
        assert len(staged) == parts
        bucket, prefix = shop.settings.raw.removeprefix("s3://").split("/", 1)
        cut = shop.aws.client("s3").put_object(
            Bucket=bucket, Key=f"{prefix}/orders_cut.json", Body=b'[{"order_id": 1}, '
        )
        source = lake.sources.resolve(bucket, f"{prefix}/orders_cut.json", cut["VersionId"])
        assert [report.status for report in Loader(lake._backends).run([source])] == ["rejected"]
    assert work(shop) == []

"""A rollback on AWS: earlier versions of objects are read again as the bucket keeps them; the functions know of it."""

import pytest

from orderlake.errors import ConfigError, NotFoundError
from orderlake.rollback import Wish
from tests.fault.aws_worker import Shop, load
from tests.reference import expected, found, order

pytestmark = pytest.mark.fault


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path)


def corrected(shop):
    """Three versions of one object and another object, each loaded by itself."""
    made = [
        shop.put("orders_1.json", [order(1, "A"), order(2, "A", "B")]),
        shop.put("orders_1.json", [order(1, "B")]),
        shop.put("orders_2.json", [order(2, "C"), order(3)]),
        shop.put("orders_1.json", [order(1, "C"), order(3, "D")]),
    ]
    with shop.open() as lake:
        loads = [load(lake, [one])[0].load_id for one in made]
    return made, loads


def test_versions_of_one_object_are_rolled_back_and_loaded_again(shop):
    made, loads = corrected(shop)
    with shop.open() as lake:
        for gone, load_id in zip(made, loads, strict=True):
            lake.rollback(load_id)
            assert found(lake) == expected(one for one in made if one is not gone)
            assert lake.verify().findings == ()
            assert load(lake, [gone])[0].status == "unchanged"
            assert [report.status for report in lake.restore(load_id)] == ["loaded"]
            assert found(lake) == expected(made)
    with shop.open() as lake:
        lake.rollback("last")
        assert lake.verify().findings == ()


def test_death_at_a_step_is_finished_by_the_next(shop):
    made, loads = corrected(shop)

    class StoppedError(Exception):
        pass

    for step in (6, 8, 9):

        def stop(reached, step=step):
            if reached == step:
                raise StoppedError

        with shop.open() as lake, pytest.raises(StoppedError):
            lake.rollback(loads[3], stop)
        with shop.open() as lake:
            if step == 6:
                assert found(lake) == expected(made)
                continue
            assert lake.verify().findings == ()
            assert found(lake) == expected(made[:3])
            lake.restore(loads[3])
            assert found(lake) == expected(made)


def test_a_version_that_the_bucket_keeps_no_longer_is_named(aws, shop):
    made, loads = corrected(shop)
    bucket, key = made[1].source.location.removeprefix("s3://").split("/", 1)
    aws.client("s3").delete_object(Bucket=bucket, Key=key, VersionId=made[1].source.tag)
    with shop.open() as lake:
        with pytest.raises(NotFoundError, match=r"nothing was done.*orders_1\.json.*does not keep"):
            lake.rollback(loads[3])
        with pytest.raises(ConfigError, match="leave --from out"):
            lake.rollback(Wish(loads[3], kept=[shop.folder]))
        assert found(lake) == expected(made)

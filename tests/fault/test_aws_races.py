"""On AWS: others who commit meanwhile, replies that are lost, services that ask for patience, zombies.

An emulator stands in for AWS (tests/emulators): what is shown is our side of the conversation.
"""

import pytest

from orderlake.errors import CatalogUnavailableError
from tests.fault.aws_worker import PLAIN, Shop, load
from tests.fault.test_races import Between, Lax
from tests.fault.worker import ended
from tests.reference import expected, found, order

pytestmark = pytest.mark.fault


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path / "shop")


def two_objects(shop, second=(2, 1)):
    """A loaded object, and two more: `second` holds the order numbers of the last."""
    made = [shop.put("orders_0.json", [order(1, "A", "B"), order(5, "E")])]
    with shop.open() as lake:
        load(lake, made)
    made.append(shop.put("orders_1.json", [order(1, "C"), order(3, "D", day="2024-03-03")]))
    made.append(shop.put("orders_2.json", [order(n, "X", "Y") for n in second]))
    return made


# --- replies that are lost, and services that are short of breath -----------------------------------------------------

CHANGING = {
    "PutObject": 6, "CopyObject": 2, "DeleteObject": 2, "TransactWriteItems": 1, "PutItem": 1, "UpdateItem": 3,
    "DeleteItem": 1, "UpdateTable": 2, "CreateTable": 3,
}  # fmt: skip
"""The calls of a load that change something, and how many of them to trouble."""


@pytest.mark.parametrize("operation", CHANGING)
@pytest.mark.parametrize("trouble", ["lose_reply", "throttle"])
def test_a_call_that_is_troubled_is_sent_again_and_counts_once(aws, shop, operation, trouble):
    made = [shop.put("orders_0.json", [order(1, "A", "B"), order(5, "E")])]
    if operation != "CreateTable":
        with shop.open() as lake:
            load(lake, made)
    made.append(shop.put("orders_1.json", [order(1, "C"), order(3, "D", day="2024-03-03")]))
    for number in range(CHANGING[operation]):  # every other call: each is troubled once, and then passes
        getattr(aws.faults, trouble)(operation, skip=number)
    with shop.open() as lake:
        assert load(lake, made)[-1].status == "loaded"
        assert aws.faults.pending() == []
        assert {report.status for report in load(lake, made)} == {"unchanged"}
    shop.assert_right(made, verified=False)


def test_a_transaction_whose_reply_never_comes_is_found_to_have_landed(aws, shop):
    made = two_objects(shop)
    aws.faults.lose_reply("TransactWriteItems", times=100)
    with shop.open() as lake:
        assert [report.status for report in load(lake, made)] == ["unchanged", "loaded", "loaded"]
    assert aws.faults.pending() != []
    shop.assert_right(made)


def test_a_lost_reply_from_a_service_that_then_goes_away_is_found_by_the_next_run(aws, shop):
    made = two_objects(shop)
    with shop.open() as lake:
        load(lake, made[:1])
        aws.faults.lose_reply("TransactWriteItems", times=100)
        aws.faults.lose_request("TransactGetItems", times=100, skip=1)
        with pytest.raises(CatalogUnavailableError):
            load(lake, made)
        aws.faults.clear()
        assert {report.status for report in load(lake, made)} == {"unchanged"}
    shop.assert_right(made)


def test_a_large_object_whose_last_reply_is_lost_is_written_once(aws, shop, monkeypatch):
    monkeypatch.setattr("orderlake.storage.s3_streams.PART", 5 << 20)
    made = [shop.put("orders_0.json", [order(1, "A")])]
    data = bytes(range(256)) * (6 << 12)  # 6 MB: two parts
    with shop.open() as lake:
        store, place = lake._backends.store, f"{shop.settings.lake}/orders/data/large.bin"
        aws.faults.lose_reply("CompleteMultipartUpload")
        with store.writer(place) as target:
            target.write(data)
        assert aws.faults.pending() == []
        assert store.read(place) == data
        load(lake, made)
    shop.assert_right(made)


# --- others who commit meanwhile --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [3, 5, 7])
@pytest.mark.parametrize("second", [(2,), (5, 1)], ids=["other orders", "half of them"])
def test_a_commit_that_slips_in_between_is_kept_and_so_is_ours(shop, step, second):
    made = two_objects(shop, second)
    with shop.open(leases=False) as ours, shop.open(leases=False) as other:
        slip = Between(step, lambda: load(other, made[2:]))
        (report,) = load(ours, made[1:2], slip)
        assert slip.left == 0
        assert report.status == "loaded"
    shop.assert_right(made)


@pytest.mark.parametrize("step", [2, 5, 6, 7])
def test_a_zombie_whose_lease_has_lapsed_finds_its_work_done(shop, step):
    """It stood still at a step while another took over its leases and loaded the same objects; then it goes on."""
    made = two_objects(shop)
    with shop.open() as zombie, shop.open(clock=lambda: 2e9 * 2) as other:
        slip = Between(step, lambda: load(other, made))
        assert {report.status for report in load(zombie, made[1:], slip)} == {"unchanged"}
        assert slip.left == 0
    shop.assert_right(made)


def test_a_zombie_between_commit_and_publication_spoils_no_later_correction(shop):
    made = two_objects(shop)
    with shop.open() as zombie, shop.open(clock=lambda: 2e9 * 2) as other:
        late = shop.put("orders_late.json", [order(1), order(5, "Q")])
        slip = Between(8, lambda: load(other, [late]))
        load(zombie, made[1:], slip)
        assert slip.left == 0
    shop.assert_right([*made, late])


def test_an_object_of_the_batch_that_another_applied_meanwhile_is_left_out(shop):
    made = two_objects(shop)
    with shop.open(leases=False) as ours, shop.open(leases=False) as other:
        slip = Between(3, lambda: load(other, made[1:2]))
        assert [report.status for report in load(ours, made[1:], slip)] == ["unchanged", "loaded"]
    shop.assert_right(made)


def test_older_versions_that_come_last_change_no_table(shop):
    versions = [shop.put("orders_0.json", [order(1, content), order(2, "S")]) for content in ("A", "B", "C")]
    with shop.open() as lake:
        (newest,) = load(lake, versions[2:])
        before = found(lake)
        late = [*load(lake, versions[:1]), *load(lake, versions[1:2])]
        assert [(report.loaded, report.superseded, report.duplicate) for report in late] == [(0, 1, 1), (0, 1, 1)]
        assert newest.loaded == 2
        assert found(lake) == before
    shop.assert_right(versions)


@pytest.mark.parametrize("corrections", [1, 2])
def test_what_another_process_corrected_is_not_read_from_memory(shop, corrections):
    """Plain Parquet files change under their names: who read one before must read it again."""
    made = [shop.put("orders_0.json", [order(n, f"A{n}") for n in range(1, 6)])]
    with shop.open() as ours, shop.open() as other:
        load(ours, made)
        assert found(ours) == expected(made)
        for number in range(1, corrections + 1):
            made.append(shop.put(f"orders_{number}.json", [order(number, f"B{number}")]))
            load(other, made[-1:])
            assert found(other) == expected(made)
        assert found(ours) == expected(made)
        made.append(shop.put("orders_9.json", [order(4, "C")]))
        load(ours, made[-1:])
    shop.assert_right(made)


def test_four_loaders_of_the_same_objects_load_each_once(shop):
    made = [shop.put(f"orders_{n}.json", [order(n % 4, f"P{n}"), order(50 + n, "Q")]) for n in range(6)]
    told = [ended(each) for each in [shop.spawn() for _ in range(4)]]
    assert {status for status, _ in told} == {0}
    loaded = [report["source"] for _, said in told for report in said["reports"] if report["status"] == "loaded"]
    assert sorted(loaded) == sorted(one.uri for one in made)
    assert {len(said["reports"]) for _, said in told} == {len(made)}
    shop.assert_right(made)


# --- controls that must fail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", [(2,), (2, 1)], ids=["a load is lost", "a row stands twice"])
def test_the_control_with_a_catalog_that_ignores_what_was_expected_is_caught(shop, second):
    """The same interleaving is wrong when heads move wherever they are: this suite sees it, and so does verify."""
    made = two_objects(shop, second)
    with shop.open(leases=False) as ours, shop.open(leases=False) as other:
        ours._backends.__dict__["catalog"] = Lax(ours._backends.catalog)
        load(ours, made[1:2], Between(7, lambda: load(other, made[2:])))
        seen, right = found(ours), expected(made)
        assert seen != right
        lines = [sum(row[0] == 1 for row in tables[PLAIN]) for tables in (seen, right)]
        assert lines == ([3, 2] if 1 in second else [1, 1])
        assert ours.verify().findings != ()


class SlipIn:
    """Acts once, as the first call of an operation is about to be made, and may change what that call asks."""

    def __init__(self, act, change=lambda params: None):
        self.act, self.change, self.done = act, change, False

    def __call__(self, params, **_):
        if not self.done:
            self.done = True
            self.act()
            self.change(params)


def any_head(params):
    for item in params["TransactItems"]:
        del item["Update"]["ConditionExpression"], item["Update"]["ReturnValuesOnConditionCheckFailure"]
        for name in (":was", ":then"):
            item["Update"]["ExpressionAttributeValues"].pop(name, None)


@pytest.mark.parametrize("strict", [True, False], ids=["as DynamoDB is", "control: conditions are ignored"])
def test_a_commit_right_before_our_transaction_is_kept_by_its_conditions_alone(aws, shop, strict):
    made = two_objects(shop)
    with shop.open(leases=False) as ours, shop.open(leases=False) as other:
        slip = SlipIn(lambda: load(other, made[2:]), lambda params: strict or any_head(params))
        aws.client("dynamodb").meta.events.register("provide-client-params.dynamodb.TransactWriteItems", slip)
        load(ours, made[1:2])
        assert slip.done
        assert (found(ours) == expected(made)) is strict
    if strict:
        shop.assert_right(made)


@pytest.mark.parametrize("strict", [True, False], ids=["as Glue is", "control: versions are ignored"])
def test_glue_never_goes_back_for_its_updates_name_the_version_they_replace(aws, shop, strict):
    made = two_objects(shop)
    with shop.open(leases=False) as ours, shop.open(leases=False) as other:
        slip = SlipIn(lambda: load(other, made[2:]), lambda params: strict or params.pop("VersionId"))
        aws.client("glue").meta.events.register("provide-client-params.glue.UpdateTable", slip)
        load(ours, made[1:2])
        assert slip.done
    shown = {name: head for name, head in shop.heads().items() if not name.startswith("_")}
    assert (shop.glue() == {**shown, PLAIN: None}) is strict

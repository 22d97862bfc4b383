"""The ingest function: which messages come again, and that nothing harms its neighbours."""

import json
from urllib.parse import quote_plus

import pytest

from orderlake.aws.ingest import handler
from orderlake.errors import (
    CatalogUnavailableError,
    CommitStateUnknownError,
    ConfigError,
    StorageUnavailableError,
    TransientError,
)
from tests.unit.aws.fakes import NOW, SECOND, FakeContext, source

pytestmark = pytest.mark.usefixtures("opened")


def event(key, bucket="shop-raw", version="v1"):
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "versionId": version}},
            }
        ]
    }


def batch(*bodies, receives=1):
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "eventSource": "aws:sqs",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for number, body in enumerate(bodies)
        ]
    }


def keys(count):
    return [f"raw/orders_{number}.json" for number in range(count)]


def failures(event_, context=None):
    return [each["itemIdentifier"] for each in handler(event_, context or FakeContext())["batchItemFailures"]]


def metric(metrics, name, **dimensions):
    return [line[name] for line in metrics if name in line and dimensions.items() <= line.items()]


def test_a_whole_batch_is_one_load(lake):
    lake.put(*keys(10))
    assert failures(batch(*map(event, keys(10)))) == []
    assert lake.loads == [[f"orders_{number}.json" for number in range(10)]]


def test_one_file_that_cannot_be_read_comes_again_and_nine_are_done(lake):
    lake.put(*keys(10))
    lake.bad["orders_3.json"] = "truncated gzip"
    assert failures(batch(*map(event, keys(10)))) == ["m3"]
    assert len(lake.loads) == 1


def test_one_file_that_raises_comes_again_and_nine_are_done(lake):
    lake.put(*keys(10))
    lake.raising["orders_3.json"] = ValueError("a bug")
    assert failures(batch(*map(event, keys(10)))) == ["m3"]
    assert len(lake.ledger.done) == 9


@pytest.mark.parametrize("error", [CatalogUnavailableError("throttled"), CommitStateUnknownError("no reply")])
def test_when_aws_is_away_what_is_not_done_comes_again_at_once(lake, error):
    lake.put(*keys(3))
    lake.group = 1
    lake.raising["orders_1.json"] = error
    assert failures(batch(*map(event, keys(3)))) == ["m1", "m2"]
    assert len(lake.loads) == 1


def test_a_wrong_deployment_fails_the_function_so_that_the_alarm_sounds(lake):
    lake.put(*keys(2))
    lake.raising["orders_1.json"] = ConfigError("no such table")
    with pytest.raises(ConfigError):
        handler(batch(*map(event, keys(2))), FakeContext())


def test_a_bucket_that_refuses_us_fails_the_function(lake):
    lake.sources.errors["s3://shop-raw/raw/orders_0.json"] = ConfigError("AWS refuses it")
    with pytest.raises(ConfigError):
        handler(batch(event("raw/orders_0.json")), FakeContext())


def test_a_message_that_cannot_be_understood_comes_again_and_the_others_are_done(lake, said):
    lake.put(*keys(2))
    assert failures(batch(event(keys(2)[0]), "no JSON", event(keys(2)[1]))) == ["m1"]
    logs, metrics = said()
    assert [line["message_id"] for line in logs if line["message"] == "a message cannot be understood"] == ["m1"]
    assert metric(metrics, "Unreadable") == [[1.0]]


def test_a_message_is_done_only_when_all_its_objects_are(lake):
    lake.put(*keys(4))
    lake.bad["orders_3.json"] = "no JSON"
    both = {"Records": [event(key)["Records"][0] for key in keys(4)[2:]]}
    assert failures(batch({"Records": [event(key)["Records"][0] for key in keys(2)]}, both)) == ["m1"]


def test_the_same_object_version_in_many_messages_is_loaded_once_and_all_are_answered(lake):
    lake.put("raw/orders_0.json")
    assert failures(batch(*[event("raw/orders_0.json")] * 3)) == []
    assert lake.loads == [["orders_0.json"]]


def test_an_event_with_a_version_and_one_without_mean_the_same_object(lake):
    lake.put("raw/orders_0.json")
    bare = {"orderlake": {"objects": [{"bucket": "shop-raw", "key": "raw/orders_0.json"}]}}
    assert failures(batch(event("raw/orders_0.json"), bare)) == []
    assert lake.loads == [["orders_0.json"]]


def test_two_versions_of_one_key_are_both_loaded(lake):
    lake.sources.objects += [source("raw/o.json", "v1"), source("raw/o.json", "v2", (NOW + 1) * SECOND)]
    assert failures(batch(event("raw/o.json"), event("raw/o.json", version="v2"))) == []
    assert lake.loads == [["o.json", "o.json"]]


def test_a_duplicate_after_success_changes_nothing(lake, said):
    lake.put("raw/orders_0.json")
    first = batch(event("raw/orders_0.json"))
    assert (failures(first), failures(first)) == ([], [])
    logs, metrics = said()
    assert metric(metrics, "FilesLoaded") == [[1.0], [0.0]]
    assert [line["status"] for line in logs if line["message"] == "file"] == ["loaded", "unchanged"]


@pytest.mark.parametrize(
    ("ref", "counted"),
    [
        (("lake/orders/data/x.parquet", "shop-lake"), "LoopGuard"),
        (("elsewhere/orders.json", "shop-raw"), "Ignored"),
        (("rawer/orders.json", "shop-raw"), "Ignored"),
        (("raw/2024/", "shop-raw"), "Ignored"),
        (("raw/2024_$folder$", "shop-raw"), "Ignored"),
        (("raw/.hidden/orders.json", "shop-raw"), "Ignored"),
        (("raw/.orders.json", "shop-raw"), "Ignored"),
        (("raw/orders.json.part", "shop-raw"), "Ignored"),
        (("raw/gone.json", "shop-raw"), "Vanished"),
    ],
)
def test_what_is_not_for_loading_is_done_and_said(lake, said, ref, counted):
    assert failures(batch(event(*ref))) == []
    assert lake.loads == []
    logs, metrics = said()
    assert metric(metrics, counted) == [[1.0]]
    (line,) = [line for line in logs if line["message"] == "not loaded"]
    assert line["object"].endswith(ref[0])
    assert line["reason"]


def test_an_object_that_cannot_be_looked_up_comes_again_alone(lake):
    lake.put(*keys(2))
    lake.sources.errors["s3://shop-raw/raw/orders_0.json"] = StorageUnavailableError("slow down")
    assert failures(batch(*map(event, keys(2)))) == ["m0"]
    assert lake.loads == [["orders_1.json"]]


def test_when_time_runs_out_what_was_not_begun_comes_again(lake):
    lake.put(*keys(3))
    lake.group = 1
    # 10 s in all, so 2 s are kept back: asked before the load, before the first group, before the second.
    context = FakeContext([10_000, 9_000, 9_000, 1_900])
    assert failures(batch(*map(event, keys(3))), context) == ["m1", "m2"]


def test_what_came_the_third_time_is_loaded_by_itself_in_turn_from_both_ends(lake):
    lake.put(*keys(3))
    third = batch(*map(event, keys(3)), receives=3)
    assert failures(third) == []
    assert lake.loads == [["orders_0.json"], ["orders_1.json"], ["orders_2.json"]]
    lake.loads.clear()
    assert failures(batch(*map(event, keys(3)), receives=4)) == []
    assert lake.loads == [["orders_2.json"], ["orders_1.json"], ["orders_0.json"]]


def test_a_file_that_kills_the_function_keeps_no_other_from_its_turn(lake):
    """After two deaths each object is loaded by itself, forwards and then backwards: nine are in before the end."""
    lake.put(*keys(10))
    lake.raising["orders_5.json"] = SystemExit("out of memory")
    for receives in (1, 2, 3, 4):
        with pytest.raises(SystemExit):
            handler(batch(*map(event, keys(10)), receives=receives), FakeContext())
    assert len(lake.ledger.done) == 9


def test_metrics_are_one_line_of_emf_by_service_alone_with_what_is_watched(lake, said):
    """Each name in each set of dimensions is billed."""
    lake.put(*keys(3), "raw/olist_sellers_dataset.csv")
    lake.bad["orders_2.json"] = "no JSON"
    failures(batch(*map(event, [*keys(3), "raw/olist_sellers_dataset.csv"])))
    _, metrics = said()
    assert len(metrics) == 2
    line, failed = metrics
    (emf,) = line["_aws"]["CloudWatchMetrics"]
    assert emf["Namespace"] == "orderlake"
    assert emf["Dimensions"] == [["service"]]
    assert {each["Unit"] for each in emf["Metrics"]} == {"Count"}
    values = {each["Name"]: line[each["Name"]] for each in emf["Metrics"]}
    assert values == {"FilesLoaded": [3.0], "FilesRejected": [1.0], "Loaded": [36.0], "Quarantined": [0.0]}
    assert metric([failed], "MessagesFailed", service="shop") == [[1.0]]


def test_a_rejected_file_is_counted_once_however_often_its_message_comes(lake, said):
    lake.put("raw/orders_0.json")
    lake.bad["orders_0.json"] = "no JSON"
    failures(batch(event("raw/orders_0.json")))
    (found,) = lake.ledger.done.values()
    lake.ledger.done = {found.identity: type(found)(**{**found.as_dict(), "at": "2024-01-05T10:00:00.000+00:00"})}
    assert failures(batch(event("raw/orders_0.json"))) == ["m0"]
    assert metric(said()[1], "FilesRejected") == [[1.0], [0.0]]


def test_each_log_line_is_json_and_names_the_request(lake, said):
    lake.put("raw/orders_0.json")
    failures(batch(event("raw/orders_0.json")))
    logs, _ = said()
    (line,) = [line for line in logs if line["message"] == "file"]
    assert (line["request_id"], line["status"], line["loaded"]) == ("request-1", "loaded", 12)
    assert line["resumed_parts"] == 0


def test_a_caller_without_a_queue_gets_a_summary(lake):
    lake.put("raw/orders 2024+01 ü%.json")
    answer = handler(event("raw/orders 2024+01 ü%.json"), FakeContext())
    assert [report["status"] for report in answer["reports"]] == ["loaded"]
    assert json.loads(json.dumps(answer)) == answer
    assert handler(event("raw/gone.json"), FakeContext())["ignored"].keys() == {"s3://shop-raw/raw/gone.json"}
    assert handler({"what": "ever"}, FakeContext())["faults"]


def test_a_caller_without_a_queue_gets_an_error_for_what_another_try_may_mend(lake):
    lake.put("raw/orders_0.json")
    lake.raising["orders_0.json"] = CatalogUnavailableError("throttled")
    with pytest.raises(TransientError, match="throttled"):
        handler(event("raw/orders_0.json"), FakeContext())

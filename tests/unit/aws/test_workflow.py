"""The tasks of the backfill workflow: what is a result, what is raised for another try, and the account of it all."""

import json
from dataclasses import dataclass, field, replace

import pytest

from orderlake.aws import workflow
from orderlake.aws.account import accounted, told
from orderlake.aws.workflow import Files, Workflow, handler
from orderlake.errors import CatalogUnavailableError, ConfigError, NotFoundError, TransientError
from tests.unit.aws.fakes import SETTINGS, FakeContext, report_of, source


@dataclass
class Kept:
    """The files of an execution, in memory."""

    execution: str = "e1"
    files: dict[str, str] = field(default_factory=dict)

    def read(self, name):
        return json.loads(self.files[name])

    def write(self, name, content):
        self.files[name] = content if isinstance(content, str) else json.dumps(content)
        return f"backfill/e1/{name}"


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def tasks(lake, kept):
    return Workflow(lake, SETTINGS, kept, lambda: True)


def whole(tasks, errors=()):
    """All tasks, one after the other; groups of `errors` fail."""
    state: dict[str, object] = {"plan": tasks.plan({})}
    state["loads"] = [
        {"group": name, "error": "TransientError"} if name in errors else tasks.load({"group": name})
        for name in state["plan"]["groups"]  # type: ignore[index]
    ]
    return tasks.report({"state": {**state, "check": tasks.check({})}})


def test_the_plan_packs_what_is_not_loaded_in_groups_of_a_hundred(lake, tasks, kept):
    found = lake.put(*[f"raw/orders_{number:03d}.json" for number in range(251)])
    lake.ledger.done[found[0].identity] = report_of(found[0])
    plan = tasks.plan({})
    assert plan == {"groups": ["00001", "00002", "00003"], "objects": 250, "bytes": 2500, "unchanged": 1}
    groups = [kept.read(f"groups/{name}.json")["objects"] for name in plan["groups"]]
    assert [len(group) for group in groups] == [100, 100, 50]
    assert {each["uri"] for group in groups for each in group} == {each.uri for each in found[1:]}


def test_the_plan_packs_large_objects_by_their_bytes(lake, tasks):
    lake.sources.objects = [source(f"raw/orders_{number}.json", size=200 << 20) for number in range(3)]
    assert len(tasks.plan({})["groups"]) == 3


def test_very_many_objects_still_fit_into_what_step_functions_keeps(lake, tasks):
    lake.sources.objects = [source(f"raw/{number}.json") for number in range(151_000)]
    plan = tasks.plan({})
    assert len(plan["groups"]) <= 1_500
    assert len(json.dumps(plan)) < 100_000


def test_the_plan_looks_only_at_its_prefix_which_must_be_under_raw(lake, tasks):
    lake.put("raw/2024/a.json", "raw/2023/b.json", "raw/2024/.hidden.json")
    assert tasks.plan({"prefix": "s3://shop-raw/raw/2024/"})["objects"] == 1
    for elsewhere in ("s3://shop-lake/lake/", "s3://shop-raw/rawer/", "s3://shop-raw"):
        with pytest.raises(ConfigError, match="is not under s3://shop-raw/raw"):
            tasks.plan({"prefix": elsewhere})


def test_a_file_that_cannot_be_read_is_a_result(lake, tasks):
    lake.put("raw/orders_1.json", "raw/orders_2.json")
    lake.bad["orders_2.json"] = "no JSON"
    tasks.plan({})
    assert tasks.load({"group": "00001"}) == {"group": "00001", "loaded": 1, "rejected": 1, "failed": 0}


def test_an_object_that_raises_is_a_result_and_the_others_are_loaded(lake, tasks, kept):
    lake.put("raw/orders_1.json", "raw/orders_2.json")
    lake.raising["orders_2.json"] = ValueError("a bug")
    tasks.plan({})
    assert tasks.load({"group": "00001"}) == {"group": "00001", "loaded": 1, "failed": 1}
    assert kept.read("groups/00001.json")["failed"] == {"s3://shop-raw/raw/orders_2.json": "ValueError: a bug"}


def test_what_another_try_may_mend_is_raised_by_its_class_and_what_was_done_is_kept(lake, tasks, kept):
    lake.put("raw/orders_1.json", "raw/orders_2.json")
    lake.group = 1
    lake.raising["orders_2.json"] = CatalogUnavailableError("throttled")
    tasks.plan({})
    with pytest.raises(CatalogUnavailableError):
        tasks.load({"group": "00001"})
    assert [each["status"] for each in kept.read("groups/00001.json")["reports"]] == ["loaded"]
    lake.raising.clear()
    assert tasks.load({"group": "00001"}) == {"group": "00001", "loaded": 2, "failed": 0}
    assert sum(each["loaded"] for each in kept.read("groups/00001.json")["reports"]) == 24


def test_when_time_runs_out_the_rest_is_for_another_try(lake, tasks):
    lake.put("raw/orders_1.json", "raw/orders_2.json")
    lake.group = 1
    tasks.plan({})
    answers = iter([True, True, False])
    tasks.proceed = lambda: next(answers)
    with pytest.raises(TransientError, match="for 1 of 2 objects the time ran out"):
        tasks.load({"group": "00001"})
    tasks.proceed = lambda: True
    assert tasks.load({"group": "00001"})["loaded"] == 2


def test_loading_a_group_twice_keeps_the_account_of_the_first_time(lake, tasks):
    lake.put("raw/orders_1.json")
    tasks.plan({})
    first = tasks.load({"group": "00001"})
    assert tasks.load({"group": "00001"}) == first == {"group": "00001", "loaded": 1, "failed": 0}


def test_a_check_that_does_not_hold_is_a_result_and_sounds_the_alarm(lake, tasks, said):
    lake.findings = tuple(f"orders: file {number} is gone" for number in range(50))
    found = tasks.check({})
    assert (found["ok"], found["count"], len(found["findings"])) == (False, 50, 20)
    assert [line["FailedChecks"] for line in said()[1]] == [[50.0]]


def test_marts_and_maintenance_are_told_in_files_and_what_there_was_no_time_for_is_done_again(lake, tasks, kept):
    assert tasks.marts({}) == {"ok": True, "count": 1, "key": "backfill/e1/marts.json"}
    assert kept.read("marts.json") == [{"table": "daily", "rows": 3}]
    key = "backfill/e1/maintain.json"
    assert tasks.maintain({}) == {"ok": True, "again": False, "count": 1, "key": key}
    (told,) = kept.read("maintain.json")["tables"]
    assert (told["table"], told["files_before"], told["files_after"]) == ("orders", 9, 1)
    assert replace(tasks, proceed=lambda: False).maintain({})["again"] is True


def test_a_mart_that_is_wrong_is_a_result_and_makes_the_report_incomplete(lake, tasks):
    lake.wrong_mart = "daily.sql: no such column"
    found = tasks.marts({})
    assert found == {"ok": False, "reason": "daily.sql: no such column"}
    account = accounted("e1", {"marts": found}, [])
    assert account["ok"] is False
    assert "marts: daily.sql: no such column" in told(account)


def test_the_report_accounts_for_every_object(lake, tasks, kept):
    lake.put("raw/orders_1.json", "raw/orders_2.json", "raw/orders_3.json")
    lake.bad["orders_2.json"] = "no JSON"
    lake.raising["orders_3.json"] = ValueError("a bug")
    found = whole(tasks)
    assert found["ok"] is False
    assert found["files"] == {"loaded": 1, "rejected": 1, "failed": 1}
    assert found["records"] == {"read": 12, "loaded": 12, "superseded": 0, "duplicate": 0, "quarantined": 0}
    assert kept.files["report.txt"] == found["text"]
    assert "s3://shop-raw/raw/orders_2.json: no JSON" in found["text"]
    assert "s3://shop-raw/raw/orders_3.json: ValueError: a bug" in found["text"]
    assert kept.read("report.json")["rejected"] == {"s3://shop-raw/raw/orders_2.json": "no JSON"}


def test_a_group_that_failed_leaves_no_object_unsaid(lake, tasks):
    lake.put("raw/orders_1.json")
    found = whole(tasks, errors={"00001"})
    assert (found["ok"], found["files"]) == (False, {"failed": 1})
    assert "load of group 00001: TransientError" in found["text"]
    assert "s3://shop-raw/raw/orders_1.json: its group was not loaded" in found["text"]


def test_a_task_that_failed_makes_the_report_incomplete():
    state = {"plan": {"groups": []}, "error": {"Error": "States.Timeout", "Cause": "Check"}}
    account = accounted("e1", state, [])
    assert account["ok"] is False
    assert "States.Timeout: Check" in told(account)


def test_a_check_that_does_not_hold_makes_the_report_incomplete(lake, tasks):
    lake.findings = ("orders: a file is gone",)
    found = whole(tasks)
    assert found["ok"] is False
    assert "orders: a file is gone" in found["text"]


def test_a_long_list_is_cut_in_the_text_and_whole_in_the_file():
    findings = [f"finding {number}" for number in range(30)]
    account = accounted("e1", {"check": {"ok": False, "findings": findings}}, [])
    assert "and 10 more" in told(account)
    assert account["findings"] == findings


def test_the_report_goes_to_the_topic(lake, tasks, aws, monkeypatch):
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    url = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("ORDERLAKE_TOPIC", topic)
    whole(tasks)
    (mail,) = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(mail["Body"])
    assert body["Subject"] == "orderlake shop: backfill done"
    assert body["Message"].startswith("backfill e1: done")


def test_the_files_of_an_execution_lie_in_the_ops_bucket(aws):
    settings = aws.deploy()
    files = Files(settings, "e1")
    assert files.write("a.json", {"ü": 1}) == "backfill/e1/a.json"
    assert files.read("a.json") == {"ü": 1}
    assert files.write("a.txt", "text") == "backfill/e1/a.txt"
    with pytest.raises(NotFoundError):
        files.read("b.json")


def test_an_unknown_task_is_named(opened):
    with pytest.raises(ConfigError, match="there is no task 'dance'"):
        handler({"task": "dance"}, FakeContext())


def test_every_task_has_its_function():
    assert list(workflow.TASKS) == ["plan", "load", "check", "marts", "maintain", "report"]

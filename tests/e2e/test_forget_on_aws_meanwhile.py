"""What happens in a lake in buckets while somebody is forgotten there. moto stands in for AWS."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from orderlake import Lake
from orderlake.aws import ingest
from orderlake.aws.settings import container
from orderlake.erasing import forgotten, packing
from orderlake.erasing.packing import UnpackableError
from orderlake.errors import ConfigError
from orderlake.events.objects import S3Sources
from orderlake.forgetting import raw
from orderlake.forgetting.bucket import Bucket
from orderlake.secret import VARIABLE
from orderlake.storage import s3_streams
from tests.e2e.test_forget import EMAIL, ndjson, order
from tests.e2e.test_forget_on_aws import MONEY, check, events, forget, load, peopled, stored
from tests.stored import holders
from tests.unit.aws.fakes import FakeContext
from tests.unit.aws.test_functions import batch, shop

__all__ = ["peopled", "shop"]

pytestmark = pytest.mark.e2e

BOB = "bob@mail.example"


def statuses() -> dict[str, str]:
    """What a run does with each object."""
    with Lake.of(container().project) as lake:
        return {report.source.rsplit("/", 1)[-1]: report.status for report in lake.run()}


def test_of_two_erasures_at_once_none_undoes_the_other(peopled, tmp_path, monkeypatch):
    replace, others = Bucket.replace, list[threading.Thread]()

    def begin_another(self: Bucket, *args: Any) -> None:
        if not others:
            others.append(threading.Thread(target=forget, kwargs={"emails": [BOB]}))
            others[0].start()
            others[0].join(1)  # time enough for it to read what is being replaced here
        replace(self, *args)

    monkeypatch.setattr(Bucket, "replace", begin_another)
    forget()
    others[0].join()
    every = stored(peopled, tmp_path / "raw")
    for secret in (EMAIL, BOB):
        assert [name for name in holders(every, secret) if "/pipelines/" not in name] == []


def test_a_large_object_that_is_being_read_loads_from_where_it_is_then(peopled, monkeypatch):
    record = peopled.put(
        "raw/orders_big.json", ndjson(order(100), *(order(number, "bob") for number in range(101, 90_000)))
    )
    fetch, done = s3_streams.fetch, list[Any]()

    def meanwhile(client: Any, where: dict[str, str], start: int, end: int) -> bytes:
        if "orders_big" in where["Key"] and start > 4_000_000 and not done:
            done.append("now")
            forget()
        return fetch(client, where, start, end)

    monkeypatch.setattr(s3_streams, "fetch", meanwhile)
    for records in ([record], [record], events(peopled)):
        with suppress(Exception):  # a queue hands it over again, whatever it was
            ingest.handler(batch(*records), FakeContext())
    assert done
    load(peopled, *events(peopled))
    assert peopled.query("SELECT count(*), count(email) FROM orders WHERE order_id >= 100") == [(89_900, 89_899)]
    assert statuses()["orders_big.json"] == "unchanged"


def test_a_run_that_lists_objects_meanwhile_loads_none_twice(peopled, monkeypatch):
    before = peopled.query(MONEY)
    versions, done = S3Sources._versions, list[str]()

    def meanwhile(self: S3Sources, *args: Any, **more: Any) -> Any:
        if not done:
            done.append("now")
            forget()
        yield from versions(self, *args, **more)

    monkeypatch.setattr(S3Sources, "_versions", meanwhile)
    assert set(statuses().values()) == {"unchanged"}
    assert peopled.query(MONEY) == before


def test_a_version_that_expires_meanwhile_is_passed_over(peopled, tmp_path, monkeypatch):
    s3, gone = peopled.aws.client("s3"), list[str]()

    def expire(**_: Any) -> None:
        if not gone:
            found = s3.list_object_versions(Bucket=peopled.raw, Prefix="raw/orders_1.json")["Versions"]
            gone.append(found[-1]["VersionId"])
            s3.delete_object(Bucket=peopled.raw, Key="raw/orders_1.json", VersionId=gone[0])

    s3.meta.events.register("before-call.s3.PutObject", expire, unique_id="expires")
    try:
        assert forget().left == ()
    finally:
        s3.meta.events.unregister("before-call.s3.PutObject", unique_id="expires")
    every = stored(peopled, tmp_path)
    assert [name for name in holders(every, EMAIL) if "/pipelines/" not in name] == []


def test_an_object_that_was_undeleted_since_stays_so(peopled):
    s3 = peopled.aws.client("s3")
    forget()
    markers = s3.list_object_versions(Bucket=peopled.raw, Prefix="raw/orders_5.json")["DeleteMarkers"]
    for marker in markers:
        if marker["IsLatest"]:
            s3.delete_object(Bucket=peopled.raw, Key="raw/orders_5.json", VersionId=marker["VersionId"])
    forget(emails=[BOB])
    forget(emails=["carol@mail.example"])
    assert "Contents" in s3.list_objects_v2(Bucket=peopled.raw, Prefix="raw/orders_5.json")


def test_a_bucket_that_has_suspended_its_versions_is_refused_before_anything_is_lost(peopled, tmp_path):
    s3 = peopled.aws.client("s3")
    s3.put_bucket_versioning(Bucket=peopled.raw, VersioningConfiguration={"Status": "Suspended"})
    try:
        with pytest.raises(ConfigError, match="has suspended its versions"):
            forget()
    finally:
        s3.put_bucket_versioning(Bucket=peopled.raw, VersioningConfiguration={"Status": "Enabled"})
    forget()
    check(peopled, tmp_path)


def test_where_a_bucket_keeps_no_versions_an_object_that_is_replaced_meanwhile_is_not_lost(
    peopled, monkeypatch, tmp_path
):
    s3 = peopled.aws.client("s3")
    bucket = peopled.aws.make_bucket(f"{peopled.raw}-plain", versioned=False)
    place = f"s3://{bucket}/raw/orders_8.json"
    s3.put_object(Bucket=bucket, Key="raw/orders_8.json", Body=ndjson(order(80), order(81, "bob")))
    with Lake.of(container().project) as lake:
        assert [report.status for report in lake.run([place])] == ["loaded"]
    put = Bucket._put

    def between(self: Bucket, source: Any, file: Path, about: Any, etag: str) -> None:
        s3.put_object(Bucket=bucket, Key="raw/orders_8.json", Body=ndjson(order(82, "bob")))
        put(self, source, file, about, etag)

    monkeypatch.setattr(Bucket, "_put", between)
    assert forget().left == (f"{place}: it was replaced meanwhile: say this again",)
    assert s3.get_object(Bucket=bucket, Key="raw/orders_8.json")["Body"].read() == ndjson(order(82, "bob"))
    monkeypatch.setattr(Bucket, "_put", put)
    s3.put_object(Bucket=bucket, Key="raw/orders_8.json", Body=ndjson(order(80), order(83, "bob")))
    with Lake.of(container().project) as lake:
        lake.run([place])
    assert forget().left == ()
    assert EMAIL.encode() not in s3.get_object(Bucket=bucket, Key="raw/orders_8.json")["Body"].read()
    with Lake.of(container().project) as lake:
        assert [report.status for report in lake.run([place])] == ["unchanged"]


@pytest.mark.parametrize("at", ["plain_of", "rewritten"])
def test_a_function_without_room_loads_nobody_who_is_forgotten(peopled, monkeypatch, at):
    """A disk that is full is an OSError of the system, wherever a file is unpacked or written."""
    forget()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    record = peopled.put("raw/orders_6.json", ndjson(order(90), order(91, "bob")))
    with monkeypatch.context() as patch:
        patch.setattr(forgotten, at, full)
        answer = ingest.handler(batch(record), FakeContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert peopled.query("SELECT count(*) FROM orders WHERE order_id >= 90") == [(0,)]
    load(peopled, record)
    assert peopled.query("SELECT count(*), count(email) FROM orders WHERE order_id >= 90") == [(2, 1)]


def test_a_torn_array_is_rejected_and_the_others_load_as_before(peopled):
    forget()
    peopled.put("raw/orders_torn.json", json.dumps([order(92), order(93, "bob")]).encode()[:-1])
    peopled.put("raw/orders_whole.json", ndjson(order(94, "bob")))
    found = statuses()
    assert (found["orders_torn.json"], found["orders_whole.json"]) == ("rejected", "loaded")


def test_what_cannot_be_packed_as_small_again_is_named_and_all_else_is_done(peopled, monkeypatch, tmp_path):

    def too_large(plain: Path, original: Path, form: Any, target: Path) -> None:
        if form.compression == "gzip":
            raise UnpackableError("it cannot be written as large as it is")
        packing.packed(plain, original, form, target)

    with monkeypatch.context() as patch:
        patch.setattr(raw, "packed", too_large)
        done = forget()
    assert [each.rpartition("/")[2] for each in done.left] == [
        "orders_2.json.gz: it cannot be written as large as it is"
    ]
    names = holders(stored(peopled, tmp_path / "left"), EMAIL)
    assert {name.split("/")[2] for name in names if "/pipelines/" not in name} == {"orders_2.json.gz"}
    forget()
    check(peopled, tmp_path / "after")


@pytest.mark.parametrize(("key", "said"), [("another key of theirs 0123", "another key"), ("", "have no key")])
def test_another_key_than_that_of_the_functions_is_refused_before_anything_is_done(peopled, tmp_path, key, said):
    peopled.aws.make_loader(peopled.settings.name, **({VARIABLE: key} if key else {}))
    before = len(holders(stored(peopled, tmp_path), EMAIL))
    with pytest.raises(ConfigError, match=said):
        forget()
    assert len(holders(stored(peopled, tmp_path / "after"), EMAIL)) == before


def test_other_pipelines_than_those_of_the_functions_are_refused(peopled):
    peopled.put("pipelines/orders.yaml", b"pipeline: orders\nsources: {}\n", peopled.ops)
    with Lake.of(container().project) as lake, pytest.raises(ConfigError, match=r"orders\.yaml"):
        lake.forget(emails=[EMAIL])


@pytest.mark.parametrize("place", ["lake", "raw"])
def test_a_workgroup_that_answers_into_the_lake_is_refused(peopled, place):
    settings = peopled.settings
    location = getattr(settings, place)
    athena, where = peopled.aws.client("athena"), {"OutputLocation": location.rpartition("/")[0]}
    athena.delete_work_group(WorkGroup=settings.workgroup, RecursiveDeleteOption=True)
    athena.create_work_group(Name=settings.workgroup, Configuration={"ResultConfiguration": where})
    with pytest.raises(ConfigError, match="cannot be told apart"):
        forget()
    assert peopled.query("SELECT count(*) > 0 FROM orders") == [(True,)]

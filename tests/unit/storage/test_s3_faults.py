"""S3 misbehaves: it throttles, replies get lost, bodies break off, access is denied; and what comes of it."""

import socket
import threading

import pytest

from orderlake import clients
from orderlake.errors import ConfigError, NotFoundError, SourceChangedError, StorageUnavailableError
from orderlake.storage.s3 import S3Store
from orderlake.storage.s3_streams import PART, RangedReader

pytestmark = pytest.mark.fault
FOR_GOOD = 50
"""More often than a call is tried."""


@pytest.fixture
def bucket(aws):
    return aws.deploy().lake.removeprefix("s3://").partition("/")[0]


@pytest.fixture
def store(aws, tmp_path):
    return S3Store(aws.region, tmp_path)


def parts_left(aws, bucket):
    return aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def write_parts(store, location, data):
    with store.writer(location) as file:
        file.write(data)


CALLS = {
    "PutObject": lambda store, at: store.write(at("new"), b"new"),
    "GetObject": lambda store, at: store.read(at("a")),
    "HeadObject": lambda store, at: store.stat(at("a")),
    "ListObjectsV2": lambda store, at: list(store.list(at(""))),
    "DeleteObject": lambda store, at: store.delete(at("a")),
    "CopyObject": lambda store, at: store.publish(at("a"), at("new")),
    "CreateMultipartUpload": lambda store, at: write_parts(store, at("new"), b"x" * (PART + 1)),
    "UploadPart": lambda store, at: write_parts(store, at("new"), b"x" * (PART + 1)),
    "CompleteMultipartUpload": lambda store, at: write_parts(store, at("new"), b"x" * (PART + 1)),
}


@pytest.fixture(params=list(CALLS))
def call(request, aws, store, bucket):
    def at(name):
        return f"s3://{bucket}/lake/{name}"

    store.write(at("a"), b"before")
    aws.faults.forget_calls()
    return request.param, lambda: CALLS[request.param](store, at)


def test_throttled_calls_are_tried_again(aws, call):
    operation, do = call
    aws.faults.throttle(operation, times=3)
    do()
    assert aws.faults.pending() == []


def test_calls_whose_request_is_lost_are_tried_again(aws, call):
    operation, do = call
    aws.faults.lose_request(operation, times=2)
    do()
    assert aws.faults.pending() == []


def test_calls_whose_reply_is_lost_end_as_if_it_had_come(aws, call, store, bucket):
    operation, do = call
    aws.faults.lose_reply(operation)
    do()
    assert aws.faults.pending() == []
    if "Multipart" in operation or operation == "UploadPart":
        assert store.read(f"s3://{bucket}/lake/new") == b"x" * (PART + 1)
    if operation == "CopyObject":
        assert store.read(f"s3://{bucket}/lake/new") == b"before"
        assert store.stat(f"s3://{bucket}/lake/a") is None


def test_what_is_throttled_for_good_is_a_storage_that_is_not_available(aws, call):
    operation, do = call
    aws.faults.throttle(operation, times=FOR_GOOD)
    with pytest.raises(StorageUnavailableError):
        do()


def test_denied_calls_say_that_credentials_or_the_policy_are_to_be_checked(aws, call):
    operation, do = call
    aws.faults.refuse(operation, "AccessDenied", 403)
    with pytest.raises(ConfigError, match="check the credentials and the policy"):
        do()


def test_a_missing_bucket_is_a_matter_of_configuration(store):
    for do in (
        lambda: store.write("s3://no-such-bucket-here/a", b""),
        lambda: store.create("s3://no-such-bucket-here/a", b""),
        lambda: store.read("s3://no-such-bucket-here/a"),
        lambda: list(store.list("s3://no-such-bucket-here/a")),
        lambda: write_parts(store, "s3://no-such-bucket-here/a", b"x" * (PART + 1)),
    ):
        with pytest.raises(ConfigError, match="has it been deployed"):
            do()


# --- create


def test_a_creation_whose_reply_is_lost_has_succeeded(aws, store, bucket):
    aws.faults.lose_reply("PutObject")
    store.create(f"s3://{bucket}/lake/a", b"ours")
    assert aws.faults.pending() == []
    assert store.read(f"s3://{bucket}/lake/a") == b"ours"
    puts = [call for call in aws.faults.calls() if call.operation == "PutObject"]
    assert len(puts) == 2


def test_a_creation_that_another_one_overtakes_is_refused(aws, store, bucket):
    store.write(f"s3://{bucket}/lake/a", b"theirs")
    aws.faults.lose_request("PutObject")
    with pytest.raises(StorageUnavailableError, match="another object"):
        store.create(f"s3://{bucket}/lake/a", b"ours")
    assert store.read(f"s3://{bucket}/lake/a") == b"theirs"


def test_two_creations_at_once_may_be_refused_for_now(aws, store, bucket):
    aws.faults.refuse("PutObject", "ConditionalRequestConflict", 409, times=FOR_GOOD)
    with pytest.raises(StorageUnavailableError):
        store.create(f"s3://{bucket}/lake/a", b"ours")


# --- writer


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_fails_leaves_no_object_and_no_parts(aws, store, bucket, operation):
    aws.faults.throttle(operation, times=FOR_GOOD)
    with pytest.raises(StorageUnavailableError):
        write_parts(store, f"s3://{bucket}/lake/a", b"x" * (2 * PART + 1))
    aws.faults.clear()
    assert store.stat(f"s3://{bucket}/lake/a") is None
    assert parts_left(aws, bucket) == []


def test_a_stream_that_is_closed_after_a_failed_write_is_no_object(aws, store, bucket):
    aws.faults.throttle("UploadPart", times=FOR_GOOD)
    stream = store.upload(f"s3://{bucket}/lake/a")
    with pytest.raises(StorageUnavailableError):
        stream.write(b"x" * PART)
    aws.faults.clear()
    stream.close()
    assert store.stat(f"s3://{bucket}/lake/a") is None
    assert parts_left(aws, bucket) == []


def test_the_first_error_is_told_when_giving_up_fails_too(aws, store, bucket):
    aws.faults.refuse("UploadPart", "AccessDenied", 403)
    aws.faults.throttle("AbortMultipartUpload", times=FOR_GOOD)
    with pytest.raises(ConfigError, match="AccessDenied"):
        write_parts(store, f"s3://{bucket}/lake/a", b"x" * PART)
    aws.faults.clear()
    assert store.stat(f"s3://{bucket}/lake/a") is None


def test_an_upload_that_vanished_is_not_taken_for_one_that_was_completed(aws, store, bucket):
    store.write(f"s3://{bucket}/lake/a", b"an older one")
    aws.faults.refuse("CompleteMultipartUpload", "NoSuchUpload", 404)
    with pytest.raises(StorageUnavailableError):
        write_parts(store, f"s3://{bucket}/lake/a", b"x" * (PART + 1))
    assert store.read(f"s3://{bucket}/lake/a") == b"an older one"


# --- reading


def test_an_object_that_another_worker_replaces_is_not_read_half_old_half_new(aws, store, bucket):
    store.write(f"s3://{bucket}/lake/a", b"1" * (5 << 20))
    with store.open(f"s3://{bucket}/lake/a") as file:
        assert file.read(10) == b"1" * 10
        S3Store(aws.region).write(f"s3://{bucket}/lake/a", b"2" * (5 << 20))
        file.seek(4 << 20)
        with pytest.raises(SourceChangedError, match="changed while it was read"):
            file.read(10)


def test_an_object_that_is_deleted_while_it_is_read_is_not_found(aws, store, bucket):
    store.write(f"s3://{bucket}/lake/a", b"1" * (5 << 20))
    with store.open(f"s3://{bucket}/lake/a") as file:
        store.delete(f"s3://{bucket}/lake/a")
        with pytest.raises(NotFoundError):
            file.read(10)


def test_a_footer_and_what_lies_before_it_come_in_one_request(aws, store, bucket):
    data = bytes(range(256)) * (5 << 12)
    store.write(f"s3://{bucket}/lake/a", data)
    aws.faults.forget_calls()
    with store.open(f"s3://{bucket}/lake/a") as file:
        for place, length in ((-8, 8), (-5_000, 4_000), (-200_000, 100)):
            file.seek(place, 2)
            assert file.read(length) == data[place:][:length]
    assert [call.operation for call in aws.faults.calls()] == ["HeadObject", "GetObject"]


def test_small_objects_are_fetched_once(aws, store, bucket):
    store.write(f"s3://{bucket}/lake/a", b"12345")
    aws.faults.forget_calls()
    for _ in range(3):
        assert store.open(f"s3://{bucket}/lake/a").read() == b"12345"
    assert [call.operation for call in aws.faults.calls()] == ["HeadObject", "GetObject"]


class Breaking:
    """A server of one object (10 bytes) whose replies break off after 4 bytes, the first `times` of them."""

    def __init__(self, times):
        self.times, self.asked = times, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += connection.recv(65536)
                self.asked += 1
                body = b"0123456789"[: 4 if self.asked <= self.times else 10]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n" + body)


@pytest.fixture
def breaking(aws, monkeypatch, request):
    with Breaking(request.param) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        clients.forget_clients()
        yield server
    clients.forget_clients()


@pytest.mark.parametrize("breaking", [1, 3], indirect=True)
def test_a_body_that_breaks_off_is_asked_for_again(breaking):
    assert S3Store("eu-central-1").read("s3://bucket/key") == b"0123456789"
    assert breaking.asked == breaking.times + 1


@pytest.mark.parametrize("breaking", [FOR_GOOD], indirect=True)
def test_a_body_that_breaks_off_each_time_is_a_storage_that_is_not_available(breaking):
    with pytest.raises(StorageUnavailableError, match="breaks off"):
        S3Store("eu-central-1").read("s3://bucket/key")


@pytest.mark.parametrize("breaking", [0], indirect=True)
def test_an_object_that_is_shorter_than_it_was_is_not_read_as_if_it_were_whole(breaking):
    reader = RangedReader(clients.client("s3", "eu-central-1"), {"Bucket": "b", "Key": "k"}, 20)
    with pytest.raises(StorageUnavailableError, match="shorter"):
        reader.read()

"""The emulator is as strict as AWS where orderlake relies on it. It stands in for AWS; this is what that is worth."""

import json
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from orderlake import clients
from tests.emulators.faults import Call

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def lake(aws):
    return aws.deploy()


def outcomes(works):
    """Do these at once, each in a thread; give what each returned, or the code of its error."""
    start = threading.Barrier(len(works))

    def one(work):
        start.wait()
        try:
            work()
        except ClientError as error:
            return clients.error_code(error)
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return sorted(pool.map(one, works))


def key(name):
    return {"pk": {"S": "p"}, "sk": {"S": name}}


def put(table, name, **more):
    return {"Put": {"TableName": table, "Item": {**key(name), "v": {"S": "1"}}, **more}}


# --- Glue -------------------------------------------------------------------------------------------------------------


def test_of_eight_updates_of_one_version_one_lands(aws, lake):
    glue = aws.client("glue")
    glue.create_table(DatabaseName=lake.database, TableInput={"Name": "t"})
    version = glue.get_table(DatabaseName=lake.database, Name="t")["Table"]["VersionId"]

    def update(number):
        glue.update_table(
            DatabaseName=lake.database,
            TableInput={"Name": "t", "Parameters": {"n": str(number)}},
            VersionId=version,
            SkipArchive=True,
        )

    found = outcomes([lambda number=number: update(number) for number in range(8)])
    assert found == ["ConcurrentModificationException"] * 7 + ["done"]


def test_an_update_without_a_version_or_with_the_newest_lands(aws, lake):
    glue = aws.client("glue")
    glue.create_table(DatabaseName=lake.database, TableInput={"Name": "T"})
    for number in range(3):
        table = glue.get_table(DatabaseName=lake.database, Name="t")["Table"]
        more = {} if number == 1 else {"VersionId": table["VersionId"]}
        glue.update_table(DatabaseName=lake.database, TableInput={"Name": "t", "Description": str(number)}, **more)
        assert glue.get_table(DatabaseName=lake.database, Name="T")["Table"]["Description"] == str(number)


def test_of_eight_that_create_a_table_one_does(aws, lake):
    glue = aws.client("glue")
    create = lambda: glue.create_table(DatabaseName=lake.database, TableInput={"Name": "t"})  # noqa: E731
    assert outcomes([create] * 8) == ["AlreadyExistsException"] * 7 + ["done"]


# --- DynamoDB ---------------------------------------------------------------------------------------------------------


def test_of_eight_conditional_puts_one_lands(aws, lake):
    client = aws.client("dynamodb")
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    create = lambda: client.put_item(TableName=lake.table, Item=key("a"), **condition)  # noqa: E731
    assert outcomes([create] * 8) == ["ConditionalCheckFailedException"] * 7 + ["done"]


def test_a_cancelled_transaction_leaves_nothing_and_says_why(aws, lake):
    client = aws.client("dynamodb")
    new = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    client.put_item(TableName=lake.table, Item={**key("b"), "v": {"S": "0"}})
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[put(lake.table, "a"), put(lake.table, "b", **new)])
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"] == {**key("b"), "v": {"S": "0"}}
    assert "Item" not in client.get_item(TableName=lake.table, Key=key("a"))
    assert client.get_item(TableName=lake.table, Key=key("b"))["Item"]["v"] == {"S": "0"}


def test_transactions_that_count_in_two_items_lose_nothing(aws, lake):
    client = aws.client("dynamodb")

    def count():
        for _ in range(10):
            client.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": lake.table,
                            "Key": key(name),
                            "UpdateExpression": "ADD n :one",
                            "ExpressionAttributeValues": {":one": {"N": "1"}},
                        }
                    }
                    for name in "ab"
                ]
            )

    assert outcomes([count] * 6) == ["done"] * 6
    assert [client.get_item(TableName=lake.table, Key=key(name))["Item"]["n"] for name in "ab"] == [{"N": "60"}] * 2


def test_a_repeated_token_does_nothing_again_and_may_not_ask_for_more(aws, lake):
    client = aws.client("dynamodb")
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    for _ in range(2):
        client.transact_write_items(TransactItems=[put(lake.table, "a", **new)], ClientRequestToken="token")
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.transact_write_items(TransactItems=[put(lake.table, "b")], ClientRequestToken="token")
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[put(lake.table, "a", **new)])


@pytest.mark.parametrize(
    "items", [[f"{n}" for n in range(101)], ["a", "a"]], ids=["more than a hundred", "one item twice"]
)
def test_a_transaction_that_dynamodb_would_not_take_is_refused(aws, lake, items):
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("dynamodb").transact_write_items(TransactItems=[put(lake.table, name) for name in items])


def test_an_item_above_400_kb_is_refused(aws, lake):
    client = aws.client("dynamodb")
    client.put_item(TableName=lake.table, Item={**key("a"), "b": {"B": b"x" * 390_000}})
    with pytest.raises(ClientError, match="size"):
        client.put_item(TableName=lake.table, Item={**key("a"), "b": {"B": b"x" * 410_000}})


# --- S3 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(lake):
    return lake.raw.split("/")[2]


def test_of_eight_that_put_if_there_is_none_one_lands(aws, bucket):
    s3 = aws.client("s3")
    create = lambda: s3.put_object(Bucket=bucket, Key="a b/ü+1.json", Body=b"1", IfNoneMatch="*")  # noqa: E731
    assert outcomes([create] * 8) == ["PreconditionFailed"] * 7 + ["done"]
    s3.delete_object(Bucket=bucket, Key="a b/ü+1.json")
    create()  # a delete marker is no object


def test_a_put_if_unchanged_needs_the_newest_tag(aws, bucket):
    s3 = aws.client("s3")
    tag = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    replace = lambda: s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfMatch=tag)  # noqa: E731
    assert outcomes([replace] * 8) == ["PreconditionFailed"] * 7 + ["done"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="nowhere", Body=b"2", IfMatch=tag)
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfNoneMatch=tag)


def test_versions_are_listed_newest_first_with_their_times(aws, bucket):
    s3 = aws.client("s3")
    made = [s3.put_object(Bucket=bucket, Key="a", Body=str(number).encode())["VersionId"] for number in range(8)]
    listed = s3.list_object_versions(Bucket=bucket, Prefix="a")["Versions"]
    assert [version["VersionId"] for version in listed] == made[::-1]
    assert [version["IsLatest"] for version in listed] == [True] + [False] * 7
    times = [version["LastModified"] for version in listed]
    assert times == sorted(times, reverse=True)
    assert s3.get_object(Bucket=bucket, Key="a", VersionId=made[2])["Body"].read() == b"2"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_bytes_come_back_as_they_were_put(aws, bucket, size):
    s3, data = aws.client("s3"), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    s3.put_object(Bucket=bucket, Key="k", Body=data, Metadata={"under_score": "1"})
    answer = s3.get_object(Bucket=bucket, Key="k")
    assert answer["Body"].read() == data
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


# --- orders to misbehave ----------------------------------------------------------------------------------------------


def test_a_lost_reply_is_a_call_that_was_done_and_is_tried_again(aws, lake):
    client = aws.client("dynamodb")
    aws.faults.lose_reply("PutItem")
    aws.faults.forget_calls()
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(TableName=lake.table, Item=key("a"), ConditionExpression="attribute_not_exists(pk)")
    assert aws.faults.calls() == [Call("dynamodb", "PutItem", lake.table)] * 2
    assert aws.faults.pending() == []


def test_a_lost_request_was_never_done(aws, lake):
    client = aws.client("dynamodb")
    aws.faults.lose_request("PutItem", times=2)
    client.put_item(TableName=lake.table, Item=key("a"), ConditionExpression="attribute_not_exists(pk)")
    assert aws.faults.pending() == []


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("PutItem", "ProvisionedThroughputExceededException"),
        ("GetTable", "ThrottlingException"),
        ("ListObjectsV2", "SlowDown"),
    ],
)
def test_a_throttled_call_is_tried_again_and_given_up_in_the_end(aws, lake, bucket, operation, code):
    calls = {
        "PutItem": lambda: aws.client("dynamodb").put_item(TableName=lake.table, Item=key("a")),
        "GetTable": lambda: aws.client("glue").get_table(DatabaseName=lake.database, Name="t"),
        "ListObjectsV2": lambda: aws.client("s3").list_objects_v2(Bucket=bucket),
    }
    aws.client("glue").create_table(DatabaseName=lake.database, TableInput={"Name": "t"})
    aws.faults.throttle(operation, times=3)
    calls[operation]()
    assert aws.faults.pending() == []
    aws.faults.throttle(operation, times=100)
    assert outcomes([calls[operation]]) == [code]


def test_an_order_can_let_calls_pass_and_can_refuse_with_any_error(aws, lake):
    client = aws.client("dynamodb")
    aws.faults.throttle("GetItem", times=1, skip=2)
    aws.faults.forget_calls()
    for _ in range(3):
        client.get_item(TableName=lake.table, Key=key("a"))
    assert len(aws.faults.calls()) == 4
    aws.faults.refuse("TransactWriteItems", "TransactionCanceledException", CancellationReasons=[{"Code": "None"}])
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[put(lake.table, "a")])
    assert caught.value.response["CancellationReasons"] == [{"Code": "None"}]


def test_calls_are_told_by_the_names_that_policies_use(aws, lake, bucket):
    s3 = aws.client("s3")
    aws.faults.forget_calls()
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a/b c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="a/b c", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="a/b c", UploadId=upload, MultipartUpload=parts)
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/b c"})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}]})
    s3.list_objects_v2(Bucket=bucket)
    aws.client("sqs").send_message(QueueUrl=lake.queue_url, MessageBody=json.dumps({}))
    assert [(call.operation, call.resource) for call in aws.faults.calls()] == [
        ("CreateMultipartUpload", f"{bucket}/a/b c"),
        ("UploadPart", f"{bucket}/a/b c"),
        ("CompleteMultipartUpload", f"{bucket}/a/b c"),
        ("CopyObject", f"{bucket}/c"),
        ("DeleteObjects", bucket),
        ("ListObjectsV2", bucket),
        ("SendMessage", lake.queue_url),
    ]


# --- reach ------------------------------------------------------------------------------------------------------------


def put_elsewhere(settings, name):
    clients.client("dynamodb", settings.region).put_item(TableName=settings.table, Item=key(name))


def test_a_spawned_process_needs_the_environment_and_the_settings_alone(aws, lake):
    process = SPAWN.Process(target=put_elsewhere, args=(lake, "from afar"))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert "Item" in aws.client("dynamodb").get_item(TableName=lake.table, Key=key("from afar"))


def test_two_deployments_do_not_share_a_name(aws):
    one, two = aws.deploy(), aws.deploy()
    assert not {one.table, one.database, one.raw, one.lake} & {two.table, two.database, two.raw, two.lake}


def test_a_call_takes_milliseconds(aws, lake):
    """So that whoever runs suites over it knows what they pay for."""
    client = aws.client("dynamodb")
    client.put_item(TableName=lake.table, Item=key("a"))
    started = time.perf_counter()
    for _ in range(50):
        client.get_item(TableName=lake.table, Key=key("a"), ConsistentRead=True)
    assert time.perf_counter() - started < 50 * 0.1

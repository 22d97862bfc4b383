"""Between DynamoDB and Glue: what dies, races, is lost or comes from another engine, Glue shows the newest head."""

import threading
from contextlib import closing

import pytest

from orderlake.catalog.glue import GlueCatalog
from orderlake.catalog.glue_table import TableShape
from orderlake.catalog.heads import Head, HeadMove, Heads
from orderlake.errors import (
    CatalogUnavailableError,
    CommitConflictError,
    ConfigError,
    NotFoundError,
    StorageUnavailableError,
)
from orderlake.model.column import ColumnType
from orderlake.model.ports import HeadUpdate

COLUMNS = {"order_id": ColumnType("bigint"), "total": ColumnType.parse("money"), "day": ColumnType("date")}
CONFLICT = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "in the way"}]


class World:
    """An emulated AWS with one lake; `history` gives the metadata files that came before one."""

    def __init__(self, aws):
        self.aws = aws
        self.faults = aws.faults
        self.lake = aws.deploy()
        self.history = {}
        self.on_describe = lambda _: None
        self.tries = []
        self.catalog = self.open()

    def open(self):
        lake = self.lake
        return GlueCatalog(lake.table, lake.database, lake.region, self.describe, pause=self.tries.append)

    def describe(self, metadata):
        self.on_describe(metadata)
        columns = ({"Name": "a", "Type": "bigint"},)
        return TableShape(f"{self.lake.lake}/t", columns, frozenset(self.history.get(metadata, ())))

    def commit(self, *moves):
        self.catalog.commit([HeadUpdate(*move) for move in moves])

    def head(self, table="t"):
        return self.catalog.heads([table])[table].metadata

    @property
    def glue(self):
        return self.aws.client("glue")

    def shown(self, table="t"):
        """Which metadata Glue shows, or None."""
        try:
            return self.table(table)["Parameters"]["metadata_location"]
        except self.glue.exceptions.EntityNotFoundException:
            return None

    def table(self, table="t"):
        return self.glue.get_table(DatabaseName=self.lake.database, Name=table)["Table"]

    def item(self, table="t"):
        key = {"pk": {"S": "head"}, "sk": {"S": table}}
        found = self.aws.client("dynamodb").get_item(TableName=self.lake.table, Key=key, ConsistentRead=True)["Item"]
        return found["metadata"]["S"], int(found["sequence"]["N"]), int(found["published"]["N"])

    def change(self, metadata, *, keep=True):
        """Commit as another engine does: some keep our parameters, some write their own only."""
        table = self.table()
        parameters = {"table_type": "ICEBERG", "previous_metadata_location": self.shown()}
        parameters = {**(table["Parameters"] if keep else {}), **parameters, "metadata_location": metadata}
        kept = {"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": table["StorageDescriptor"]}
        self.glue.update_table(
            DatabaseName=self.lake.database,
            TableInput={**kept, "Parameters": parameters},
            VersionId=table["VersionId"],
        )


@pytest.fixture
def world(aws):
    made = World(aws)
    with closing(made.catalog):
        yield made


# --- what Glue shows --------------------------------------------------------------------------------------------------


def test_a_table_is_in_glue_the_moment_it_is_committed(world):
    world.commit(("t", None, "t1"))
    table = world.table()
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["Parameters"]["table_type"] == "ICEBERG"
    assert table["Parameters"]["metadata_location"] == "t1"
    assert table["StorageDescriptor"]["Columns"] == [{"Name": "a", "Type": "bigint"}]
    assert table["StorageDescriptor"]["Location"] == f"{world.lake.lake}/t"
    world.commit(("t", "t1", "t2"))
    parameters = world.table()["Parameters"]
    assert (parameters["metadata_location"], parameters["previous_metadata_location"]) == ("t2", "t1")
    assert world.item() == ("t2", 2, 2)


def test_hidden_tables_stay_out_of_glue(world):
    world.commit(("_index_t", None, "i1"), ("t", None, "t1"))
    world.commit(("_index_t", "i1", "i2"), ("t", "t1", "t2"))
    assert (world.shown("_index_t"), world.shown()) == (None, "t2")
    assert world.head("_index_t") == "i2"
    assert world.item("_index_t") == ("i2", 2, 2)


def test_tables_are_shown_in_the_order_given(world):
    """So that who reads a root finds its children."""
    world.faults.refuse("CreateTable", "InvalidInputException", skip=1)
    with pytest.raises(CatalogUnavailableError):
        world.commit(("children", None, "c1"), ("root", None, "r1"))
    assert (world.shown("children"), world.shown("root")) == ("c1", None)


def test_what_others_wrote_about_a_table_stays(world):
    world.commit(("t", None, "t1"))
    table = world.table()
    given = {key: table[key] for key in ("Name", "TableType", "StorageDescriptor")}
    parameters = {**table["Parameters"], "steward": "ada"}
    world.glue.update_table(
        DatabaseName=world.lake.database, TableInput={**given, "Description": "orders", "Parameters": parameters}
    )
    world.commit(("t", "t1", "t2"))
    assert (world.shown(), world.table()["Description"], world.table()["Parameters"]["steward"]) == (
        "t2", "orders", "ada",
    )  # fmt: skip


def test_a_table_that_was_dropped_in_glue_comes_back_with_the_next_commit(world):
    world.commit(("t", None, "t1"))
    world.glue.delete_table(DatabaseName=world.lake.database, Name="t")
    world.commit(("t", "t1", "t2"))
    assert world.shown() == "t2"


def test_a_table_that_the_lake_does_not_know_is_not_overwritten(world):
    world.glue.create_table(DatabaseName=world.lake.database, TableInput={"Name": "t", "Parameters": {}})
    with pytest.raises(ConfigError, match="does not know"):
        world.commit(("t", None, "t1"))
    assert world.head() is None


def test_a_table_of_ours_whose_head_was_lost_is_not_begun_anew(world):
    """Its index is gone with the head: whoever went on would load everything twice."""
    world.commit(("t", None, "t1"))
    key = {"pk": {"S": "head"}, "sk": {"S": "t"}}
    world.aws.client("dynamodb").delete_item(TableName=world.lake.table, Key=key)
    with pytest.raises(ConfigError, match="does not know"):
        world.commit(("t", None, "t1"))
    assert world.shown() == "t1"


def test_a_table_that_was_created_while_we_looked_is_a_conflict(world):
    seen_before = Head("t")
    world.commit(("t", None, "t1"))
    with pytest.raises(CommitConflictError):
        world.catalog._settle(seen_before, world.catalog._get("t"))


def test_a_database_that_is_not_there_is_said_so(world):
    world.glue.delete_database(Name=world.lake.database)
    with pytest.raises(ConfigError, match="deployed"):
        world.commit(("t", None, "t1"))


def test_more_tables_than_a_transaction_takes_are_refused_and_none_moves(world):
    with pytest.raises(ConfigError, match="fewer tables"):
        world.commit(*((f"_{number}", None, "1") for number in range(101)))
    assert world.catalog.tables() == []


def test_dropping_all_leaves_an_empty_database(world):
    world.commit(("t", None, "t1"), ("u", None, "u1"))
    assert sorted(world.catalog.drop_all()) == ["t", "u"]
    assert (world.shown("t"), world.shown("u")) == (None, None)
    assert world.catalog.drop_all() == []


# --- between the transaction and Glue ---------------------------------------------------------------------------------


def die_before_publishing(world, *moves):
    """Do the transaction and nothing more."""
    heads = world.catalog._heads.read([move[0] for move in moves])
    world.catalog._heads.move([HeadMove(heads[table], metadata) for table, _, metadata in moves])


@pytest.mark.parametrize("before", [None, "t1"])
def test_what_died_between_is_published_by_the_next_who_reads(world, before):
    if before is not None:
        world.commit(("t", None, before))
    die_before_publishing(world, ("t", before, "t2"))
    assert world.shown() == before
    with closing(world.open()) as other:
        assert other.heads(["t"])["t"].metadata == "t2"
    assert world.shown() == "t2"
    _, sequence, published = world.item()
    assert sequence == published


def test_two_unpublished_commits_are_published_as_the_newest(world):
    die_before_publishing(world, ("t", None, "t1"))
    die_before_publishing(world, ("t", "t1", "t2"))
    assert world.head() == world.shown() == "t2"
    assert world.item() == ("t2", 2, 2)


def test_a_commit_on_an_unpublished_head_publishes_both(world):
    die_before_publishing(world, ("t", None, "t1"))
    world.commit(("t", "t1", "t2"))
    assert world.shown() == "t2"
    assert world.item() == ("t2", 2, 2)


def test_reading_what_is_published_asks_glue_nothing(world):
    world.commit(("t", None, "t1"))
    world.faults.forget_calls()
    world.head()
    assert [call.operation for call in world.faults.calls()] == ["TransactGetItems"]


@pytest.mark.parametrize("operation", ["CreateTable", "UpdateTable"])
def test_a_commit_that_glue_cannot_show_has_landed_and_is_found_by_looking_again(world, operation):
    if operation == "UpdateTable":
        world.commit(("t", None, "t0"))
    before = world.head()
    world.faults.refuse(operation, "InternalServiceException", status=500, times=100)
    with pytest.raises(CatalogUnavailableError):
        world.commit(("t", before, "t1"))
    with pytest.raises(CatalogUnavailableError):
        world.head()
    world.faults.clear()
    assert world.head() == world.shown() == "t1"
    with pytest.raises(CommitConflictError):
        world.commit(("t", before, "t1"))


@pytest.mark.parametrize("error", [StorageUnavailableError("slow"), NotFoundError("gone")], ids=repr)
def test_metadata_that_cannot_be_read_after_the_commit_is_no_failed_commit(world, error):
    def fail(_):
        raise error

    world.on_describe = fail
    with pytest.raises(CatalogUnavailableError, match="committed"):
        world.commit(("t", None, "t1"))
    world.on_describe = lambda _: None
    assert world.head() == world.shown() == "t1"


def test_a_late_publisher_never_puts_an_older_head_over_a_newer(world):
    """While the first commit is about to be published, two others come and go."""
    world.commit(("t", None, "t1"))
    with closing(world.open()) as other:

        def overtake(metadata):
            if metadata == "t2":
                world.on_describe = lambda _: None
                other.commit([HeadUpdate("t", "t2", "t3")])
                other.commit([HeadUpdate("t", "t3", "t4")])

        world.on_describe = overtake
        world.commit(("t", "t1", "t2"))
    assert world.head() == world.shown() == "t4"
    assert world.item() == ("t4", 4, 4)


def test_a_late_publisher_of_a_new_table_never_puts_an_older_head_over_a_newer(world):
    with closing(world.open()) as other:

        def overtake(metadata):
            if metadata == "t1":
                world.on_describe = lambda _: None
                other.commit([HeadUpdate("t", "t1", "t2")])

        world.on_describe = overtake
        world.commit(("t", None, "t1"))
    assert world.head() == world.shown() == "t2"


def test_a_late_note_of_publication_never_replaces_a_newer(world):
    world.commit(("t", None, "t1"))
    late = world.catalog._heads.read(["t"])["t"]
    world.commit(("t", "t1", "t2"))
    world.catalog._heads.mark(late)
    assert world.item() == ("t2", 2, 2)


def test_many_writers_leave_glue_at_the_newest_head(world):
    def count(times):
        with closing(world.open()) as own:
            while times:
                head = own.heads(["t"])["t"].metadata
                try:
                    own.commit([HeadUpdate("t", head, str(int(head or 0) + 1))])
                    times -= 1
                except CommitConflictError:
                    pass

    threads = [threading.Thread(target=count, args=(5,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.head() == world.shown() == "20"


# --- other engines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False], ids=["keeps our parameters", "writes its own"])
def test_a_change_by_another_engine_is_adopted_and_the_commit_tried_again(world, keep):
    world.commit(("t", None, "t1"))
    world.history["optimized"] = ["t1"]
    world.change("optimized", keep=keep)
    with pytest.raises(CommitConflictError, match="another engine"):
        world.commit(("t", "t1", "t2"))
    assert world.head() == world.shown() == "optimized"
    world.commit(("t", "optimized", "t2"))
    assert world.shown() == "t2"
    assert world.table()["Parameters"]["previous_metadata_location"] == "optimized"
    assert world.item() == ("t2", 3, 3)


def test_two_changes_by_another_engine_are_adopted_together(world):
    world.commit(("t", None, "t1"))
    world.history |= {"first": ["t1"], "second": ["t1", "first"]}
    world.change("first")
    world.change("second")
    with pytest.raises(CommitConflictError):
        world.commit(("t", "t1", "t2"))
    assert world.head() == "second"


def test_a_change_on_top_of_a_head_whose_publisher_died_is_adopted_by_who_reads(world):
    world.commit(("t", None, "t1"))
    die_before_publishing(world, ("t", "t1", "t2"))
    with closing(world.open()) as other:
        other._show(other._heads.read(["t"])["t"], other._get("t"))  # and died before its note
    world.history["optimized"] = ["t1", "t2"]
    world.change("optimized")
    assert world.head() == world.shown() == "optimized"


def test_a_change_made_from_an_older_head_loses_and_a_warning_says_so(world, caplog):
    """The other engine read t1, and wrote just before our commit of t2 was published."""
    world.commit(("t", None, "t1"))
    world.history["theirs"] = ["t1"]

    def intrude(metadata):
        if metadata == "t2":
            world.on_describe = lambda _: None
            world.change("theirs", keep=False)

    world.on_describe = intrude
    world.commit(("t", "t1", "t2"))
    assert world.head() == world.shown() == "t2"
    assert ["theirs" in record.getMessage() for record in caplog.records] == [True]


def test_a_change_on_top_of_a_commit_that_is_being_published_is_kept(world):
    world.commit(("t", None, "t1"))
    world.history["optimized"] = ["t1", "t2"]
    with closing(world.open()) as other:

        def intrude(metadata):
            if metadata == "t2":
                world.on_describe = lambda _: None
                other.heads(["t"])  # publishes t2 before we do
                world.change("optimized")

        world.on_describe = intrude
        world.commit(("t", "t1", "t2"))
    assert world.shown() == "optimized"
    with pytest.raises(CommitConflictError):
        world.commit(("t", "t2", "t3"))
    assert world.head() == "optimized"


def test_a_location_that_leads_nowhere_is_put_right(world):
    world.commit(("t", None, "t1"))

    def nowhere(metadata):
        if metadata == "nowhere":
            raise NotFoundError(metadata)

    world.on_describe = nowhere
    world.change("nowhere")
    world.commit(("t", "t1", "t2"))
    assert world.shown() == "t2"


# --- lost replies, throttling, conflicts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    ["TransactGetItems", "TransactWriteItems", "GetTable", "CreateTable", "UpdateTable", "UpdateItem", "Query"],
)
@pytest.mark.parametrize("how", ["lose_reply", "lose_request", "throttle"])
def test_a_call_that_fails_on_the_way_is_made_good(world, operation, how):
    getattr(world.faults, how)(operation, times=2)
    world.commit(("t", None, "t1"), ("_index", None, "i1"))
    world.commit(("t", "t1", "t2"), ("_index", "i1", "i2"))
    assert [head.metadata for head in world.catalog.tables()] == ["i2", "t2"]
    assert world.head() == world.shown() == "t2"
    assert world.faults.pending() == []


def test_a_lost_reply_whose_token_is_forgotten_is_known_as_ours(world):
    world.commit(("t", None, "t1"))
    world.faults.lose_reply("TransactWriteItems", forget_tokens=True)
    world.commit(("t", "t1", "t2"))
    assert world.head() == world.shown() == "t2"
    assert world.item() == ("t2", 2, 2)


def test_a_commit_that_landed_is_no_conflict_when_another_one_followed_before_we_knew(world):
    """The reply is lost, the next try meets another transaction, and that one moves the head on."""
    world.commit(("t", None, "t1"))
    world.faults.lose_reply("TransactWriteItems")
    world.faults.refuse("TransactWriteItems", "TransactionCanceledException", CancellationReasons=CONFLICT)
    with closing(world.open()) as other:
        world.catalog._heads = Heads(
            world.lake.table, world.lake.region, lambda _: other.commit([HeadUpdate("t", "t2", "t3")])
        )
        world.commit(("t", "t1", "t2"))
    assert world.head() == world.shown() == "t3"
    assert world.faults.pending() == []


def test_a_transaction_in_the_way_is_waited_for(world):
    for operation in ("TransactGetItems", "TransactWriteItems"):
        world.faults.refuse(operation, "TransactionCanceledException", times=2, CancellationReasons=CONFLICT)
    world.faults.refuse("UpdateItem", "TransactionConflictException", times=2)
    world.commit(("t", None, "t1"))
    assert world.head() == world.shown() == "t1"
    assert world.tries == [0, 1] * 3
    assert world.faults.pending() == []


def test_transactions_in_the_way_for_ever_end_in_an_error(world):
    world.faults.refuse("TransactWriteItems", "TransactionCanceledException", times=100, CancellationReasons=CONFLICT)
    with pytest.raises(CatalogUnavailableError, match="try again"):
        world.commit(("t", None, "t1"))
    assert world.catalog.tables() == []


@pytest.mark.parametrize("operation", ["TransactGetItems", "TransactWriteItems", "GetTable"])
def test_throttling_without_end_is_an_error_and_changes_nothing(world, operation):
    world.faults.throttle(operation, times=100)
    with pytest.raises(CatalogUnavailableError):
        world.commit(("t", None, "t1"))
    world.faults.clear()
    assert (world.head(), world.shown()) == (None, None)


def test_a_table_that_others_change_without_end_is_an_error_and_is_shown_in_the_end(world):
    world.commit(("t", None, "t1"))
    world.faults.refuse("UpdateTable", "ConcurrentModificationException", times=100)
    with pytest.raises(CatalogUnavailableError, match="try again"):
        world.commit(("t", "t1", "t2"))
    world.faults.clear()
    assert world.head() == world.shown() == "t2"


def test_more_heads_than_one_transaction_reads_are_read_until_two_rounds_agree(world):
    names = [f"_{number:03d}" for number in range(150)]
    world.commit(*((name, None, "1") for name in names[:100]))
    heads, reads = world.catalog._heads, []

    class Watched(Heads):
        def _moment(self, names):
            found = super()._moment(names)
            reads.append(len(names))
            if len(reads) == 1:  # the first chunk was read, the second was not: both change
                before = heads.read(["_000", "_149"])
                heads.move([HeadMove(head, "2", is_published=True) for head in before.values()])
            return found

    found = Watched(world.lake.table, world.lake.region).read(names)
    assert (found["_000"].metadata, found["_149"].metadata) == ("2", "2")
    assert reads == [100, 50] * 3


# --- plain Parquet ----------------------------------------------------------------------------------------------------


def parquet(world, columns=None, name="p"):
    world.catalog.publish_parquet(name, COLUMNS if columns is None else columns, f"{world.lake.lake}/{name}")


def operations(world):
    return [call.operation for call in world.faults.calls() if call.operation.endswith("Table")]


def test_a_plain_parquet_table_is_one_that_athena_can_read(world):
    parquet(world)
    table = world.table("p")
    assert table["StorageDescriptor"]["Columns"] == [
        {"Name": "order_id", "Type": "bigint"},
        {"Name": "total", "Type": "decimal(18,2)"},
        {"Name": "day", "Type": "date"},
    ]
    assert table["StorageDescriptor"]["Location"] == f"{world.lake.lake}/p/"
    assert "ParquetHiveSerDe" in table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    assert (table["TableType"], table["Parameters"]["classification"]) == ("EXTERNAL_TABLE", "parquet")


def test_a_plain_parquet_table_is_written_when_it_differs_and_else_left_alone(world):
    parquet(world)
    world.faults.forget_calls()
    with closing(world.open()) as world.catalog:
        parquet(world)
        assert operations(world) == ["GetTable"]
        parquet(world)
        assert operations(world) == ["GetTable"]  # this process knows already
        parquet(world, {**COLUMNS, "more": ColumnType("string")})
        assert operations(world) == ["GetTable", "GetTable", "UpdateTable"]
    assert world.table("p")["StorageDescriptor"]["Columns"][-1] == {"Name": "more", "Type": "string"}


@pytest.mark.parametrize("operation", ["CreateTable", "UpdateTable"])
def test_a_lost_reply_leaves_the_plain_parquet_table_as_wanted(world, operation):
    if operation == "UpdateTable":
        parquet(world, {"old": ColumnType("string")})
    world.faults.lose_reply(operation)
    parquet(world)
    assert len(world.table("p")["StorageDescriptor"]["Columns"]) == 3
    assert world.faults.pending() == []


def test_heads_that_were_just_read_are_not_read_again_to_commit(world):
    world.commit(("t", None, "m1"))
    assert world.head() == "m1"
    world.faults.forget_calls()
    world.commit(("t", "m1", "m2"))
    assert "TransactGetItems" not in [call.operation for call in world.faults.calls()]
    assert world.shown() == "m2"


def test_a_head_that_moved_since_it_was_read_is_a_conflict(world):
    world.commit(("t", None, "m1"))
    assert world.head() == "m1"
    world.open().commit([HeadUpdate("t", "m1", "m2")])
    with pytest.raises(CommitConflictError):
        world.commit(("t", "m1", "m3"))
    assert world.head() == world.shown() == "m2"


def switch_on(world, *kinds, table="t"):
    """Do as CreateTableOptimizer does, as the emulator keeps it."""
    kept = world.table(table)
    wanted = {key: kept[key] for key in ("Name", "TableType", "StorageDescriptor")}
    parameters = {**kept["Parameters"], "optimizers": ",".join(kinds)}
    world.glue.update_table(DatabaseName=world.lake.database, TableInput={**wanted, "Parameters": parameters})


def test_optimizers_that_are_switched_on_are_told(world):
    world.commit(("t", None, "m1"), ("other", None, "m1"), ("_index_t", None, "m1"))
    switch_on(world, "compaction", "orphan_file_deletion")
    assert world.catalog.optimized(["t", "other", "_index_t"]) == {
        "t": {"compaction", "orphan_file_deletion"},
        "other": frozenset(),
        "_index_t": frozenset(),
    }


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalServiceException"])
def test_optimizers_that_may_not_be_asked_for_are_taken_for_none(world, code):
    world.commit(("t", None, "m1"))
    switch_on(world, "compaction")
    world.faults.refuse("GetTableOptimizer", code, times=100)
    assert world.catalog.optimized(["t"]) == {"t": frozenset()}

"""A lake that does not remember what its tables were declared as: one that an earlier release made."""

import json
import uuid
from dataclasses import replace

import pytest

from orderlake import Lake
from orderlake.engine import connect
from orderlake.errors import ConfigError
from orderlake.model.ports import HeadUpdate
from orderlake.tables.declared import PROPERTY, remembered
from orderlake.tables.layout import QUARANTINE, QUARANTINE_COLUMNS, TableLayout, index_layout
from orderlake.tables.rewrite import Change, rewrite
from tests.e2e.test_evolution import PLAIN, POINTS, Shop, order, pipeline, replaced


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path, pipeline())
    made.load(order(1), order(2))
    forget(made)
    return made


def forget(shop):
    """Take out of the index's metadata what releases before 0.4.0 did not write there."""
    with Lake(shop.folder) as lake:
        house, (stream,) = lake._backends.house, lake.pipelines[0].streams
        index = house.open([index_layout(stream)])[stream.index]
        assert index.head is not None
        document = json.loads(house.store.read(index.head))
        del document["properties"][PROPERTY]
        old = index.head.replace(index.head.rsplit("/", 1)[1], f"00009-{uuid.uuid4()}.metadata.json")
        house.store.write(old, json.dumps(document).encode())
        house.catalog.commit([HeadUpdate(stream.index, index.head, old)])


def memory(shop):
    with Lake(shop.folder) as lake:
        (stream,) = lake.pipelines[0].streams
        return remembered(lake._backends.house.open([index_layout(stream)])[stream.index])


def test_it_remembers_from_its_next_load_on(shop):
    assert memory(shop) is None
    assert shop.load(order(3)).changes == ()
    assert memory(shop).tables["flat"].declared == ("order_id", "quantity", "note")
    shop.proven()


def test_its_plain_files_tell_what_they_have(shop):
    wide = replaced("quantity: int", "quantity: bigint", PLAIN)
    shop.declare(pipeline(plain=(*(column for column in wide if column != "note: string"), POINTS)))
    assert shop.load(order(3)).changes == (
        "flat.quantity was widened from int to bigint",
        "flat.points (bigint) was added",
        "flat.note is declared no longer: it stays, and is NULL in new rows",
    )
    assert shop.rows("SELECT order_id, quantity, note, points FROM flat") == [
        (1, 1, "n1", None),
        (2, 2, "n2", None),
        (3, 3, None, 300),
    ]
    shop.proven()


@pytest.mark.parametrize(
    "text",
    [
        pipeline(plain=replaced("note: string", "note: bigint from quantity", PLAIN)),
        pipeline(replaced("note: string", "note: bigint from quantity")),
        pipeline(plain=(*PLAIN, "code: string"), key="[order_id, code]"),
        pipeline(partition=None),
    ],
)
def test_what_is_not_exact_is_refused_there_too(shop, text):
    shop.declare(text)
    with pytest.raises(ConfigError, match="cannot"):
        shop.load(order(3))


def test_a_quarantine_without_the_newer_columns_goes_on(tmp_path):
    shop = Shop(tmp_path, pipeline())
    old = TableLayout(QUARANTINE, dict(list(QUARANTINE_COLUMNS.items())[:10]), ())
    assert "check_name" not in old.columns
    with Lake(tmp_path) as lake:
        house, attempt = lake._backends.house, uuid.uuid4().hex
        opened = house.open([old])[QUARANTINE]
        engine = connect(tmp_path / "spill")
        row = "SELECT 'l' AS load_id, 'p' AS pipeline, 's' AS source, 1 AS version, 1 AS position, NULL AS line, "
        row += "'f' AS field, 'r' AS reason, '{}' AS record, TIMESTAMPTZ '2025-01-01 00:00:00+00' AS quarantined_at"
        done = rewrite(engine, house.store, old, (), Change(row), location=opened.location, attempt=attempt)
        engine.close()
        house.catalog.commit([house.move(replace(opened, layout=old), done, {}, attempt).update])
        assert [(one["source"], one["status"]) for one in lake.quarantine()] == [("s", "open")]
        assert lake.query("SELECT check_name, action FROM quarantine").rows == ((None, None),)
    assert shop.load(order(3, quantity="A-17")).quarantined == 1
    assert shop.rows("SELECT source, field FROM quarantine") == [("raw/orders_0.json", "quantity"), ("s", "f")]
    with Lake(tmp_path) as lake:
        assert {one["source"] for one in lake.quarantine()} == {"raw/orders_0.json", "s"}
        lake.maintain()
    assert len(shop.rows("SELECT source, check_name, action FROM quarantine")) == 2
    ids = {field["name"]: field["id"] for field in shop.metadata(QUARANTINE)["schemas"][-1]["fields"]}
    assert list(ids.values()) == list(range(1, len(QUARANTINE_COLUMNS) + 1))

"""Personal data is never in a staged file: hashed with the key, masked or dropped, however its file is read."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from orderlake.engine import connect
from orderlake.errors import ConfigError, UnreadableShareError
from orderlake.kernel.stage import stage
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from tests.stored import holders
from tests.unit.kernel.staging import Staged, staged_of, stream_of

KEY = b"a key of the project's own"
ORDERS = """
format: json
key: id
pii: {customer.phone: pii(mask), customer.notes: pii(drop), customer.tax: pii(hash)}
contract: {new: rescue, types: discard_value}
tables:
  orders:
    columns:
      id: bigint required
      email: string from customer.email pii(hash)
      name: string from customer.name pii(mask)
      born: date from customer.born pii(drop)
      day: date
    checks:
      email_is_one: {pattern: {column: email, regex: '[^@]+@[^@]+'}, allow_null: true, on_fail: quarantine}
  lines:
    rows: lines
    columns: {id: bigint required, sku: string from lines.sku, to: string from lines.recipient pii(hash)}
  wide:
    format: parquet
    rows: lines
    columns: {id: bigint required, email: string from customer.email, sku: string from lines.sku}
"""
ROWS = """
format: csv
key: id
contract: {new: rescue}
pii: {phone: pii(hash)}
tables:
  rows:
    columns: {id: bigint required, email: string pii(hash), name: string pii(mask), born: date pii(drop), day: date}
"""
SECRETS = ("ada@", "lovelace", "1815-12", "+44", "tax-77", "likes tea", "babbage")


def digest(text: str, key: bytes = KEY) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def staged(folder: Path, stream: Stream, content: str, key: bytes = KEY) -> Staged:
    folder.mkdir(parents=True)
    path = folder / "file"
    path.write_text(content)
    engine = connect(folder / "spill", workers=1)
    try:
        source = SourceObject("file", str(path), len(content), 1)
        return staged_of(stage(engine, stream, [(source, path)], folder / "staged", key=key))
    finally:
        engine.close()


def order(number: int = 1, **customer: object) -> dict[str, object]:
    ada = {"email": "ada@x.example", "name": "Ada Lovelace", "born": "1815-12-10", "phone": "+44 20"} | customer
    lines = [{"sku": "P1", "recipient": "Babbage"}, {"sku": "P2", "recipient": None}]
    return {"id": number, "day": "2025-01-02", "customer": ada, "lines": lines}


GOOD = json.dumps(order())
BAD = json.dumps(order(2) | {"day": "2025-02-30", "id": "x"})


@pytest.mark.parametrize("more", ["", f"\n{BAD}"], ids=["strict", "careful"])
def test_what_is_staged_is_the_hash_the_mask_or_nothing(tmp_path: Path, more: str) -> None:
    found = staged(tmp_path / "in", stream_of(ORDERS), GOOD + more)
    values = {key: value for row in found.rows for key, value in row.items() if "lines" not in key and row["#n"] == 1}
    assert values["customer.email"] == digest("ada@x.example")
    assert values["customer.name"] == "A*** L***"
    assert values["customer.born"] is None
    assert str(values["day"]) == "2025-01-02"
    assert found.values("lines.recipient")[:2] == [(digest("Babbage"),), (None,)]


@pytest.mark.parametrize("more", ["", f"\n{BAD}"], ids=["strict", "careful"])
def test_no_staged_file_but_that_of_records_set_aside_holds_a_clear_value(tmp_path: Path, more: str) -> None:
    record = order(1, notes="likes tea", tax={"id": "tax-77"})
    found = staged(tmp_path / "in", stream_of(ORDERS), json.dumps(record) + more)
    kept = {Path(file).name for file in found.load.rejected}
    for secret in SECRETS:
        holding = holders(tmp_path / "in" / "staged", secret)
        assert set(holding) <= kept, secret
    assert bool(kept) == bool(more)


def test_what_a_contract_keeps_of_a_tagged_path_is_stored_by_its_policy(tmp_path: Path) -> None:
    record = order(1, notes="likes tea", tax={"id": "tax-77"}, vip=True)
    found = staged(tmp_path / "in", stream_of(ORDERS), json.dumps(record))
    (kept,) = {str(row["_kept0"]) for row in found.rows}
    entries = {each["path"]: each["value"] for row in found.rows for each in row["_kept0"]}
    assert entries == {
        "customer.notes": "null",
        "customer.phone": '"+*** 2***"',
        "customer.tax": json.dumps(digest('{"id":"tax-77"}')),
        "customer.vip": "true",
    }, kept


def test_a_value_of_another_kind_that_holds_a_tagged_field_is_not_kept(tmp_path: Path) -> None:
    found = staged(tmp_path / "in", stream_of(ORDERS), json.dumps(order() | {"customer": "ada@x.example, Lovelace"}))
    assert [each["value"] for each in found.rows[0]["_kept0"] if each["path"] == "customer"] == ["null"]


def test_checks_see_the_value_as_it_came(tmp_path: Path) -> None:
    found = staged(tmp_path / "in", stream_of(ORDERS), f"{GOOD}\n{json.dumps(order(2, email='nobody'))}\n")
    assert [bad.check_name for bad in found.rejections] == ["email_is_one"]
    assert [row["#n"] for row in found.rows] == [1, 1]


@pytest.mark.parametrize("more", ["", "x,b@x,B,,2025-01-02,9\n"], ids=["strict", "careful"])
def test_csv_is_stored_alike(tmp_path: Path, more: str) -> None:
    text = f"id,email,name,born,day,phone\n1,ada@x.example,Ada Lovelace,1815-12-10,2025-01-02,+44 20\n{more}"
    found = staged(tmp_path / "in", stream_of(ROWS), text)
    (row,) = found.rows
    assert (row["email"], row["name"], row["born"]) == (digest("ada@x.example"), "A*** L***", None)
    assert row["_kept0"] == [{"path": "phone", "value": json.dumps(digest("+44 20"))}]


def test_the_hash_of_a_records_content_is_made_with_the_key(tmp_path: Path) -> None:
    hashes = [
        {row["_hash"] for row in staged(tmp_path / key.decode(), stream_of(ORDERS), GOOD, key).rows}
        for key in (b"one key of a project", b"one key of another", b"k" * 65)
    ]
    assert len(set.union(*hashes)) == 3


def test_a_key_longer_than_a_block_is_hashed_first_as_hmac_has_it(tmp_path: Path) -> None:
    found = staged(tmp_path / "in", stream_of(ORDERS), GOOD, b"k" * 65)
    assert found.rows[0]["customer.email"] == digest("ada@x.example", b"k" * 65)


def test_without_a_key_nothing_is_staged(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no key"):
        staged(tmp_path / "in", stream_of(ORDERS), GOOD, b"")


def test_a_row_without_a_header_is_not_told_of_where_rows_are_about_people(tmp_path: Path) -> None:
    with pytest.raises(UnreadableShareError, match=r"no header row names any of") as error:
        staged(tmp_path / "in", stream_of(ROWS), "17,ada@x.example,Ada\n")
    assert "ada" not in str(error.value).lower()


def test_no_error_of_the_engine_has_the_key(tmp_path: Path) -> None:
    with pytest.raises(UnreadableShareError) as error:
        staged(tmp_path / "in", stream_of(ORDERS), '[{"id": 1, "customer": {"email": "a@b"')
    assert KEY.decode() not in str(error.value)

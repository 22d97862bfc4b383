"""Tags of personal data: how they are declared, that one holds for all tables, and what they cannot be on."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from orderlake.errors import ConfigError
from orderlake.model.pipeline import Pipeline, parse_pipeline

COLUMNS = {"id": "bigint required", "email": "string from customer.email pii(hash)", "day": "date", "total": "money"}
SOURCE: dict[str, Any] = {
    "match": "*",
    "format": "json",
    "key": "id",
    "tables": {
        "orders": {"columns": COLUMNS, "partition_by": "month(day)"},
        "lines": {"rows": "lines", "columns": {"id": "bigint required", "price": "money from lines.price"}},
        "wide": {"format": "parquet", "columns": {"id": "bigint required", "mail": "string from customer.email"}},
    },
}


def pipeline(columns: dict[str, Any] | None = None, orders: dict[str, Any] | None = None, **more: Any) -> Pipeline:
    source = copy.deepcopy(SOURCE) | more
    source["tables"]["orders"]["columns"] |= columns or {}
    source["tables"]["orders"] |= orders or {}
    other = {"match": "p*", "format": "csv", "tables": {"people": {"columns": {"email": "string", "born": "date"}}}}
    return parse_pipeline({"pipeline": "shop", "sources": {"orders": source, "people": other}}, "shop.yaml")


def test_a_tag_of_one_column_is_that_of_its_path_in_all_tables() -> None:
    stream = pipeline().streams[0]
    assert dict(stream.policies) == {("customer", "email"): "hash"}
    assert [c.pii for table in stream.tables for c in table.columns if c.path == ("customer", "email")] == ["hash"] * 2


def test_fields_without_a_column_are_tagged_by_path() -> None:
    stream = pipeline(pii={"customer.phone": "pii(mask)", "notes": "pii"}).streams[0]
    assert dict(stream.pii)["customer", "phone"] == "mask"
    assert dict(stream.policies) == {("customer", "email"): "hash", ("customer", "phone"): "mask"}


def test_a_tag_changes_what_a_pipeline_means() -> None:
    assert pipeline().fingerprint != pipeline({"email": "string from customer.email pii(mask)"}).fingerprint


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": {"email": "string from customer.email pii(blur)"}}, "none of pii, pii(mask), pii(hash) or pii"),
        ({"columns": {"email": {"type": "string", "pii": True}}}, "is none of pii"),
        ({"columns": {"total": "money pii(hash)"}}, "declare it as string, not decimal(18,2)"),
        ({"columns": {"id": "bigint required pii(drop)"}}, "choose another field"),
        ({"sequence_by": "day", "columns": {"day": "date pii(drop)"}}, "choose another field"),
        ({"columns": {"day": "date pii(drop)"}}, "partitioned by it"),
        ({"columns": {"mail": "string from customer.email pii(mask)"}}, "one holds for all tables"),
        ({"pii": {"customer.email": "pii"}}, "has a column (customer.email)"),
        ({"pii": {"customer": "pii"}}, "has a column (customer.email)"),
        ({"pii": {"a..b": "pii"}}, "is no path"),
        ({"pii": ["customer.phone"]}, "expected `PATH: pii"),
        ({"pii": {"phone": "hash"}}, "is none of pii"),
        (
            {
                "columns": {"born": "date pii(drop)"},
                "orders": {"checks": {"d": {"null_share": {"column": "born", "max": 0.1}}}},
            },
            "null_share is told of what is stored",
        ),
        (
            {"columns": {"name": "string pii(mask)"}, "orders": {"checks": {"c": {"unique": "name"}}}},
            "unique is told of what is stored",
        ),
        (
            {"orders": {"checks": {"c": {"relationship": {"column": "email", "to": "people.email"}}}}},
            "not stored alike",
        ),
    ],
)
def test_what_a_policy_would_break_is_refused_with_its_place(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        pipeline(**given)
    assert said in str(error.value)


def test_a_place_in_a_list_is_nobodys() -> None:
    with pytest.raises(ConfigError, match="a place in a list"):
        pipeline(orders={"rows": "x", "columns": COLUMNS | {"n": "int from x.$position pii"}})


def test_an_amount_that_is_reconciled_has_no_policy() -> None:
    source = copy.deepcopy(SOURCE)
    source["tables"]["orders"]["columns"]["total"] = "money pii(drop)"
    sides = {"header": {"table": "orders", "amount": "total"}, "lines": {"table": "lines", "amount": "price"}}
    with pytest.raises(ConfigError, match=r"orders.total has a pii policy"):
        parse_pipeline({"pipeline": "p", "sources": {"o": source}, "reconcile": {"r": {"key": "id"} | sides}}, "p")


PERSON = {"person": {"email": "customer.email"}, "columns": {"email": "string from customer.email pii"}}


def test_what_identifies_a_person_is_tagged() -> None:
    stream = pipeline(person={"email": "customer.email"}, columns={"email": "string from customer.email"}).streams[0]
    assert dict(stream.person) == {"email": ("customer", "email")}
    assert dict(stream.pii) == {("customer", "email"): "tag"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"person": {"phone": "customer.phone"}}, "takes id and email"),
        ({"person": {"id": "customer.id"}}, "no table has a column from 'customer.id'"),
        ({"person": {"id": "id"}}, "it tells records or their versions apart"),
        (PERSON | {"columns": {"email": "string required from customer.email"}}, "it is required"),
        (
            PERSON | {"orders": {"partition_by": "identity(email)"}},
            "it splits the table",
        ),
        (
            PERSON | {"orders": {"checks": {"c": {"not_null": "email", "on_fail": "quarantine"}}}},
            "which this check would quarantine",
        ),
        (PERSON | {"columns": {"email": "string from customer.email pii(mask)"}}, "needs a column in an iceberg table"),
        (PERSON | {"key": []}, "needs a column in each table, for the source has no key"),
    ],
)
def test_a_person_that_could_not_be_forgotten_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        pipeline(**given)
    assert said in str(error.value)

"""Every mode of a contract, for JSON and for CSV, and what a shop gets of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from orderlake import Lake
from orderlake.errors import ConfigError
from orderlake.model.report import LoadReport

COLUMNS = {"order_id": "bigint required", "pieces": "int", "note": "string"}
LINES = {"order_id": "bigint required", "place": "int from lines.$position", "sku": "string from lines.sku"}
PLAIN = {"order_id": "bigint required", "note": "string", "sku": "string from lines.sku"}


@dataclass
class Shop:
    """A project with one source, whose contract can change."""

    folder: Path
    form: str
    ticks: int = 0

    def agree(self, contract: object, **columns: str) -> None:
        tables: dict[str, Any] = {"orders": {"columns": {**COLUMNS, **columns}}}
        if self.form == "json":
            tables["lines"] = {"rows": "lines", "columns": LINES}
            tables["plain"] = {"rows": "lines", "format": "parquet", "columns": PLAIN}
        source: dict[str, Any] = {"match": f"*.{self.form}", "format": self.form, "key": "order_id", "tables": tables}
        if contract is not None:
            source["contract"] = contract
        text = yaml.safe_dump({"pipeline": "shop", "sources": {"orders": source}}, sort_keys=False)
        (self.folder / "pipelines" / "shop.yaml").write_text(text, "utf-8")

    def load(self, *records: dict[str, Any] | str, header: str = "order_id,pieces,note") -> LoadReport:
        """Load a file of these records: objects, or rows below a header."""
        self.ticks += 1
        path = self.folder / "raw" / f"{self.ticks}.{self.form}"
        rows = "\n".join([header, *map(str, records)]) + "\n"
        path.write_text(json.dumps(records) if self.form == "json" else rows, "utf-8")
        os.utime(path, (1_700_000_000 + self.ticks,) * 2)
        with Lake(self.folder) as lake:
            (report,) = lake.run([path])
            assert report.conserved
            assert lake.verify().ok
        return report

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with Lake(self.folder) as lake:
            return sorted(lake.query(sql).rows, key=repr)

    def columns(self, table: str = "orders") -> list[str]:
        with Lake(self.folder) as lake:
            names = lake.query(f"SELECT * FROM {table} LIMIT 0").columns
        return [name for name in names if name not in ("_source_file", "_source_row", "_version", "_load_id")]

    @property
    def aside(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT position, field, reason FROM quarantine")


def shop_of(folder: Path, form: str, contract: object) -> Shop:
    with Lake.init(folder / "shop", ["orders"]) as lake:
        for file in lake.project.pipelines.iterdir():
            file.unlink()
    shop = Shop(folder / "shop", form)
    shop.agree(contract)
    return shop


GOOD = {"order_id": 2, "pieces": 1, "note": "n", "lines": [{"sku": "b"}]}
NEW = {
    **GOOD,
    "order_id": 1,
    "giftWrap": {"paper": "red", "price": 12345678901234567.5},
    "lines": [{"sku": "a", "hue": 1}],
}
NEW_HEADER = "order_id,pieces,note,Gift Wrap"


def load_new(shop: Shop) -> LoadReport:
    return shop.load(NEW, GOOD) if shop.form == "json" else shop.load("1,1,n,red", "2,1,n,", header=NEW_HEADER)


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize(
    ("mode", "loaded", "columns"),
    [
        ("discard_value", 2, []),
        ("rescue", 2, ["_rescued"]),
        ("evolve", 2, ["gift_wrap"]),
        ("freeze", 0, []),
        ("discard_row", 1, []),
    ],
)
def test_new_fields(tmp_path, form, mode, loaded, columns):
    shop = shop_of(tmp_path, form, {"new": mode})
    report = load_new(shop)
    assert (report.status, report.loaded) == ("rejected" if mode == "freeze" else "loaded", loaded)
    assert shop.columns() == [*COLUMNS, *columns]
    name = "giftWrap" if form == "json" else "Gift Wrap"
    aside = {"json": ("giftWrap", "is not declared"), "csv": ("Gift Wrap", "is not declared")}[form]
    assert shop.aside == ([(1, *aside)] if mode == "discard_row" else [])
    if mode == "freeze":
        assert name in (report.reason or "")
        assert "does not declare" in (report.reason or "")
    elif mode != "discard_row":
        assert name in " ".join(report.changes)
    if form == "json":
        extra = {"rescue": ["_rescued"], "evolve": ["hue"]}.get(mode, [])
        assert shop.columns("lines") == [*LINES, *extra]
        assert shop.columns("plain") == [*PLAIN]


def test_a_rescued_value_is_exact_and_stands_where_it_belongs(tmp_path):
    shop = shop_of(tmp_path, "json", {"new": "rescue"})
    raw = json.dumps([NEW, GOOD]).replace("1.2345678901234568e+16", "12345678901234567.50")
    path = shop.folder / "raw" / "exact.json"
    path.write_text(raw)
    with Lake(shop.folder) as lake:
        lake.run([path])
    assert shop.rows("SELECT order_id, _rescued FROM orders") == [
        (1, '{"giftWrap":{"paper":"red","price":12345678901234567.50}}'),
        (2, None),
    ]
    assert shop.rows("SELECT sku, _rescued FROM lines") == [("a", '{"lines.hue":1}'), ("b", None)]


def test_a_column_of_a_new_field_is_text_whatever_comes_first(tmp_path):
    shop = shop_of(tmp_path, "json", {"new": "evolve"})
    shop.load({"order_id": 1, "tip": 1.50})
    report = shop.load({"order_id": 2, "tip": "much", "hint": None}, {"order_id": 3, "tip": {"a": [1]}})
    assert "orders.hint (string) was added" in report.changes
    assert shop.rows("SELECT order_id, tip, hint FROM orders") == [
        (1, "1.5", None),
        (2, "much", None),
        (3, '{"a":[1]}', None),
    ]
    shop.load({"order_id": 1})
    assert shop.rows("SELECT tip FROM orders WHERE order_id = 1") == [(None,)]


def test_a_column_never_takes_the_name_of_a_declared_one(tmp_path):
    shop = shop_of(tmp_path, "json", {"new": "evolve"})
    shop.load({"order_id": 1, "Note": "other", "note": "own"})
    assert shop.rows("SELECT note, note_new FROM orders") == [("own", "other")]


def test_only_another_rescued_value_makes_a_new_version(tmp_path):
    shop = shop_of(tmp_path, "json", {"new": "rescue"})
    shop.load({**GOOD, "x": 1, "y": {"z": 1}})
    assert shop.load({**GOOD, "y": {"z": 1}, "x": 1}).duplicate == 1
    report = shop.load({**GOOD, "x": 1, "y": {"z": 1.0}})
    assert (report.loaded, report.duplicate) == (1, 0)
    assert shop.rows("SELECT _rescued FROM orders") == [('{"x":1,"y":{"z":1.0}}',)]


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize(
    ("mode", "status", "loaded"),
    [("evolve", "loaded", 1), ("discard_value", "loaded", 1), ("freeze", "rejected", 0), ("discard_row", "loaded", 0)],
)
def test_missing_fields(tmp_path, form, mode, status, loaded):
    shop = shop_of(tmp_path, form, {"missing": mode})
    report = (
        shop.load({"order_id": 1, "pieces": None, "lines": []})
        if form == "json"
        else shop.load("1,", header="order_id,pieces")
    )
    assert (report.status, report.loaded) == (status, loaded)
    assert shop.aside == ([(1, "note", "is missing")] if mode == "discard_row" else [])
    if mode == "freeze":
        assert "note" in (report.reason or "")
    if loaded:
        assert shop.rows("SELECT order_id, pieces, note FROM orders") == [(1, None, None)]
    if form == "csv":
        assert ("declared but not in the header, so NULL: note" in report.changes) == (mode == "evolve")


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("mode", ["evolve", "discard_value", "freeze"])
def test_a_record_without_its_key_never_loads(tmp_path, form, mode):
    shop = shop_of(tmp_path, form, {"missing": mode})
    report = shop.load({"note": "n"}) if form == "json" else shop.load("n", header="note")
    assert report.loaded == 0
    assert report.status == ("rejected" if form == "csv" or mode == "freeze" else "loaded")


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize(
    ("mode", "loaded", "aside"),
    [("discard_row", 1, [1, 3]), ("discard_value", 3, []), ("freeze", 0, []), ("evolve", 2, [1])],
)
def test_values_of_another_type(tmp_path, form, mode, loaded, aside):
    shop = shop_of(tmp_path, form, {"types": mode})
    values = ["A-17", 2, 3_000_000_000]
    records = [{**GOOD, "order_id": number, "pieces": value} for number, value in enumerate(values, 1)]
    rows = [f"{number},{value},n" for number, value in enumerate(values, 1)]
    report = shop.load(*(records if form == "json" else rows))
    assert (report.status, report.loaded) == ("rejected" if mode == "freeze" else "loaded", loaded)
    assert [position for position, *_ in shop.aside] == aside
    if mode == "freeze":
        assert "record 1: pieces is not a whole number" in (report.reason or "")
    if mode == "evolve":
        assert shop.rows("SELECT order_id, pieces FROM orders") == [(2, 2), (3, 3_000_000_000)]
    if mode == "discard_value":
        big = "3000000000" if form == "json" else '"3000000000"'
        assert shop.rows("SELECT order_id, pieces, _rescued FROM orders") == [
            (1, None, '{"pieces":"A-17"}'),
            (2, 2, None),
            (3, None, f'{{"pieces":{big}}}'),
        ]


def test_what_has_another_shape_is_kept_as_it_is(tmp_path):
    shop = shop_of(tmp_path, "json", {"types": "discard_value"})
    report = shop.load({**GOOD, "lines": "none"}, {**GOOD, "order_id": 3, "lines": [{"sku": "c"}, 7]})
    assert report.loaded == 2
    assert shop.rows("SELECT order_id, _rescued FROM orders") == [(2, '{"lines":"none"}'), (3, None)]
    assert shop.rows("SELECT place, sku, _rescued FROM lines") == [(1, "c", None), (2, None, '{"lines":7}')]


def test_a_key_of_another_type_is_set_aside_whatever_the_contract_says(tmp_path):
    shop = shop_of(tmp_path, "json", {"types": "discard_value"})
    report = shop.load({**GOOD, "order_id": "A-17"}, GOOD)
    assert (report.loaded, report.quarantined) == (1, 1)
    assert shop.aside == [(1, "order_id", "is not a whole number of 64 bits")]


def test_a_loaded_lake_takes_a_contract_on(tmp_path):
    shop = shop_of(tmp_path, "json", None)
    shop.load(NEW)
    shop.agree({"new": "rescue", "types": "evolve"})
    report = shop.load({**NEW, "order_id": 5, "pieces": 3_000_000_000})
    assert "orders._rescued (string) was added" in report.changes
    assert "orders.pieces was widened from int to bigint" in report.changes
    assert shop.rows("SELECT order_id, pieces, _rescued IS NULL FROM orders") == [
        (1, 1, True),
        (5, 3_000_000_000, False),
    ]
    shop.agree({"new": "evolve"}, gift_wrap="string")
    shop.load({**GOOD, "gift_wrap": "x", "tip": 1})
    assert shop.rows("SELECT gift_wrap, tip, _rescued FROM orders WHERE order_id = 2") == [("x", "1", None)]


def test_a_contract_of_the_file_is_that_of_all_its_sources(tmp_path):
    shop = shop_of(tmp_path, "json", None)
    file = shop.folder / "pipelines" / "shop.yaml"
    file.write_text("contract: freeze\n" + file.read_text("utf-8"), "utf-8")
    assert shop.load(NEW).status == "rejected"
    file.write_text("contract: frozen\n", "utf-8")
    with pytest.raises(ConfigError):
        shop.load(GOOD)


def test_money_beside_undeclared_fields_stays_exact(tmp_path):
    shop = shop_of(tmp_path, "json", {"new": "rescue"})
    shop.agree({"new": "rescue"}, total="money")
    shop.load({**NEW, "total": 0.1})
    assert shop.rows("SELECT total FROM orders") == [(Decimal("0.10"),)]

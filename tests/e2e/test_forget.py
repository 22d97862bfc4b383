"""Whoever is forgotten is in no byte that is stored; verify holds, nothing loads anew, no file brings them back."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
import zstandard

from orderlake import Lake
from orderlake.cli.main import main
from orderlake.errors import ConfigError
from orderlake.forgetting import Forgot
from orderlake.spark import Cluster, SparkRunner
from tests.fault.worker import ended, spawn
from tests.stored import holders

EMAIL, ID, NAME, STREET = "ada.l@mail.example", 900_417, "Ada Lovelace", "St James's Square 12"
SECRETS = (EMAIL, str(ID), "Lovelace", "James's Square")
TABLES = ("orders", "order_lines", "orders_parquet_datalake")


def order(number: int, who: str = "ada", **more: Any) -> dict[str, Any]:
    ada = {"customer_id": ID, "name": NAME, "email": EMAIL, "address": STREET}
    bob = {"customer_id": 7, "name": "Bob Babbage", "email": "bob@mail.example", "address": "Rue 1"}
    lines = [{"product_id": "P1", "name": "Tea", "category": "Food", "price": 2.5, "quantity": 2}]
    made = {"order_id": number, "order_date": "2025-01-02", "total_amount": 5.0, "products": lines}
    return made | {"customer": ada if who == "ada" else bob} | more


class Shop:
    """A project of the bundled orders, whose files come one second apart."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ticks = folder, 0
        Lake.init(folder, ["orders"]).close()

    def put(self, name: str, data: bytes) -> Path:
        self.ticks += 1
        path = self.folder / "raw" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_700_000_000 + self.ticks,) * 2)
        return path

    def load(self) -> list[Any]:
        with Lake(self.folder) as lake:
            return lake.run()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with Lake(self.folder) as lake:
            return list(lake.query(sql).rows)

    def forget(self, **who: Any) -> Forgot:
        with Lake(self.folder) as lake:
            return lake.forget(**(who or {"customers": [str(ID)], "emails": [EMAIL.upper()]}))

    def check(self, *secrets: str) -> None:
        """Nobody is there, the lake proves, and there is nothing to load."""
        for secret in secrets or SECRETS:
            assert holders(self.folder, secret, without=["pipelines"]) == [], secret
        with Lake(self.folder) as lake:
            report = lake.verify()
            assert report.ok, report.found
            assert {each.status for each in lake.run()} <= {"unchanged", "rejected"}


def ndjson(*orders: dict[str, Any]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in orders).encode()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with the person in every kind of place."""
    made = Shop(tmp_path / "shop")
    made.put("orders_1.json", json.dumps([order(1), order(2, "bob"), order(3)], indent=2).encode())
    made.load()
    made.put("orders_2.json.gz", gzip.compress(ndjson(order(4), order(5, "bob"), order(1, total_amount=9.5))))
    made.load()
    packed = zstandard.ZstdCompressor(3).compress(ndjson(*(order(number) for number in range(6, 40))))
    made.put("orders_3.json.zst", packed)
    made.put("orders_4.json", json.dumps([order(50)]).encode("utf-16"))
    bad = [order(60, order_date="2025-02-30"), order(61, "bob", order_date="never"), order(62)]
    made.put("orders_5.json", ndjson(*bad) + b'{"order_id": 63, "customer": {"email": "' + EMAIL.encode() + b'", }}\n')
    made.load()
    with Lake(made.folder) as lake:
        first, *_ = lake.quarantine()
        lake.fix(first["source"], first["position"], json.dumps(order(60)))
    made.put("orders_1.json", json.dumps([order(1, "bob"), order(2, "bob")]).encode())
    made.load()
    assert [len(holders(made.folder, secret)) > 5 for secret in SECRETS] == [True] * 4
    return made


def test_whoever_is_forgotten_is_in_no_byte_and_all_else_is_as_it_was(shop: Shop) -> None:
    others = "SELECT * EXCLUDE (_load_id) FROM orders WHERE customer_id = 7 ORDER BY order_id"
    money = "SELECT count(*), sum(total_amount) FROM orders"
    lines = "SELECT count(*), sum(price * quantity) FROM order_lines"
    before = [shop.rows(sql) for sql in (others, money, lines)]
    sizes = {path: path.stat() for path in (shop.folder / "raw").rglob("*") if path.is_file()}
    done = shop.forget()
    shop.check()
    assert [shop.rows(sql) for sql in (others, money, lines)] == before
    for path, stat in sizes.items():
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert done.counts.raw_files >= 5
    assert done.counts.quarantine >= 2
    assert set(done.counts.tables) == {"orders", "orders_parquet_datalake"}
    gone = "SELECT DISTINCT customer_id, customer_name, email, address FROM orders WHERE order_id = 4"
    assert shop.rows(gone) == [(None, None, None, None)]
    receipt = json.loads((shop.folder / done.receipt).read_text())
    assert receipt["raw_records"] == done.counts.raw_records
    assert EMAIL not in json.dumps(receipt)


def test_the_second_time_there_is_nothing_to_do(shop: Shop) -> None:
    shop.forget()
    again = shop.forget()
    assert (again.counts.raw_records, again.counts.quarantine, dict(again.counts.tables)) == (0, 0, {})
    shop.check()


def test_no_file_brings_them_back(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder / "raw", tmp_path / "backup")
    shop.forget()
    for number, path in enumerate(sorted((tmp_path / "backup").glob("orders_*"))):
        target = shop.folder / "raw" / f"again_{path.name}"
        shutil.copyfile(path, target)
        os.utime(target, (1_800_000_000 + number,) * 2)
    shop.load()
    with Lake(shop.folder) as lake:
        assert lake.verify().ok
    for secret in SECRETS:
        assert all(name.startswith("raw/") for name in holders(shop.folder, secret, ["pipelines"])), secret
    shop.forget()
    shop.check()


def test_a_rollback_afterwards_puts_the_same_rows_back(shop: Shop) -> None:
    shop.forget()
    columns = "order_id, order_date, total_amount, customer_id, customer_name, email, address"
    before = shop.rows(f"SELECT {columns} FROM orders ORDER BY order_id")
    shop.put("orders_9.json", ndjson(order(4, "bob"), order(50, "bob")))
    shop.load()
    with Lake(shop.folder) as lake:
        lake.rollback("last")
    assert shop.rows(f"SELECT {columns} FROM orders ORDER BY order_id") == before
    shop.check()


@pytest.mark.parametrize("step", range(1, 9))
def test_an_erasure_that_dies_is_finished_by_the_next(shop: Shop, step: int) -> None:
    class DiedError(Exception):
        pass

    def die(now: int) -> None:
        if now == step:
            raise DiedError

    with Lake(shop.folder) as lake:
        whole = lake.forget([str(ID)], [EMAIL], dry_run=True)
        with pytest.raises(DiedError):
            lake.forget([str(ID)], [EMAIL], on_step=die)
    done = shop.forget()
    shop.check()
    assert dict(done.counts.tables) == dict(whole.counts.tables)
    assert done.counts.raw_records == whole.counts.raw_records
    assert list((shop.folder / ".orderlake" / "forgetting").iterdir()) == []


def test_a_dry_run_tells_the_same_and_does_nothing(shop: Shop) -> None:
    before = {secret: holders(shop.folder, secret) for secret in SECRETS}
    with Lake(shop.folder) as lake:
        planned = lake.forget([str(ID)], [EMAIL], dry_run=True)
    assert {secret: holders(shop.folder, secret) for secret in SECRETS} == before
    assert not (shop.folder / "receipts").exists()
    done = shop.forget()
    for count in ("raw_files", "raw_records", "tables", "quarantine", "drops"):
        assert getattr(planned.counts, count) == getattr(done.counts, count), count


def test_by_an_address_alone_only_its_records_are_meant(shop: Shop) -> None:
    shop.put("orders_6.json", ndjson(order(70) | {"customer": {"customer_id": ID, "name": "Ada"}}))
    shop.load()
    shop.forget(emails=[EMAIL])
    shop.check(EMAIL, "Lovelace")
    assert shop.rows("SELECT customer_id, customer_name FROM orders WHERE order_id = 70") == [(ID, "Ada")]


def test_the_command_asks_and_its_receipt_names_nobody(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    project = ["--project", str(shop.folder)]
    assert main([*project, "forget", "--email", EMAIL, "--customer", str(ID)]) == 78
    assert "say --yes" in capsys.readouterr().err
    assert main([*project, "forget", "--email", EMAIL, "--customer", str(ID), "--dry-run"]) == 0
    assert main([*project, "forget", "--email", EMAIL, "--customer", str(ID), "--yes", "--json"]) == 0
    said = capsys.readouterr()
    assert EMAIL not in said.out + said.err
    shop.check()


def test_a_hashed_address_is_found_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    file = shop.folder / "pipelines" / "orders.yaml"
    text = file.read_text().replace("customer.email pii  ", "customer.email pii(hash)  ")
    file.write_text(text.replace("customer.name pii\n", "customer.name pii(mask)\n"))
    shop.put(
        "orders_1.json", ndjson(order(1) | {"customer": {"email": "Ada.L@Mail.example", "name": NAME}}, order(2, "bob"))
    )
    shop.load()
    assert shop.rows("SELECT count(email), count(customer_name) FROM orders") == [(2, 2)]
    shop.forget(emails=[EMAIL])
    assert shop.rows("SELECT count(email), count(customer_name) FROM orders") == [(1, 1)]
    shop.check(EMAIL, "Lovelace", "A***")


def test_csv_of_a_source_without_a_key_and_what_is_rescued(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    source = {
        "match": "people*.csv*",
        "format": "csv",
        "contract": {"new": "rescue"},
        "person": {"id": "customer", "email": "email"},
        "pii": {"phone": "pii"},
        "tables": {
            "people": {"columns": {"customer": "string", "email": "string", "name": "string pii", "day": "date"}},
            "wide": {"format": "parquet", "columns": {"customer": "string", "email": "string", "name": "string pii"}},
        },
    }
    (shop.folder / "pipelines" / "people.yaml").write_text(
        yaml.safe_dump({"pipeline": "p", "sources": {"people": source}})
    )
    out = io.StringIO(newline="")
    bob, ada = ["C-1", "bob@x", "Bob"], ["C-90417-Z", EMAIL, 'Love"lace, Ada']
    for number, encoding in enumerate(("utf-8", "latin-1", "utf-8-sig", "utf-16")):
        rows = [[*bob, "2025-01-01", "555-1", f"z{number}"], [*ada, "2025-01-02", "555-9", "y"]]
        out = io.StringIO(newline="")
        csv.writer(out).writerows([["customer", "email", "name", "day", "phone", "größe"], *rows, ["x"]])
        shop.put(f"people_{number}.csv", out.getvalue().encode(encoding))
    shop.put("people_9.csv.gz", gzip.compress(out.getvalue().replace("z3", "z9").encode() + b"\n"))
    shop.load()
    assert shop.rows("SELECT count(*), count(email) FROM people") == [(10, 10)]
    shop.forget(emails=[EMAIL])
    shop.check(EMAIL, 'love"', "555-9", "C-90417-Z")
    kept = shop.rows("SELECT DISTINCT customer, email, name, day::VARCHAR, _rescued FROM people WHERE customer IS NULL")
    assert kept == [(None, None, None, "2025-01-02", '{"größe":"y"}')], kept
    assert shop.rows("SELECT count(*), count(email) FROM wide") == [(10, 5)]


@pytest.mark.parametrize(("pipeline", "column"), [("shopify", "email"), ("olist", "customer_unique_id")])
def test_the_other_bundled_pipelines_forget_people_too(tmp_path: Path, pipeline: str, column: str) -> None:
    folder = tmp_path / "shop"
    Lake.init(folder, [pipeline]).close()
    command = ["generate", pipeline, "--orders", "40", "--seed", "3", "--out", str(folder / "raw")]
    assert main(["--project", str(folder), *command]) == 0
    table = "shopify_orders" if pipeline == "shopify" else "olist_customers_dataset"
    with Lake(folder) as lake:
        lake.run()
        ((who,),) = lake.query(f"SELECT min({column}) FROM {table}").rows
        assert holders(folder, who)
        lake.forget([who] if column != "email" else [], [who] if column == "email" else [])
        assert lake.verify().ok
        assert {each.status for each in lake.run()} == {"unchanged"}
    assert holders(folder, who) == []


def test_where_nothing_says_who_a_record_is_about_nobody_can_be_forgotten(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    file = shop.folder / "pipelines" / "orders.yaml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "person:" not in line))
    with pytest.raises(ConfigError, match="no pipeline says which field"):
        shop.forget(emails=[EMAIL])
    with Lake(shop.folder) as lake, pytest.raises(ConfigError, match="say who"):
        lake.forget()


def test_a_load_that_read_its_file_before_brings_nobody_back(shop: Shop) -> None:
    """Somebody is forgotten between the staging of a load and its commit: it looks again, and stages anew."""
    shop.put("orders_8.json", ndjson(order(80), order(81, "bob")))
    steps: list[int] = []

    def meanwhile(step: int) -> None:
        steps.append(step)
        if steps == [1]:
            shop.forget()
            restored = shop.folder / "raw" / "orders_8.json"  # as a load holds it that has opened it
            restored.write_bytes(ndjson(order(80), order(81, "bob")))
            os.utime(restored, (1_700_000_000 + shop.ticks,) * 2)

    with Lake(shop.folder) as lake:
        reports = {report.source: report for report in lake.run(on_step=meanwhile)}
    assert reports["raw/orders_8.json"].status == "loaded"
    assert shop.rows("SELECT order_id, email FROM orders WHERE order_id >= 80") == [
        (80, None),
        (81, "bob@mail.example"),
    ]
    shop.forget()
    shop.check()


def test_a_rollback_that_reads_an_old_file_again_brings_nobody_back(shop: Shop) -> None:
    file = shop.put("orders_8.json", ndjson(order(80), order(81, "bob")))
    shop.load()
    before, stat = file.read_bytes(), file.stat()
    shop.put("orders_9.json", ndjson(order(80, "bob")))
    shop.load()
    shop.forget()
    file.write_bytes(before)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with Lake(shop.folder) as lake:
        lake.rollback("last")
        assert lake.verify().ok
    assert shop.rows("SELECT order_id, email FROM orders WHERE order_id >= 80") == [
        (80, None),
        (81, "bob@mail.example"),
    ]


def test_a_plan_tells_what_a_load_without_them_does(shop: Shop) -> None:
    shop.forget()
    shop.put("orders_8.json", ndjson(order(80), order(81, "bob")))
    with Lake(shop.folder) as lake:
        lake.plan()
        lake.run()
        again = shop.put("orders_8.json", ndjson(order(80), order(81, "bob")))
        (planned,) = lake.plan([again]).files
    assert planned.report.duplicate == 2


def test_the_hash_of_what_they_were_is_not_kept(shop: Shop) -> None:
    def hashes() -> dict[int, int]:
        files = f"{shop.folder}/lake/_index_orders/data/*.parquet"
        return dict(duckdb.execute(f"SELECT _k0, arg_max(_hash, _version) FROM '{files}' GROUP BY 1").fetchall())

    before = hashes()
    shop.forget()
    after = hashes()
    assert {key for key in before if before[key] != after[key]} == {3, 4, *range(6, 40), 50, 60, 62}


def test_what_a_load_that_was_broken_off_has_staged_goes_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.put("orders_big.json", ndjson(*(order(number) for number in range(200))))
    status, _ = ended(spawn(shop.folder, share=8_000, kept=3))
    assert status == -signal.SIGKILL
    assert any("staged" in str(place) for place in holders(shop.folder, EMAIL))
    spark = shop.folder / "lake" / ".work" / "spark" / "dead" / "attempt"
    spark.mkdir(parents=True)
    (spark / "staged.csv").write_text(EMAIL)
    shop.forget()
    assert list((shop.folder / ".orderlake" / "staged").glob("*")) == []
    assert not spark.exists()
    assert [report.status for report in shop.load()] == ["loaded"]
    assert shop.rows("SELECT count(*), count(email) FROM orders") == [(200, 0)]
    shop.check()


def test_a_cluster_loads_nothing_of_a_source_of_whose_people_some_are_forgotten(shop: Shop) -> None:
    shop.forget()
    shop.put("orders_more.json", ndjson(order(90, "bob")))
    with Lake(shop.folder) as lake, pytest.raises(ConfigError, match="the cluster does not know who: load the files"):
        lake._loads.run(lake.sources.find(()), lambda _: None, runner=SparkRunner(lake._backends, Cluster("local[1]")))
    assert [report.status for report in shop.load() if report.source.endswith("more.json")] == ["loaded"]


def test_the_history_says_what_it_was_and_a_rollback_of_it_is_refused(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.forget()
    with Lake(shop.folder) as lake:
        (event,) = (report for report in lake.loads() if report.status == "forgotten")
    project = ["--project", str(shop.folder)]
    assert main([*project, "loads", "--status", "forgotten"]) == 0
    assert main([*project, "loads", "show", event.load_id]) == 0
    said = capsys.readouterr().out
    assert "a person's data was taken out of its tables" in said
    assert "0 read" not in said
    assert main([*project, "rollback", event.load_id]) != 0
    assert "for good: that cannot be taken back" in capsys.readouterr().err


def test_marts_are_built_again_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    Lake.init(folder, ["olist"]).close()
    command = ["generate", "olist", "--orders", "40", "--seed", "3", "--out", str(folder / "raw")]
    assert main(["--project", str(folder), *command]) == 0
    with Lake(folder) as lake:
        lake.run()
        ((who,),) = lake.query("SELECT min(customer_unique_id) FROM olist_customers_dataset").rows
        lake.forget([who])
    assert main(["--project", str(folder), "build"]) == 0
    with Lake(folder) as lake:
        assert lake.query("SELECT count(*), count(*) - count(customer_key) > 0 FROM fct_orders").rows == ((40, True),)

"""`orderlake plan`: what `run` would do, told before it is done, and nothing written."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.cli.main import main
from orderlake.config import PROJECT_FILE, load_project
from orderlake.errors import ConfigError, NotFoundError
from orderlake.generate import generate
from orderlake.samples import sample_paths
from orderlake.values import json_text
from tests.reference import NOON, SECOND, new_lake, order

pytestmark = pytest.mark.e2e

OF_ITS_OWN = ("load_id", "at", "seconds")


def told(reports):
    """Reports without what is a load's own."""
    dicts = ({key: value for key, value in report.as_dict().items() if key not in OF_ITS_OWN} for report in reports)
    return sorted(dicts, key=lambda each: each["source"])


def everything(folder: Path) -> dict[str, tuple[str, int]]:
    """Each file and folder below, with a digest and a time: nothing was written when it is the same."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns if path.is_file() else 0,
        )
        for path in sorted(folder.rglob("*"))
    }


def put(lake, name, records, tick=0):
    path = lake.project.raw / name
    path.write_text(records if isinstance(records, str) else json.dumps(records), encoding="utf-8")
    os.utime(path, ns=(NOON + tick * SECOND, NOON + tick * SECOND))
    return path


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as lake:
        yield lake


def bad_shop(root: Path) -> None:
    """A project with loads behind it, a correction, a bad file and a broken one before it."""
    with new_lake(root) as lake:
        put(lake, "orders_1.json", [order(1, "P1"), order(2)], 1)
        lake.run()
        put(lake, "orders_2.json", [order(1, "P2", total="12.00"), order(2), order(3)], 2)
        put(lake, "orders_3.json", [order(4, day="never"), order(5)], 3)
        (lake.project.raw / "orders_4.json.gz").write_bytes(gzip.compress(b"[]")[:12])


@pytest.mark.parametrize("words", [[], ["--json"], ["raw/orders_2.json"]])
def test_nothing_in_the_project_changes_not_even_a_time(words, tmp_path, monkeypatch, capsys):
    bad_shop(tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rooms))
    before = everything(tmp_path / "shop")
    assert main(["plan", *words]) in (0, 65)
    assert everything(tmp_path / "shop") == before
    assert not list(rooms.iterdir())
    assert capsys.readouterr().out


def test_a_project_that_never_loaded_gets_no_ledger_and_no_cache_by_being_planned(tmp_path, monkeypatch, capsys):
    root = tmp_path / "shop"
    (root / "raw").mkdir(parents=True)
    (root / "pipelines").mkdir()
    (root / PROJECT_FILE).write_text("raw: raw\n")
    shutil.copy(Path(__file__).parents[2] / "src/orderlake/pipelines/orders.yaml", root / "pipelines")
    shutil.copy(sample_paths("orders")[0], root / "raw")
    monkeypatch.chdir(root)
    before = everything(root)
    assert main(["plan"]) == 0
    assert everything(root) == before
    assert "12 new" in capsys.readouterr().out
    assert main(["run"]) == 0


def test_a_plan_of_the_samples_is_what_run_then_does(tmp_path):
    with Lake.init(tmp_path / "shop") as lake:
        for kind in ("orders", "olist", "shopify"):
            for path in sample_paths(kind):
                shutil.copyfile(path, lake.project.raw / path.name)
            plan = lake.plan()
            assert told(plan.reports) == told(lake.run())
            assert plan.is_clean
            sizes = {table.name: (table.rows, table.bytes) for table in lake.tables()}
            for table in plan.tables:
                assert table.rows_then in (None, sizes[table.name][0])
                assert table.bytes_then == sizes[table.name][1]


def test_many_files_of_one_stream_in_several_commits_are_planned_as_they_follow_from_each_other(lake, tmp_path):
    for number in range(300):  # more than go into one commit
        put(lake, f"orders_{number}.json", [order(number % 70, "P1", total=f"{number}.00"), order(number)], number)
    plan = lake.plan()
    assert told(plan.reports) == told(lake.run())
    assert sum(file.changed for file in plan.files) > 0
    assert sum(file.report.superseded for file in plan.files) > 0


def test_a_file_of_many_shares_is_planned_as_it_loads(lake, tmp_path):
    (path,) = generate("orders", 60_000, 3, tmp_path / "out", "ndjson")
    assert path.stat().st_size > 20 << 20
    plan = lake.plan([path])
    assert plan.files[0].looked == 10_000
    assert told(plan.reports) == told(lake.run([path]))


def test_records_are_told_by_their_keys_and_by_what_changes(lake):
    put(lake, "orders_1.json", [order(1, "P1"), order(2), order(5)], 1)
    lake.run()
    put(lake, "orders_2.json", [order(1, "P1", "P2", total="12.00"), order(2), order(3)], 2)
    put(lake, "orders_0.json", [order(5, total="0.00")], 0)
    late, _, newer = lake.plan().files
    assert (newer.new, newer.changed, newer.report.duplicate) == (1, 1, 1)
    assert newer.examples == {"new": ["3"], "changed": ["1"], "unchanged": ["2"]}
    assert newer.differences == {"1": ["total_amount 10.00 → 12.00", "order_lines 1 → 2 rows"]}
    assert (late.report.superseded, late.examples) == (1, {"superseded": ["5"]})


def test_a_change_within_lines_names_their_columns(lake):
    put(lake, "orders_1.json", [order(1, "P1")], 1)
    lake.run()
    put(lake, "orders_2.json", [order(1, "P2")], 2)
    (file,) = [each for each in lake.plan().files if each.report.status == "loaded"]
    assert file.differences == {"1": ["order_lines: product_id"]}


def test_records_that_would_be_set_aside_are_told_with_reason_and_line(lake):
    lines = [order(1, day="never"), order(2), order(3, day="never"), {"order_date": "2024-01-05"}]
    put(lake, "orders.json", "\n".join(map(json.dumps, lines)))
    plan = lake.plan()
    assert not plan.is_clean
    (file,) = plan.files
    assert [(each.field, each.count, list(each.lines)) for each in file.setbacks] == [
        ("order_date", 2, [1, 3]),
        ("order_id", 1, [4]),
    ]


def test_reasons_that_are_not_shown_are_counted(lake, monkeypatch, capsys):
    wrong: list[dict[str, object]] = [
        {"order_date": "never"},
        {"total_amount": "much"},
        {"order_id": "A"},
        {"order_id": None},
    ]
    lines = [json.dumps({**order(number, "P1"), **each}) for number, each in enumerate(wrong)]
    lines += [json.dumps(order(9, "P1", day="never")), '{"order_id"', "{order_id: 1}", "[1]", "[[]]"]
    put(lake, "orders.json", "\n".join(lines))
    monkeypatch.chdir(lake.project.root)
    assert main(["plan"]) == 65
    said = capsys.readouterr().out
    (file,) = lake.plan().files
    others = file.report.quarantined - sum(each.count for each in file.setbacks)
    assert others
    assert f"{others} × for other reasons" in said


def test_fields_that_the_pipeline_does_not_declare_and_those_that_are_not_there_are_named(lake):
    put(lake, "orders.json", [{**order(1, "P1"), "gift": True, "customer": {"name": "Ana", "phone": "1"}}])
    (file,) = lake.plan().files
    assert list(file.undeclared) == ["customer.phone", "gift"]
    assert list(file.absent) == [
        "customer.address",
        "customer.customer_id",
        "customer.email",
        "products.category",
        "products.name",
    ]


def test_columns_of_csv_are_compared_by_the_header(tmp_path):
    with Lake.init(tmp_path / "shop", ["olist"]) as lake:
        path = lake.project.raw / "olist_sellers_dataset.csv"
        path.write_text("seller_id,seller_zip_code_prefix,seller_city,seller_state,rating\ns1,01037,x,SP,5\n")
        assert list(lake.plan().files[0].undeclared) == ["rating"]
        path.write_text("seller_id,seller_city\ns1,x\n")
        plan = lake.plan()
        assert plan.files[0].report.status == "rejected"
        assert "the header lacks seller_zip_code_prefix" in (plan.files[0].report.reason or "")


def test_a_new_version_of_a_file_without_a_key_replaces_its_rows(tmp_path):
    with Lake.init(tmp_path / "shop", ["olist"]) as lake:
        path = lake.project.raw / "olist_geolocation_dataset.csv"
        shutil.copyfile(sample_paths("olist")[7], path)
        lake.run()
        path.write_text("\n".join(path.read_text().splitlines()[:51]) + "\n")
        plan = lake.plan()
        (table,) = plan.tables
        assert (table.rows, table.rows_then) == (100, 50)
        assert told(plan.reports) == told(lake.run())


def test_changes_of_columns_are_told_before_they_are_made(lake):
    put(lake, "orders_1.json", [order(1)], 1)
    lake.run()
    pipeline = lake.project.pipelines / "orders.yaml"
    pipeline.write_text(
        pipeline.read_text().replace("total_amount: money\n", "total_amount: money\n          gift: boolean\n", 1)
    )
    put(lake, "orders_2.json", [{**order(2), "gift": True}], 2)
    with Lake(lake.project.root) as changed:
        plan = changed.plan()
        assert any("gift" in change for file in plan.files for change in file.report.changes)
        assert told(plan.reports) == told(changed.run())


def test_a_pipeline_that_its_tables_cannot_follow_is_refused_as_by_run(lake):
    put(lake, "orders_1.json", [order(1)], 1)
    lake.run()
    pipeline = lake.project.pipelines / "orders.yaml"
    pipeline.write_text(pipeline.read_text().replace("order_date: date required", "order_date: bigint required"))
    put(lake, "orders_2.json", [order(2)], 2)
    with Lake(lake.project.root) as changed, pytest.raises(ConfigError):
        changed.plan()


def test_what_run_cannot_find_is_not_planned(lake):
    with pytest.raises(NotFoundError):
        lake.plan(["orders.json"])


def test_the_text_is_readable_at_80_columns_and_ends_with_what_run_prints(tmp_path, monkeypatch, capsys):
    bad_shop(tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    assert main(["plan"]) == 65
    said = capsys.readouterr().out
    plan, _, printed = said.partition("`orderlake run` would print:\n")
    assert max(map(len, plan.splitlines())) <= 80
    assert "1 changed     1: total_amount 10.00 → 12.00" in said
    assert "orders_4.json.gz would be rejected" in said
    assert said.splitlines()[-1] == "Nothing was written."
    assert main(["run"]) == 65
    done = capsys.readouterr().out

    def files(text):
        return sorted(line.strip().rsplit(";", 1)[0] for line in text.splitlines() if "raw/" in line)

    assert files(printed) == files(done)


def test_a_clean_plan_exits_with_0_and_an_empty_one_says_so(tmp_path, monkeypatch, capsys):
    with new_lake(tmp_path / "shop") as lake:
        monkeypatch.chdir(lake.project.root)
        assert main(["plan"]) == 0
        assert "nothing new: there are no files" in capsys.readouterr().out
        put(lake, "orders.json", [order(1)])
        assert main(["plan", "--json"]) == 0
        plan = json.loads(capsys.readouterr().out)
        assert (plan["clean"], plan["files"][0]["new"]) == (True, 1)
        lake.run()
    assert main(["plan"]) == 0
    assert "nothing new: 1 file loaded already" in capsys.readouterr().out


def test_on_aws_not_an_object_is_written(aws, tmp_path):
    settings = aws.deploy()
    with Lake.init(tmp_path / "shop", ["orders"]):
        project = replace(load_project(tmp_path / "shop"), aws=settings)
    s3 = aws.client("s3")
    bucket, prefix = settings.raw.removeprefix("s3://").split("/", 1)

    def upload(name, records):
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=json_text(records).encode())

    def objects():
        lake, root = settings.lake.removeprefix("s3://").split("/", 1)
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=lake, Prefix=root)
        return [(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", ())]

    with Lake.of(project) as lake:
        upload("orders_1.json", [order(1, "P1"), order(2)])
        for records in ([order(1, "P2"), order(3)], [order(4, day="never")]):
            before = objects()
            history = lake.loads()
            plan = lake.plan()
            assert objects() == before
            assert lake.loads() == history
            assert told(plan.reports) == told(lake.run())
            upload("orders_2.json", records)

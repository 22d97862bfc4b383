"""`orderlake doctor`: what is wrong, and what to do about it."""

import importlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import namedtuple
from importlib import metadata

import pytest

import orderlake.doctor.here


def found(answer, check):
    return [one for one in answer.json if one["check"] == check]


def test_a_healthy_project_is_ok_throughout(cli, loaded):
    answer = cli("doctor")
    assert answer.code == 0
    assert {line.split()[0] for line in answer.lines} == {"ok"}
    names = {one["check"] for one in cli("doctor", "--json").json}
    assert names == {
        *("python", "duckdb", "fastavro", "pyyaml", "zstandard", "sqlite", "project", "pipeline"),
        *("lake", "state", "disk", "files", "catalog", "ledger", "work"),
    }


def test_a_project_that_was_copied_is_told_where_its_tables_lie(cli, loaded, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(loaded, copy)
    answer = cli("--project", str(copy), "doctor", "--json")
    (one,) = found(answer, "catalog")
    assert one["status"] == "fail"
    assert f"its tables lie in {loaded / 'lake'}, and not in {copy / 'lake'}" in one["message"]


@pytest.mark.parametrize(
    "verb", [["run"], ["query", "SELECT 1 FROM orders"], ["verify"], ["tables"], ["quarantine", "list"]], ids=" ".join
)
def test_a_project_that_was_copied_leaves_the_first_ones_tables_alone(cli, loaded, tmp_path, verb):
    copy = tmp_path / "copy"
    shutil.copytree(loaded, copy)
    (copy / "raw" / "orders_new.json").write_text('[{"order_id": 99, "order_date": "2025-01-01"}]', "utf-8")
    before = sorted((loaded / "lake").rglob("*"))
    answer = cli("--project", str(copy), *verb)
    assert answer.code == 78
    assert f"its tables lie in {loaded / 'lake'}, and not in {copy / 'lake'}" in answer.err
    assert f"move it back to {loaded}, or move lake/ and .orderlake/ away" in answer.err
    assert sorted((loaded / "lake").rglob("*")) == before


def test_a_copy_without_its_lake_loads_its_files_anew(cli, loaded, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(loaded, copy)
    shutil.rmtree(copy / "lake")
    shutil.rmtree(copy / ".orderlake")
    assert cli("--project", str(copy), "run").code == 0
    counted = [
        cli("--project", str(root), "query", "SELECT count(*) FROM orders", "--json").out for root in (copy, loaded)
    ]
    assert counted[0] == counted[1]


def test_a_project_behind_a_link_is_the_same(cli, loaded, tmp_path):
    (tmp_path / "link").symlink_to(loaded)
    assert cli("--project", str(tmp_path / "link"), "verify").code == 0


def test_a_new_project_is_ok_and_looking_changes_nothing(cli, project):
    cli("tables")  # opens the catalog, and keeps the parsed files
    before = sorted(project.rglob("*"))
    assert cli("doctor").code == 0
    assert sorted(project.rglob("*")) == before


def test_without_a_project_the_machine_is_checked_all_the_same(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert found(answer, "duckdb")[0]["status"] == "ok"
    assert "orderlake init" in found(answer, "project")[0]["message"]


def test_a_project_file_that_is_wrong_fails(cli, project):
    (project / "orderlake.yaml").write_text("raww: x\n", "utf-8")
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert "unknown raww" in found(answer, "project")[0]["message"]


def test_a_pipeline_that_does_not_parse_fails_and_the_others_are_checked(cli, project):
    (project / "pipelines" / "bad.yaml").write_text("pipeline: bad\n", "utf-8")
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert [one["status"] for one in found(answer, "pipeline")] == ["fail", "ok"]
    assert "bad.yaml" in found(answer, "pipeline")[0]["remedy"]


def test_a_table_declared_twice_fails(cli, project):
    text = (project / "pipelines" / "orders.yaml").read_text("utf-8")
    (project / "pipelines" / "twice.yaml").write_text(text.replace("pipeline: orders", "pipeline: twice"), "utf-8")
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert found(answer, "pipeline")[-1]["status"] == "fail"


def test_no_pipeline_at_all_is_worth_a_warning(cli, project):
    (project / "pipelines" / "orders.yaml").unlink()
    answer = cli("doctor", "--json")
    assert answer.code == 0
    assert found(answer, "pipeline")[0]["status"] == "warn"


def test_files_that_fit_no_pipeline_are_named(cli, project):
    shutil.copy(project / "pipelines" / "orders.yaml", project / "pipelines" / "zother.yaml")
    other = project / "pipelines" / "zother.yaml"
    text = other.read_text("utf-8").replace("pipeline: orders", "pipeline: zother").replace("*order*", "*zother*")
    for table in ("orders_parquet_datalake:", "order_lines:", "      orders:"):
        text = text.replace(table, f"{table[: len(table) - len(table.lstrip())]}z_{table.lstrip()}")
    other.write_text(text.replace("{table: order", "{table: z_order"), "utf-8")
    for number in range(5):
        (project / "raw" / f"readme_{number}.txt").touch()
    (check,) = found(cli("doctor", "--json"), "files")
    assert check["status"] == "warn"
    assert "5 of 5" in check["message"]
    assert check["message"].endswith("raw/readme_0.txt, raw/readme_1.txt, raw/readme_2.txt, …")
    assert "--pipeline" in check["remedy"]


@pytest.mark.parametrize("name", ["catalog", "ledger"])
def test_a_database_that_is_none_fails_with_a_remedy(cli, loaded, name):
    for rest in ("-wal", "-shm"):
        (loaded / ".orderlake" / f"{name}.db{rest}").unlink(missing_ok=True)
    (loaded / ".orderlake" / f"{name}.db").write_text("not a database, " * 100, "utf-8")
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert found(answer, name)[0]["status"] == "fail"
    assert "restore it from a copy" in found(answer, name)[0]["remedy"]


def test_a_catalog_that_may_not_be_written_needs_a_right_and_no_copy(cli, loaded, monkeypatch):
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY

    def refused(*_, **__):
        raise error

    monkeypatch.setattr("orderlake.doctor.here.sqlite3.connect", refused)
    (check,) = found(cli("doctor", "--json"), "catalog")
    assert (check["status"], check["remedy"]) == ("fail", "give yourself the right to write there")


def test_work_folders_of_dead_loads_are_told(cli, loaded):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (loaded / ".orderlake" / "work" / f"{dead.pid}-abc").mkdir(parents=True)
    (loaded / ".orderlake" / "work" / f"{os.getpid()}-abc").mkdir(parents=True)
    (check,) = found(cli("doctor", "--json"), "work")
    assert check["status"] == "warn"
    assert "broken off: 1" in check["message"]


@pytest.mark.parametrize(("free", "expected"), [(1 << 29, ("warn", 0)), (1 << 20, ("fail", 78))])
def test_a_full_disk_is_told(cli, loaded, monkeypatch, free, expected):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, free))
    answer = cli("doctor", "--json")
    assert (found(answer, "disk")[0]["status"], answer.code) == expected


def test_a_folder_that_cannot_be_written_fails(cli, loaded, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    answer = cli("doctor")
    assert answer.code == 78
    assert f"fail  {loaded / 'lake'} cannot be written: Permission denied" in answer.lines


def test_a_missing_raw_folder_is_worth_a_warning(cli, project):
    (project / "raw").rmdir()
    (check,) = found(cli("doctor", "--json"), "raw")
    assert check["remedy"].startswith("mkdir")


def test_a_missing_package_fails_with_its_pip_line(cli, loaded, monkeypatch):
    real = importlib.import_module

    def without(name):
        if name == "fastavro":
            raise ImportError("No module named 'fastavro'")
        return real(name)

    monkeypatch.setattr(orderlake.doctor.here, "import_module", without)
    answer = cli("doctor", "--json")
    assert answer.code == 78
    assert "pip install" in found(answer, "fastavro")[0]["remedy"]


def test_another_duckdb_is_worth_a_warning(cli, loaded, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "1.0.0")
    assert found(cli("doctor", "--json"), "duckdb")[0]["status"] == "warn"


def test_what_is_too_old_fails(cli, loaded, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 7, 0))
    monkeypatch.setattr(orderlake.doctor.here, "_PYTHON", (9, 0))
    answer = cli("doctor", "--json")
    assert found(answer, "sqlite")[0]["status"] == "fail"
    assert found(answer, "python")[0]["status"] == "fail"

"""`orderlake backfill`: as `run` where it is local; what it lacks for Spark it says before anything is loaded."""

import json
import shutil

import pytest

from orderlake import Lake
from orderlake.cli.main import main
from orderlake.samples import sample_paths


@pytest.fixture
def shop(tmp_path):
    with Lake.init(tmp_path / "shop", ["orders"]):
        pass
    return tmp_path / "shop"


def test_the_local_runner_does_what_run_does(shop, tmp_path, capsys):
    files = [str(shutil.copy(path, tmp_path)) for path in sample_paths("orders")]
    assert main(["backfill", *files, "--project", str(shop), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert [report["status"] for report in first] == ["loaded", "loaded"]
    assert main(["run", *files, "--project", str(shop), "--json"]) == 0
    assert [report["status"] for report in json.loads(capsys.readouterr().out)] == ["unchanged", "unchanged"]
    bad = tmp_path / "orders_bad.json"
    bad.write_text("[1")
    assert main(["backfill", str(bad), "--project", str(shop)]) == 65


def test_settings_of_spark_are_for_spark(shop, capsys):
    for words in (["--master", "local[1]"], ["--conf", "spark.executor.memory=1g"]):
        assert main(["backfill", str(shop), *words, "--project", str(shop)]) == 78
        assert "say --runner spark too" in capsys.readouterr().err
    assert main(["backfill", str(shop), "--runner", "spark", "--conf", "memory", "--project", str(shop)]) == 78
    assert "KEY=VALUE" in capsys.readouterr().err


def test_without_java_nothing_is_loaded_and_the_remedy_is_told(shop, tmp_path, monkeypatch, capsys):
    file = shutil.copy(sample_paths("orders")[0], tmp_path)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", None)
    assert main(["backfill", str(file), "--runner", "spark", "--project", str(shop)]) == 78
    assert "install one (Debian: apt-get install openjdk-17-jre-headless)" in capsys.readouterr().err
    with Lake(shop) as lake:
        assert lake.loads() == []

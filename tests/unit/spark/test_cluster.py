"""Spark that cannot run here says what to install."""

import re
import sys

import pytest

from orderlake.errors import ConfigError, MissingExtraError, StorageUnavailableError
from orderlake.spark import Cluster
from orderlake.spark.cluster import check_java


def java(folder, version):
    """A java that says which version it is."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return folder


def test_without_java_it_says_what_to_install(tmp_path):
    with pytest.raises(ConfigError, match=r"needs Java 17, and there is no java here: install one \(Debian: apt-get"):
        check_java({"PATH": str(tmp_path)})
    with pytest.raises(ConfigError, match=re.escape(f"JAVA_HOME is {tmp_path}, where there is no bin/java")):
        check_java({"JAVA_HOME": str(tmp_path)})


@pytest.mark.parametrize("version", ["17.0.15", "11.0.2", "1.8.0_402"])
def test_a_java_that_spark_runs_on_is_fine(tmp_path, version):
    check_java({"JAVA_HOME": str(java(tmp_path, version))})
    check_java({"PATH": str(tmp_path / "bin")})


def test_a_java_of_another_version_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"bin/java is Java 21"):
        check_java({"PATH": str(java(tmp_path, "21.0.1") / "bin")})


def test_without_pyspark_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'orderlake\[spark\]'"):
        Cluster("local[1]").each(str, [1], "staging")


class Context:
    """A Spark context on which every job fails."""

    def __init__(self, error):
        self.error = error

    def setJobDescription(self, name):  # noqa: N802 - Spark's name
        pass

    def parallelize(self, items, parts):
        raise self.error


@pytest.mark.parametrize("said", ["orderlake.errors.StorageUnavailableError: s3://x: slow down", "ValueError: no"])
def test_what_spark_gives_up_on_may_pass_and_names_the_error_of_the_task(said):
    foreign = type("Py4JJavaError", (Exception,), {"__module__": "py4j.protocol"})
    trace = f"An error occurred\n: org.apache.spark.SparkException: Job aborted\n{said}\n\tat java.lang.Thread"
    cluster = Cluster()
    cluster._context = Context(foreign(trace))  # type: ignore[assignment]
    with pytest.raises(StorageUnavailableError, match=re.escape(f"Spark gave up on staging: {said}")):
        cluster.each(str, [1], "staging")
    assert cluster.each(str, [], "staging") == []


def test_an_error_that_is_not_of_spark_is_left_as_it_is():
    cluster = Cluster()
    cluster._context = Context(KeyError("ours"))  # type: ignore[assignment]
    with pytest.raises(KeyError, match="ours"):
        cluster.each(str, [1], "staging")

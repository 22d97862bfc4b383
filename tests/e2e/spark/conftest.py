"""A Spark cluster for the tests of this folder, and one application on it that all of them share."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest
from pyspark import SparkContext

from orderlake.spark import Cluster
from tests.e2e.spark.faults import FaultyCluster
from tests.e2e.spark.standalone import CONF, Standalone, standalone

SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.multiplier": "1",
    "spark.speculation.quantile": "0.01",
    "spark.speculation.minTaskRuntime": "1s",
}


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """The processes of the cluster."""
    with standalone(tmp_path_factory.mktemp("spark")) as running:
        yield running


@pytest.fixture(scope="session")
def application(machines: Standalone) -> Iterator[Cluster]:
    """An application that holds all of the cluster."""
    cluster = Cluster(machines.master, {**CONF, **SPECULATION})
    assert cluster.context is not None
    yield cluster
    cluster.close()
    gateway = SparkContext._gateway
    assert gateway is not None
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture
def cluster(application: Cluster, machines: Standalone) -> Iterator[FaultyCluster]:
    """The cluster with both workers alive, on which tasks can be made to fail."""
    machines.revive()
    yield FaultyCluster(application)
    with warnings.catch_warnings():  # pyspark leaves its sockets to the garbage collector, which no test is to hear of
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

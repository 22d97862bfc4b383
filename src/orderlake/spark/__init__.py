"""The Spark runner: the same kernel on shares of many files at once, and one commit by the driver."""

from orderlake.spark.cluster import Cluster
from orderlake.spark.runner import SparkRunner

__all__ = ["Cluster", "SparkRunner"]

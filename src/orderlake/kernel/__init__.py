"""Bytes and a pipeline in, Parquet files and rejected records out."""

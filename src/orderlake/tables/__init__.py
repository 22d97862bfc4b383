"""Staged rows in, committed tables out: Iceberg tables, plain Parquet tables and the index."""

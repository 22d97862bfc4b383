"""Exports: tables as a DuckDB file for BI tools, as Parquet, or as CSV; each file appears whole or not at all."""

from orderlake.exporting.export import Export, Exported, Form, export

__all__ = ["Export", "Exported", "Form", "export"]

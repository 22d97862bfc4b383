"""The Iceberg tables that can be asked, so that nothing that looks back leaves one out."""

from __future__ import annotations

from orderlake.tables.layout import TableLayout, system_layouts, table_layout
from orderlake.wiring import Backends


def layouts_of(backends: Backends) -> list[TableLayout]:
    """The declared ones, then those of the lake itself: quarantine and what checks found."""
    declared = [table_layout(stream, spec) for stream, spec in backends.specs if spec.format == "iceberg"]
    return [*declared, *system_layouts()]

"""Maintenance: tables that look after themselves."""

from orderlake.maintain.maintain import DEFAULT_DAYS, DEFAULT_HOURS, KEEP_ALWAYS, Wanted, maintain
from orderlake.maintain.report import MaintainReport, TableUpkeep

__all__ = [
    "DEFAULT_DAYS",
    "DEFAULT_HOURS",
    "KEEP_ALWAYS",
    "MaintainReport",
    "TableUpkeep",
    "Wanted",
    "maintain",
]

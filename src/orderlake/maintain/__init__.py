"""Maintenance: tables that look after themselves."""

from orderlake.maintain.after import after_loads
from orderlake.maintain.maintain import KEEP_ALWAYS, Wanted, maintain, maintained
from orderlake.maintain.report import MaintainReport, TableUpkeep
from orderlake.maintain.settings import Maintenance, settings_of

__all__ = [
    "KEEP_ALWAYS",
    "MaintainReport",
    "Maintenance",
    "TableUpkeep",
    "Wanted",
    "after_loads",
    "maintain",
    "maintained",
    "settings_of",
]

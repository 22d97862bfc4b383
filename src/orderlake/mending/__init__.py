"""Mending: a record that was set aside, corrected or as it is, loaded as a source object of its own."""

from orderlake.mending.mend import Mended, Mender
from orderlake.mending.records import Quarantined, quarantine_records

__all__ = ["Mended", "Mender", "Quarantined", "quarantine_records"]

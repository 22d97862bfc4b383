"""Mending: a record that was set aside, corrected or as it is, loaded as a source object of its own, or closed."""

from orderlake.mending.mend import Mender, Wish
from orderlake.mending.mended import Mended
from orderlake.mending.records import STATUSES, Quarantined, find_records, quarantine_records
from orderlake.mending.which import Which

__all__ = ["STATUSES", "Mended", "Mender", "Quarantined", "Which", "Wish", "find_records", "quarantine_records"]

"""Mending: a record that was set aside, corrected or as it is, loaded as a source object of its own, or closed."""

from orderlake.mending.mended import Mended
from orderlake.mending.which import STATUSES, Which

__all__ = ["STATUSES", "Mended", "Which"]

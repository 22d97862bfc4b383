"""Prove the promises from what is stored: every record of every file accounted for, every file as it was written.

Nothing here trusts a load's report alone: counts are made again from the tables' own files, and the bytes of those are
compared with what was noted when they were written. A module per thing that is proven; `recount.py` calls them.
"""

from orderlake.verify.finding import Finding, Kind, VerifyReport
from orderlake.verify.recount import Scope, verify

__all__ = ["Finding", "Kind", "Scope", "VerifyReport", "verify"]

"""Rollback: the tables as if a load had never come, the loads after it kept; and back again."""

from orderlake.rollback.which import Wish, undone

__all__ = ["Wish", "undone"]

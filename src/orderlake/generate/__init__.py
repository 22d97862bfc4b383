"""Believable order files of any size, the same bytes for the same arguments."""

from orderlake.generate.dispatch import FORMATS, Format, Kind, generate

__all__ = ["FORMATS", "Format", "Kind", "generate"]

"""The public object: a folder with its raw files and tables."""

from orderlake.lake.lake import Lake

__all__ = ["Lake"]

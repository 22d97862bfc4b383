"""The command line."""

from orderlake.cli.main import main

__all__ = ["main"]

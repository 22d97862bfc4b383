"""orderlake: order files in, trusted tables out."""

from orderlake.lake import Lake
from orderlake.model.report import LoadReport

__all__ = ["Lake", "LoadReport"]
__version__ = "0.4.0"

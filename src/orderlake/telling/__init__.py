"""Loads and builds that are told of: OpenLineage events to a file or an endpoint, where somebody wants them."""

from orderlake.telling.loads import Loads

__all__ = ["Loads"]

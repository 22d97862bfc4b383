"""DuckDB's SQL as Trino, the engine behind Athena, understands it; needs sqlglot (the extra `aws`)."""

from orderlake.query.trino.walk import REFUSED_AS_WRITTEN, refuse, rewrite

__all__ = ["REFUSED_AS_WRITTEN", "refuse", "rewrite"]

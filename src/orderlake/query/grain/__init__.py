"""The grain lint: does a statement count each measure once? What tables are known to hold decides; the rest is let be.

>>> from orderlake.query.grain.facts import table_grain
>>> orders = table_grain("orders", [("order", ["id"], {"id": "BIGINT", "total": "DECIMAL(18,2)"})])
>>> lines = table_grain("lines", [("line", ["id", "n"], {"id": "BIGINT", "n": "INTEGER"})])
>>> known = Grains({"orders": orders, "lines": lines})
>>> [one.column for one in fan_outs("SELECT sum(total) FROM orders JOIN lines USING (id)", known)]
['total']
>>> fan_outs("SELECT sum(total) FROM orders WHERE id IN (SELECT id FROM lines)", known)
[]
"""

from __future__ import annotations

from orderlake.query.grain.facts import Grains, TableGrain, grains_of, mart_grain, table_grain
from orderlake.query.grain.finding import FanOut
from orderlake.query.grain.glance import adds_up, worth_reading

__all__ = ["FanOut", "Grains", "TableGrain", "adds_up", "fan_outs", "grains_of", "mart_grain", "table_grain"]


def fan_outs(sql: str, grains: Grains) -> list[FanOut]:
    """What a statement in DuckDB's SQL counts more than once, or not each time.

    Nothing for what is not known, and for what cannot be read: the engine complains of that itself.
    """
    if not worth_reading(sql, grains):
        return []
    from orderlake.query.grain.lint import read_fan_outs  # noqa: PLC0415 - a parser costs start-up time

    return read_fan_outs(sql, grains)

"""Makes one of the benchmark's files: `python -m benchmarks.build RECIPE ARGUMENT…`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.data import SEED

if TYPE_CHECKING:
    from orderlake.generate import Format

CORRECTED = "1 Corrected Street"
"""The address every correction writes, so that its rows can be counted afterwards."""

Record = dict[str, Any]


def orders(count: str, layout: Format, path: str) -> None:
    """Generate orders; made in a folder aside and moved, so that a broken run leaves no half file."""
    from orderlake.generate import generate

    target = Path(path)
    with TemporaryDirectory(dir=target.parent) as folder:
        (made,) = generate("orders", int(count), SEED, Path(folder), layout)
        made.rename(target)


def slices(source: str, size: str, folder: str) -> None:
    """Cut an NDJSON file into small arrays."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(source, encoding="utf-8") as lines:
        number = 0
        while records := [json.loads(line) for line in islice(lines, int(size))]:
            _write(Path(folder) / f"orders_{number:05d}.json", records)
            number += 1


def changes(source: str, count: str, folder: str) -> None:
    """Write the appended orders and the two sets of corrections."""
    import duckdb

    Path(folder).mkdir(parents=True, exist_ok=True)
    wanted = int(count)
    connection = duckdb.connect()
    # Only ids and dates are held; the records wanted are then picked in one pass over the lines.
    by_date = connection.execute(
        "SELECT order_id FROM read_json(?, format = 'newline_delimited',"
        " columns = {order_id: 'BIGINT', order_date: 'VARCHAR'}) ORDER BY order_date DESC, order_id DESC",
        [source],
    ).fetchall()
    ids = [row[0] for row in by_date]
    step = max(1, len(ids) // wanted)
    recent, spread = set(ids[:wanted]), set(ids[::step][:wanted])
    beyond = max(ids)
    found = _pick(source, recent | spread)
    _write(Path(folder) / "recent_orders.json", [_corrected(found[key]) for key in sorted(recent)])
    _write(Path(folder) / "spread_orders.json", [_corrected(found[key]) for key in sorted(spread)])
    lines = [json.dumps(_corrected(found[key]), ensure_ascii=False) for key in sorted(spread)]
    (Path(folder) / "spread_orders.ndjson").write_text("\n".join([*lines, ""]), encoding="utf-8")
    fresh = [{**found[key], "order_id": beyond + number} for number, key in enumerate(sorted(recent), 1)]
    _write(Path(folder) / "append_orders.json", fresh)


def faulty(source: str, one_in: str, path: str) -> None:
    """Take the quantity of the first product of every so many orders that have one to 0."""
    part = Path(path).with_suffix(".part")
    with open(source, encoding="utf-8") as lines, part.open("w", encoding="utf-8") as out:
        number = 0
        for line in lines:
            if line.startswith("{"):
                number += 1
            text, wrong = line, '"quantity":'
            if line.startswith("{") and number % int(one_in) == 0:
                before, _, after = line.partition(wrong)
                digits = len(after) - len(after.lstrip("0123456789"))
                text = f"{before}{wrong}0{after[digits:]}"
            out.write(text)
    part.rename(path)


def _pick(source: str, ids: set[int]) -> dict[int, Record]:
    with open(source, encoding="utf-8") as lines:
        return {record["order_id"]: record for record in map(json.loads, lines) if record["order_id"] in ids}


def _corrected(record: Record) -> Record:
    return {**record, "customer": {**record["customer"], "address": CORRECTED}}


def _write(path: Path, records: Iterable[Record]) -> None:
    path.write_text(json.dumps(list(records), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    recipes: dict[str, Callable[..., None]] = {"orders": orders, "slices": slices, "changes": changes, "faulty": faulty}
    recipes[sys.argv[1]](*sys.argv[2:])

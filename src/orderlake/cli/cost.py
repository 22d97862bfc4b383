"""`orderlake cost`: what a month on AWS will cost, or what each load did cost."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from orderlake.cli.grid import print_grid
from orderlake.cost.actual import LoadCost, load_costs
from orderlake.cost.estimate import Crawler, Estimate, crawler, estimate, largest
from orderlake.cost.prices import PriceTable, prices_of
from orderlake.cost.workload import ASSUMPTIONS, PerLoad, Workload
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.values import json_text

EXAMPLE: Final = """
orderlake cost --orders 10000 --files 300
orderlake cost --orders 1000000 --file-orders 1000 --queries 500 --scan-mb 200 --json
orderlake cost --actual --limit 10
"""
_DOLLAR: Final = Decimal(1)
_NUMBERS: Final = {"quantity", "free a month", "$ a month", "$ after free tier"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The month to estimate, or that what was is asked for."""
    usual = Workload()
    parser.add_argument("--actual", action="store_true", help="what each load did cost, by its own seconds")
    parser.add_argument("--limit", metavar="N", type=int, help="with --actual: only the last N loads")
    parser.add_argument("--orders", metavar="N", type=int, default=usual.orders, help="orders a month")
    parser.add_argument("--files", metavar="N", type=int, help="files a month (default: 300)")
    parser.add_argument("--file-orders", metavar="N", type=int, help="orders in a file, instead of --files")
    parser.add_argument(
        "--bytes-per-order", metavar="N", type=int, default=usual.bytes_per_order, help="(default: 460)"
    )
    parser.add_argument(
        "--queries", metavar="N", type=int, default=usual.queries, help="queries a month (default: 100)"
    )
    parser.add_argument(
        "--scan-mb", metavar="MB", type=float, default=usual.scan_mb, help="MB a query scans (default: 10)"
    )
    parser.add_argument(
        "--months", metavar="N", type=int, default=usual.months, help="months of files kept (default: 12)"
    )
    parser.add_argument(
        "--scan-days", metavar="N", type=int, default=usual.scan_days,
        help="days the hourly scan looks back, 0 for all (default: 3)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", metavar="MB", type=int, default=usual.memory_mb, help="of a function (default: 512)"
    )
    parser.add_argument(
        "--architecture", choices=("arm64", "x86_64"), default=usual.architecture, help="(default: arm64)"
    )
    parser.add_argument("--kms", action="store_true", help="with a KMS key of your own")
    parser.add_argument("--region", metavar="NAME", help="the region whose prices are wanted (default: us-east-1)")


def run(args: argparse.Namespace) -> int:
    """Print the estimate with its assumptions, or the loads with their cost."""
    table = prices_of(args.region)
    if args.actual:
        return _actual(args, table)
    found = estimate(_workload(args), table)
    crawlers = [crawler(dpus, table) for dpus in (1, 2)]
    if args.json:
        print(json_text(_document(found, crawlers)))
    else:
        _print(found, crawlers)
    return 0


def _workload(args: argparse.Namespace) -> Workload:
    files = args.files
    if files is None:
        files = Workload().files if args.file_orders is None else -(-args.orders // max(1, args.file_orders))
    elif args.file_orders is not None:
        raise ConfigError("give --files or --file-orders, not both")
    given = [args.orders, files, args.bytes_per_order, args.queries, args.scan_mb, args.months, args.memory]
    if not all(0 <= one < math.inf for one in (*given, args.scan_days)):
        raise ConfigError("give numbers from 0")
    return Workload(
        args.orders, files, args.bytes_per_order, args.queries, args.scan_mb, args.months, args.memory,
        args.architecture, args.kms, args.scan_days,
    )  # fmt: skip


def _print(found: Estimate, crawlers: Sequence[Crawler]) -> None:
    load, table = found.workload, found.table
    print(
        f"{load.orders:,} orders a month in {load.files:,} files, {load.queries:,} queries; prices of {table.region} "
        f"as of {table.date}\n"
    )
    rows = [
        [
            one.price.key,
            _number(one.quantity),
            re.split(r",| \(", one.price.unit)[0],
            _number(one.price.free),
            _usd(one.full),
            _usd(one.due),
        ]
        for one in found.charges
    ]
    total = ["total", "", "", "", _usd(found.full), _usd(found.due)]
    print_grid(
        ["price", "quantity", "unit", "free a month", "$ a month", "$ after free tier"], [*rows, total], _NUMBERS
    )
    print(f"\n{_verdict(found)}\n")
    for one in crawlers:
        print(
            f"No crawler is among it. The original's, once an hour with {one.dpus} DPU, would be ${one.dollars:.2f} a "
            f"month: {one.factor:.0f} times its own estimate."
        )
    print("\nThis rests on:")
    for name, value, meaning, source in _assumptions():
        print(f"  {name} = {value}: {meaning} [{source}]")
    print("\nThe prices:")
    for charge in found.charges:
        price = charge.price
        print(f"  {price.key} = ${price.usd:f} per {price.unit} [{price.source}; {price.checked}]")


def _verdict(found: Estimate) -> str:
    """Where a dollar a month stops being enough."""
    free, full = (_reach(found, after_free=after_free) for after_free in (True, False))
    return f"A dollar a month is enough for {free} after the free tier, for {full} where nothing is free."


def _reach(found: Estimate, *, after_free: bool) -> str:
    most = _most(found, after_free=after_free)
    return "no shop at all" if most is None else f"{most:,} orders a month in files like these"


def _most(found: Estimate, *, after_free: bool) -> int | None:
    return largest(found.workload, found.table, _DOLLAR, lambda one: one.due if after_free else one.full)


def _assumptions() -> list[tuple[str, str, str, str]]:
    each = PerLoad()
    counted = (
        f"{each.puts} PUT, {each.gets} GET, {each.dynamodb_writes} DynamoDB write and "
        f"{each.dynamodb_reads} read units, {each.glue} Glue"
    )
    listed = [(one.name, f"{one.value:f}", one.meaning, one.source) for one in ASSUMPTIONS.values()]
    return [
        *listed,
        ("requests_per_load", counted, "requests of a load with three tables", ASSUMPTIONS["lake_ratio"].source),
    ]


def _document(found: Estimate, crawlers: Sequence[Crawler]) -> Mapping[str, Any]:
    return {
        "region": found.table.region,
        "prices_as_of": found.table.date,
        "workload": {name: getattr(found.workload, name) for name in Workload.__dataclass_fields__},
        "charges": [
            {
                "price": one.price.key,
                "usd": one.price.usd,
                "unit": one.price.unit,
                "free": one.price.free,
                "quantity": one.quantity,
                "full": one.full,
                "due": one.due,
                "source": one.price.source,
                "checked": one.price.checked,
            }
            for one in found.charges
        ],
        "total": {"full": found.full, "due": found.due},
        "orders_for_a_dollar": {"full": _most(found, after_free=False), "due": _most(found, after_free=True)},
        "crawler": [{"dpus": one.dpus, "usd": one.dollars, "times_original": one.factor} for one in crawlers],
        "assumptions": [dict(zip(("name", "value", "meaning", "source"), one, strict=True)) for one in _assumptions()],
    }


def _actual(args: argparse.Namespace, table: PriceTable) -> int:
    with Lake(args.project, args.env) as lake:
        history = [report for report in lake.loads() if report.status == "loaded"]
    costs = load_costs(history, args.memory, args.architecture, table)
    if args.limit is not None:
        costs = costs[max(0, len(costs) - max(0, args.limit)) :]
    if args.json:
        print(json_text([_load(one) for one in costs]))
        return 0
    header = ["at (UTC)", "source", "orders", "seconds", "$", "$ per 1,000 orders"]
    print_grid(header, [_row(one) for one in costs], {"orders", "seconds", "$", "$ per 1,000 orders"})
    print(
        f"\n{_usd(sum((one.dollars for one in costs), Decimal(0)))} dollars in all, as if nothing were free. {_COUNTED}"
    )
    return 0


_COUNTED: Final = (
    "Seconds are each load's own; requests are those counted for a load with as many tables. "
    "Files that were loaded together share both by their orders."
)


def _row(one: LoadCost) -> list[str]:
    report, thousand = one.report, one.per_thousand
    return [
        report.at[:19].replace("T", " "),
        report.source,
        f"{report.read:,}",
        f"{report.seconds:.2f}",
        _usd(one.dollars),
        "" if thousand is None else _usd(thousand),
    ]


def _load(one: LoadCost) -> Mapping[str, Any]:
    return {
        "load_id": one.report.load_id,
        "source": one.report.source,
        "orders": one.report.read,
        "seconds": one.report.seconds,
        "usd": one.dollars,
        "usd_per_1000_orders": one.per_thousand,
    }


def _usd(dollars: Decimal) -> str:
    digits = 2 if dollars >= 1 else 4 if dollars >= Decimal("0.001") or dollars == 0 else 6
    return f"{dollars:.{digits}f}"


def _number(quantity: Decimal) -> str:
    if quantity == 0:
        return "0"
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}"  # noqa: PLR2004 - three digits either way

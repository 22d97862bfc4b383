"""The overview's figures once more, in plain Python, from the files that were loaded: no SQL, no cube."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median_low
from typing import Any

from orderlake.overview import Period


@dataclass
class Recount:
    """Facts as rows: orders (id, day, customer, amount, more), lines (day, category, product, amount, units)."""

    orders: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[date, str, str, Decimal, int]] = field(default_factory=list)
    deliveries: list[tuple[date, str, bool, int]] = field(default_factory=list)

    def figures(self, period: Period) -> dict[str, Any]:
        """Every figure of a period that can be said in one value."""
        inside = [row for row in self.orders if period.first <= row[1] <= period.last]
        first: dict[Any, date] = {}
        for _, day, customer, *_ in self.orders:
            if customer is not None:
                first[customer] = min(day, first.get(customer, day))
        revenue = sum((row[3] for row in inside), Decimal(0))
        found = {
            "Revenue": revenue,
            "Orders": len(inside),
            "New customers": sum(period.first <= day <= period.last for day in first.values()),
            "Units": sum(row[4] for row in self.lines if period.first <= row[0] <= period.last),
        }
        for name in inside[0][4] if inside else ():
            found[name] = sum((row[4][name] for row in inside), Decimal(0))
        return found

    def top(self, period: Period, column: int, most: int) -> list[tuple[Any, ...]]:
        """The first by amount, of categories (1) or products (2)."""
        sums: dict[tuple[str, ...], list[Any]] = defaultdict(lambda: [Decimal(0), 0])
        for row in self.lines:
            if period.first <= row[0] <= period.last:
                key = (row[1],) if column == 1 else (row[2], row[1])
                sums[key][0] += row[3]
                sums[key][1] += row[4]
        ranked = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
        return [(key[0], amount, units) for key, (amount, units) in ranked[:most]]

    def late(self, period: Period) -> tuple[int, int]:
        """On time and late."""
        counts = Counter(row[2] for row in self.deliveries if period.first <= row[0] <= period.last)
        return counts[False], counts[True]

    def places(self, period: Period) -> dict[str, tuple[int, int, int]]:
        """Per place: orders, the lower median of the days, late ones."""
        rows: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for day, place, late, days in self.deliveries:
            if period.first <= day <= period.last:
                rows[place].append((days, late))
        return {
            place: (len(found), median_low(days for days, _ in found), sum(late for _, late in found))
            for place, found in rows.items()
        }


def of_orders(files: list[Path]) -> Recount:
    """Of nested orders, the file that comes last winning."""
    found: dict[int, Any] = {}
    for file in files:
        found |= {order["order_id"]: order for order in json.loads(file.read_text("utf-8"), parse_float=Decimal)}
    made = Recount()
    for number, order in found.items():
        day = date.fromisoformat(order["order_date"])
        customer = (order.get("customer") or {}).get("customer_id")
        made.orders.append((number, day, customer, Decimal(order["total_amount"]), {}))
        for line in order.get("products") or ():
            price, units = Decimal(line["price"]), int(line["quantity"])
            made.lines.append(
                (day, line.get("category") or "(none)", line.get("name") or "(none)", price * units, units)
            )
    return made


def of_olist(folder: Path) -> Recount:
    """Of Olist's files."""
    orders, items, customers, products, words = (
        _rows(folder / f"{name}.csv")
        for name in (
            "olist_orders_dataset",
            "olist_order_items_dataset",
            "olist_customers_dataset",
            "olist_products_dataset",
            "product_category_name_translation",
        )
    )
    people = {row["customer_id"]: row for row in customers}
    english = {row["product_category_name"]: row["product_category_name_english"] for row in words}
    categories = {row["product_id"]: row["product_category_name"] for row in products}
    prices: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for item in items:
        prices[item["order_id"]][0] += Decimal(item["price"])
        prices[item["order_id"]][1] += Decimal(item["freight_value"])
    made, kept = Recount(), {}
    for order in orders:
        day = date.fromisoformat(order["order_purchase_timestamp"][:10])
        person = people.get(order["customer_id"], {})
        if order["order_status"] not in {"canceled", "unavailable"}:
            price, freight = prices[order["order_id"]]
            kept[order["order_id"]] = day
            made.orders.append((order["order_id"], day, person.get("customer_unique_id"), price, {"Freight": freight}))
        arrived, promised = order["order_delivered_customer_date"], order["order_estimated_delivery_date"]
        if order["order_status"] == "delivered" and arrived:
            came = date.fromisoformat(arrived[:10])
            late = came > date.fromisoformat(promised[:10])
            made.deliveries.append((day, person.get("customer_state", "(none)"), late, (came - day).days))
    for item in items:
        if item["order_id"] in kept:
            raw = categories.get(item["product_id"], "")
            category = english.get(raw) or raw
            product = f"{category or 'product'} {item['product_id'][:8]}"
            made.lines.append((kept[item["order_id"]], category or "(none)", product, Decimal(item["price"]), 1))
    return made


def of_shopify(files: list[Path]) -> Recount:
    """Of Shopify's orders, the newest `updated_at` winning."""
    found: dict[int, Any] = {}
    for file in files:
        read = json.loads(file.read_text("utf-8"))
        read = read.get("orders", [read.get("order", read)]) if isinstance(read, dict) else read
        for order in read:
            if order["id"] not in found or order["updated_at"] > found[order["id"]]["updated_at"]:
                found[order["id"]] = order
    made = Recount()
    for order in found.values():
        if order.get("cancelled_at") is not None or order.get("test"):
            continue
        day = date.fromisoformat(order["created_at"][:10])
        total = Decimal(order["total_price"])
        net = Decimal(order.get("current_total_price") or total)
        more = {"Discounts": Decimal(order["total_discounts"]), "Refunds": total - net, "Net": net}
        customer = (order.get("customer") or {}).get("id") or order.get("email") or None
        made.orders.append((order["id"], day, customer, total, more))
        for line in order["line_items"]:
            amount = Decimal(line["price"]) * line["quantity"]
            made.lines.append((day, line.get("vendor") or "(none)", line["title"], amount, line["quantity"]))
    return made


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))

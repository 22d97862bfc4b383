"""Orders as one nested record each: a header, its customer and its products."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Final

from orderlake.generate.catalogue import SLOTS, Product, catalogue, demand
from orderlake.generate.draw import money, stream
from orderlake.generate.files import published, write_records
from orderlake.generate.people import People, Person
from orderlake.generate.plan import BATCH, Plan
from orderlake.generate.season import days

_FRAMES: Final = {"json": ("[\n", ",\n", "\n]\n"), "ndjson": ("", "\n", "\n")}

# One hundred slots each: drawing one evenly draws a number of lines (mean 2.2) or a quantity (mean 1.4).
_LINES: Final = (1,) * 36 + (2,) * 30 + (3,) * 18 + (4,) * 10 + (5,) * 6
_QUANTITIES: Final = (1,) * 74 + (2,) * 17 + (3,) * 5 + (4,) * 3 + (6,) * 1
_NEW_CUSTOMERS: Final = 0.4


def write(plan: Plan, out: Path, format_: str) -> Path:
    """Write `orders_<N>_seed<S>` as a JSON array, one record per line, or as NDJSON; give its path."""
    path = out / f"orders_{plan.orders}_seed{plan.seed}.{format_}"
    with published([path]) as (file,):
        write_records(file, batches(plan), _FRAMES[format_], plan)
    return path


def batches(plan: Plan) -> Iterator[list[str]]:
    """Give the records' JSON texts, at most BATCH at a time, by ascending order_id and date."""
    draw = stream(plan.seed, "orders")
    people = People(plan.seed)
    # One ready text per slot of demand and quantity: a record is then joined, not built.
    lines = [_lines(each) for each in catalogue(plan.seed)]
    slots = [lines[index] for index in demand(len(lines))]
    order_id, known = 1000, former_customers(plan)
    batch: list[str] = []
    for day, count in days(plan):
        ordered = day.isoformat()
        for _ in range(count):
            order_id += 1
            index = pick_customer(known, draw(), draw())
            known += index == known
            texts, total = [], 0
            seen: list[int] = []
            for _ in range(_LINES[int(100 * draw())]):
                slot = int(SLOTS * draw())
                choices = slots[slot]
                if id(choices) in seen:
                    continue  # a shop raises the quantity instead of listing a product twice
                seen.append(id(choices))
                text, cents = choices[int(100 * draw())]
                texts.append(text)
                total += cents
            batch.append(
                f'{{"order_id":{order_id},"order_date":"{ordered}","total_amount":{money(total)},'
                f'"customer":{_customer(index, people[index])},"products":[{",".join(texts)}]}}'
            )
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def former_customers(plan: Plan) -> int:
    """Give how many customers the shop has before the plan's first day; without them, one would place it all."""
    return 20 + plan.orders // 8


def pick_customer(known: int, newness: float, which: float) -> int:
    """Give the index of the ordering customer: `known` for a new one, else one seen before.

    Early customers come back more often than late ones, as loyal customers do.
    """
    if newness < _NEW_CUSTOMERS:
        return known
    return int(known * which * sqrt(which))


def _customer(index: int, person: Person) -> str:
    return (
        f'{{"customer_id":{index + 1},"name":"{person.first} {person.last}","email":"{person.email}",'
        f'"address":"{person.street}, {person.postcode} {person.city}"}}'
    )


def _lines(item: Product) -> list[tuple[str, int]]:
    """Give the product's line as JSON with its amount in cents, once per slot of `_QUANTITIES`."""
    by_quantity = {
        quantity: (
            (
                f'{{"product_id":"{item.product_id}","name":"{item.name}","category":"{item.category}",'
                f'"price":{money(item.price)},"quantity":{quantity}}}'
            ),
            quantity * item.price,
        )
        for quantity in dict.fromkeys(_QUANTITIES)
    }
    return [by_quantity[quantity] for quantity in _QUANTITIES]

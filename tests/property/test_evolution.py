"""Whatever a pipeline becomes between loads, in whatever order: each record is as its own load declared it."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.test_evolution import Shop, order, pipeline
from tests.property.test_convergence import CONVERGENCE
from tests.reference import by_text

OPTIONAL = ("quantity", "total", "note", "code", "points")
TYPES = {
    "quantity": ("int", "bigint"),
    "total": ("decimal(10,2)", "decimal(18,2)"),
    "note": ("string",),
    "code": ("string",),
    "points": ("int", "bigint", "id"),
}


@st.composite
def declarations(draw):
    """The declared columns of both tables: some of the optional ones, each in one of its types, in any order."""
    tables = []
    for _ in range(2):
        names = draw(st.lists(st.sampled_from(OPTIONAL), unique=True, max_size=len(OPTIONAL)))
        tables.append({name: draw(st.sampled_from(TYPES[name])) for name in names})
    return tables


def records():
    one = st.builds(
        lambda number, quantity, note: order(number, quantity=quantity, note=note),
        st.integers(1, 5),
        st.integers(0, 2_000_000_000),
        st.none() | st.sampled_from(["a", "b"]),
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda made: made["order_id"])


def text_of(declaration):
    orders, plain = (tuple(f"{name}: {kind}" for name, kind in columns.items()) for columns in declaration)
    return pipeline(("order_id: bigint required", "day: date required", *orders), ("order_id: bigint required", *plain))


def value(made, name):
    return made[name] if name != "total" else "1.50"


def expected(loads, which, names):
    """The rows of a table: of each order its newest version, with those of its columns that its load declared."""
    newest: dict[int, tuple[int, dict[str, str], dict[str, object]]] = {}
    for tick, declaration, made in loads:
        for one in made:
            if one["order_id"] not in newest or tick > newest[one["order_id"]][0]:
                newest[one["order_id"]] = (tick, declaration[which], one)
    return by_text(
        (
            number,
            *(str(value(one, name)) if name in columns and value(one, name) is not None else None for name in names),
        )
        for number, (_, columns, one) in newest.items()
    )


def found(shop, table, names):
    return shop.rows(f"SELECT {', '.join(['order_id', *(f'{name}::VARCHAR' for name in names)])} FROM {table}")


@settings(CONVERGENCE, max_examples=20)
@given(st.lists(st.tuples(declarations(), records()), min_size=1, max_size=6), st.data())
def test_old_and_new_files_read_together_whatever_order_their_loads_come_in(steps, data):
    loads = [(tick, declaration, made) for tick, (declaration, made) in enumerate(steps)]
    for arrival in (loads, data.draw(st.permutations(loads))):
        with tempfile.TemporaryDirectory() as folder:
            shop = Shop(Path(folder), text_of(arrival[0][1]))
            for tick, declaration, made in arrival:
                shop.declare(text_of(declaration))
                report = shop.load(*made, tick=tick)
                assert report.conserved
                assert report.quarantined == 0
            for which, table in enumerate(("orders", "flat")):
                names = sorted({name for _, declaration, _ in loads for name in declaration[which]})
                assert found(shop, table, names) == expected(loads, which, names)
            shop.proven()

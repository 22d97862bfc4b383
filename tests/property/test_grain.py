"""Whatever the statement: where the grain lint is silent nothing is counted twice, and what it proposes is right.

Sums over a small lake whose measures are powers of 256 tell how often each row was counted: an oracle that knows nothing
of keys. Statements come from a small grammar of joins, filters, groups and subqueries.
"""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from orderlake.query.grain import fan_outs
from tests.unit.query.grain.lake import counts, known, once, small_lake

SHOP = {
    "orders": (("total_amount",), ("order_id", "order_date", "customer_id")),
    "order_lines": (("price",), ("order_id", "line_number", "product_id", "category", "order_date")),
    "orders_parquet_datalake": (
        ("total_amount", "total_amount", "price"),
        ("order_id", "order_date", "product_id", "category", "customer_id"),
    ),
    "(SELECT order_id, sum(price) AS goods FROM order_lines GROUP BY order_id)": (("goods",), ("order_id",)),
    "(SELECT order_id, category, sum(price) AS goods FROM order_lines GROUP BY ALL)": (
        ("goods",),
        ("order_id", "category"),
    ),
    "(SELECT DISTINCT order_id, category FROM order_lines)": ((), ("order_id", "category")),
    "(SELECT DISTINCT order_id, total_amount FROM orders_parquet_datalake)": (("total_amount",), ("order_id",)),
    "(SELECT order_id, category, max(total_amount) AS total_amount FROM orders_parquet_datalake GROUP BY 1, 2)": (
        ("total_amount",),
        ("order_id", "category"),
    ),
    "(SELECT * FROM orders_parquet_datalake QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY price) = 1)": (
        ("total_amount", "price"),
        ("order_id", "category"),
    ),
    "(SELECT DISTINCT ON (order_id) order_id, price FROM order_lines ORDER BY price)": (("price",), ("order_id",)),
    "(SELECT order_id, line_number, price, row_number() OVER (PARTITION BY order_id ORDER BY price) AS n "
    "FROM order_lines)": (("price",), ("order_id", "line_number", "n")),
    "(SELECT o.order_id, o.total_amount, l.category, l.line_number FROM orders o LEFT JOIN order_lines l "
    "ON o.order_id = l.order_id)": (("total_amount",), ("order_id", "category", "line_number")),
    "(SELECT order_id, total_amount FROM orders LIMIT 1)": (("total_amount",), ("order_id",)),
}
MARKET = {
    "olist_orders_dataset": ((), ("order_id", "customer_id")),
    "olist_order_items_dataset": (("price", "freight_value"), ("order_id", "order_item_id", "product_id", "seller_id")),
    "olist_order_payments_dataset": (("payment_value",), ("order_id", "payment_sequential", "payment_type")),
    "olist_order_reviews_dataset": ((), ("order_id", "review_id")),
    "(SELECT order_id, sum(payment_value) AS paid FROM olist_order_payments_dataset GROUP BY 1)": (
        ("paid",),
        ("order_id",),
    ),
    "(SELECT order_id, seller_id, sum(price) AS goods FROM olist_order_items_dataset GROUP BY 1, 2)": (
        ("goods",),
        ("order_id", "seller_id"),
    ),
}
NUMBERS = ("line_number", "order_item_id", "payment_sequential", "n")
CONSTANTS = {"category": "'A'", "product_id": "'p1'", "seller_id": "'s1'", "payment_type": "'card'"}
CONSTANTS |= dict.fromkeys(NUMBERS, "1")


@st.composite
def statements(draw: DrawFn) -> str:
    """A sum over one to three sources, joined in all manners."""
    tables = draw(st.sampled_from([SHOP, MARKET]))
    sources = draw(st.lists(st.sampled_from(sorted(tables)), min_size=1, max_size=3))
    alias = [f"t{at}" for at in range(len(sources))]
    measures = [(a, m) for a, s in zip(alias, sources, strict=True) for m in tables[s][0]]
    columns = [(a, c) for a, s in zip(alias, sources, strict=True) for c in tables[s][1]]
    assume(measures)
    where: list[str] = []
    text = f"{sources[0]} AS t0"
    for at in range(1, len(sources)):
        other = draw(st.integers(0, at - 1))
        shared = [c for c in tables[sources[at]][1] if c in tables[sources[other]][1]]
        wanted = ["order_id", *draw(st.lists(st.sampled_from(shared), max_size=2, unique=True))]
        on = " AND ".join(f"t{other}.{c} = t{at}.{c}" for c in dict.fromkeys(wanted))
        how = draw(st.sampled_from(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", ",", "EXISTS", "SEMI JOIN"]))
        if how == "," and " JOIN " not in text:
            text += f", {sources[at]} AS t{at}"
            where.append(on)
        elif how == "EXISTS" or (how == "SEMI JOIN" and at < len(sources) - 1):
            where.append(f"EXISTS (SELECT 1 FROM {sources[at]} AS t{at} WHERE {on})")
            measures = [one for one in measures if one[0] != f"t{at}"]
            columns = [one for one in columns if one[0] != f"t{at}"]
            assume(measures and all(f"t{at}." not in later for later in [text]))
            break
        elif how == "SEMI JOIN":
            text += f" SEMI JOIN {sources[at]} AS t{at} ON {on}"
            measures = [one for one in measures if one[0] != f"t{at}"]
            columns = [one for one in columns if one[0] != f"t{at}"]
        else:
            text += f" {'JOIN' if how == ',' else how} {sources[at]} AS t{at} ON {on}"
    used = [one for one in columns if one[0] in text]
    measures = [one for one in measures if f"AS {one[0]}" in text]
    used = [one for one in columns if f"AS {one[0]}" in text]
    assume(measures)
    pinned = [one for one in used if one[1] in CONSTANTS]
    where += [f"{a}.{c} = {CONSTANTS[c]}" for a, c in draw(st.lists(st.sampled_from(pinned), max_size=2))] if pinned else []
    table, measure = draw(st.sampled_from(measures))
    call = f"sum({table}.{measure})"
    if pinned and draw(st.booleans()):
        a, c = draw(st.sampled_from(pinned))
        call = draw(
            st.sampled_from(
                [
                    f"sum(CASE WHEN {a}.{c} = {CONSTANTS[c]} THEN {table}.{measure} END)",
                    f"sum({table}.{measure}) FILTER (WHERE {a}.{c} = {CONSTANTS[c]})",
                ]
            )
        )
    group = draw(st.lists(st.sampled_from(used), max_size=2, unique=True))
    shown = [f"{a}.{c} AS g{at}" for at, (a, c) in enumerate(group)]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    if draw(st.booleans()):
        return f"SELECT {', '.join([*shown, f'{call} AS x'])} FROM {text}{condition}" + (" GROUP BY ALL" if group else "")
    if "FILTER" in call or "CASE" in call:
        call = f"sum({table}.{measure})"
    inner = ", ".join([*shown, f"{table}.{measure} AS m"])
    groups = "".join(f"g{at}, " for at in range(len(group)))
    tail = " GROUP BY ALL" if group else ""
    if draw(st.booleans()):
        return f"WITH w AS (SELECT {inner} FROM {text}{condition}) SELECT {groups}sum(m) AS x FROM w{tail}"
    return f"SELECT {groups}sum(m) AS x FROM (SELECT {inner} FROM {text}{condition}){tail}"


def asked(sql: str, seed: int, least: int = 0) -> dict[tuple[object, ...], object]:
    """The sum by group."""
    return {row[:-1]: row[-1] for row in small_lake(seed, least).execute(sql).fetchall()}


def doubled(sql: str, seeds: range) -> bool:
    """Whether some row is in a sum more than once."""
    return any(count > 1 for seed in seeds for cell in asked(sql, seed).values() for count in counts(cell))


@settings(max_examples=400, deadline=None)
@given(statements())
def test_where_the_lint_is_silent_nothing_is_counted_twice(sql):
    if not fan_outs(sql, known()):
        assert not doubled(sql, range(4))


@settings(max_examples=300, deadline=None)
@given(statements())
def test_what_is_counted_twice_in_no_lake_is_not_warned_of(sql):
    found = fan_outs(sql, known())
    if found and "LIMIT" not in sql:
        assert doubled(sql, range(24))


@settings(max_examples=300, deadline=None)
@given(statements())
def test_the_statement_proposed_is_silent_and_counts_each_row_once(sql):
    found = fan_outs(sql, known())
    if found and found[0].instead:
        instead = found[0].instead
        assert fan_outs(instead, known()) == []
        for seed in range(3):
            expected = {group: once(cell) for group, cell in asked(sql, seed, least=1).items()}
            assert asked(instead, seed, least=1) == expected, instead


def test_the_oracle_sees_a_fan_out():
    assert doubled("SELECT sum(total_amount) AS x FROM orders_parquet_datalake", range(1))
    with pytest.raises(duckdb.Error):
        asked("SELECT nothing", 0)

"""Statements people write, right and wrong: what the lint says of each, and that what it proposes is right."""

import re
from importlib.resources import files

import pytest
import sqlglot

from orderlake.query.dialect import described
from orderlake.query.grain import fan_outs
from orderlake.query.grain.reading import Reading
from tests.unit.query.grain.lake import known

ITEMS, PAYMENTS = "olist_order_items_dataset", "olist_order_payments_dataset"
REVIEWS, ORDERS = "olist_order_reviews_dataset", "olist_orders_dataset"
CUSTOMERS, PRODUCTS = "olist_customers_dataset", "olist_products_dataset"
GEO = "olist_geolocation_dataset"
WIDE = "orders_parquet_datalake"

WRONG = {
    # the wide table: order totals on product rows
    f"SELECT order_date, SUM(total_amount) AS daily_revenue FROM {WIDE} GROUP BY order_date": "total_amount",
    f"SELECT order_date, COUNT(DISTINCT order_id) AS orders, SUM(total_amount) AS revenue FROM {WIDE} "
    "GROUP BY order_date ORDER BY order_date DESC": "total_amount",
    f"SELECT sum(total_amount) FROM {WIDE}": "total_amount",
    f"SELECT avg(total_amount) FROM {WIDE}": "total_amount",
    f"SELECT mean(total_amount) FROM {WIDE}": "total_amount",
    f"SELECT customer_id, customer_name, count(DISTINCT order_id), sum(total_amount) FROM {WIDE} GROUP BY 1, 2 "
    "ORDER BY 4 DESC LIMIT 10": "total_amount",
    f"SELECT category, sum(total_amount) AS sales FROM {WIDE} GROUP BY category": "total_amount",
    f"SELECT category, sum(total_amount), sum(price * quantity), count(*) FROM {WIDE} GROUP BY ALL": "total_amount",
    f"SELECT sum(total_amount * 1.2) FROM {WIDE}": "total_amount",
    f"SELECT round(sum(coalesce(total_amount, 0)), 2) FROM {WIDE}": "total_amount",
    f"SELECT sum(CASE WHEN order_date >= '2024-01-01' THEN total_amount ELSE 0 END) FROM {WIDE}": "total_amount",
    f"SELECT sum(total_amount + price) FROM {WIDE}": "total_amount",
    f"SELECT sum(total_amount) FILTER (WHERE category = 'Toys') FROM {WIDE}": "total_amount",
    f"SELECT sum(total_amount) FROM {WIDE} WHERE category = 'Toys'": "total_amount",
    f"SELECT order_id, sum(total_amount) OVER (PARTITION BY customer_id) FROM {WIDE}": "total_amount",
    f"SELECT order_date, sum(total_amount) OVER (ORDER BY order_date) FROM {WIDE}": "total_amount",
    f"SELECT customer_id FROM {WIDE} GROUP BY customer_id HAVING sum(total_amount) > 100": "total_amount",
    f"SELECT customer_id FROM {WIDE} GROUP BY customer_id ORDER BY sum(total_amount) DESC": "total_amount",
    f"SELECT (SELECT sum(w.total_amount) FROM {WIDE} w WHERE w.customer_id = o.customer_id) FROM orders o": (
        "total_amount"
    ),
    f"FROM {WIDE} SELECT sum(total_amount)": "total_amount",
    f"SELECT category, sum(total_amount) / count(*) FROM {WIDE} GROUP BY category": "total_amount",
    f"SELECT sum(total_amount ORDER BY price) FROM {WIDE}": "total_amount",
    # DISTINCT is no way out
    f"SELECT sum(DISTINCT total_amount) FROM {WIDE}": "total_amount",
    "SELECT order_date, sum(DISTINCT total_amount) FROM orders GROUP BY 1": "total_amount",
    f"SELECT sum(total_amount) FROM (SELECT DISTINCT order_date, total_amount FROM {WIDE})": "total_amount",
    # an order's total beside its lines
    "SELECT sum(o.total_amount) FROM orders o JOIN order_lines l ON o.order_id = l.order_id": "total_amount",
    "SELECT l.category, sum(o.total_amount) FROM orders o JOIN order_lines l USING (order_id) GROUP BY 1": (
        "total_amount"
    ),
    "SELECT sum(total_amount) FROM orders, order_lines WHERE orders.order_id = order_lines.order_id": "total_amount",
    "SELECT sum(total_amount) FROM orders NATURAL JOIN order_lines": "total_amount",
    "SELECT sum(o.total_amount) FROM order_lines l LEFT JOIN orders o ON l.order_id = o.order_id": "total_amount",
    "SELECT sum(o.total_amount) FROM orders o FULL JOIN order_lines l ON l.order_id = o.order_id": "total_amount",
    "SELECT sum(o.total_amount) FROM orders o CROSS JOIN order_lines l": "total_amount",
    "SELECT o.order_date, sum(o.total_amount), sum(l.price * l.quantity) FROM orders o "
    "JOIN order_lines l USING (order_id) GROUP BY o.order_date": "total_amount",
    "SELECT sum(o.total_amount) FROM orders o, LATERAL (SELECT * FROM order_lines l WHERE l.order_id = o.order_id) x": (
        "total_amount"
    ),
    "SELECT sum(a.price) FROM order_lines a JOIN order_lines b ON a.order_id = b.order_id "
    "AND a.product_id < b.product_id": "price",
    "SELECT sum(o.total_amount) FROM orders o, UNNEST(string_split(o.customer_name, ' ')) AS t(word)": "total_amount",
    # payments, items, reviews: many to many
    f"SELECT sum(payment_value), sum(price) FROM {PAYMENTS} p JOIN {ITEMS} i USING (order_id)": "payment_value price",
    f"SELECT sum(p.payment_value) FROM {ORDERS} o JOIN {PAYMENTS} p USING (order_id) "
    f"JOIN {ITEMS} i USING (order_id)": "payment_value",
    f"SELECT product_category_name, sum(payment_value) FROM {ITEMS} i JOIN {PRODUCTS} USING (product_id) "
    f"JOIN {PAYMENTS} p ON p.order_id = i.order_id GROUP BY 1": "payment_value",
    f"SELECT review_score, sum(price) FROM {ITEMS} JOIN {REVIEWS} USING (order_id) GROUP BY review_score": "price",
    f"SELECT avg(review_score) FROM {REVIEWS} JOIN {ITEMS} USING (order_id)": "review_score",
    f"SELECT avg(product_weight_g) FROM {PRODUCTS} JOIN {ITEMS} i USING (product_id) "
    f"JOIN {PAYMENTS} p ON p.order_id = i.order_id": "product_weight_g",
    f"SELECT geolocation_state, sum(payment_value) FROM {PAYMENTS} JOIN {ORDERS} USING (order_id) "
    f"JOIN {CUSTOMERS} USING (customer_id) JOIN {GEO} ON geolocation_zip_code_prefix = customer_zip_code_prefix "
    "GROUP BY 1": "payment_value",
    # through subqueries, CTEs, unions
    f"WITH t AS (SELECT * FROM {WIDE}) SELECT sum(total_amount) FROM t": "total_amount",
    f"SELECT sum(t) FROM (SELECT order_id, category, max(total_amount) AS t FROM {WIDE} GROUP BY 1, 2)": "t",
    f"SELECT sum(gross) FROM (SELECT total_amount * 1.2 AS gross FROM {WIDE})": "gross",
    "WITH t AS (SELECT o.*, l.category FROM orders o JOIN order_lines l USING (order_id)) "
    "SELECT category, sum(total_amount) FROM t GROUP BY 1": "total_amount",
    "SELECT sum(s.spent) FROM orders JOIN (SELECT customer_id, sum(total_amount) AS spent FROM orders GROUP BY 1) s "
    "USING (customer_id)": "spent",
    f"SELECT sum(total_amount) FROM (SELECT total_amount FROM orders UNION ALL SELECT total_amount FROM {WIDE})": (
        "total_amount"
    ),
    "SELECT sum(total) FROM (SELECT *, sum(price) OVER (PARTITION BY order_id) AS total FROM order_lines)": ("total"),
    # lists in lists
    "SELECT sum(o.total_price) FROM shopify_orders o JOIN shopify_discounts d USING (order_id)": "total_price",
    "SELECT sum(l.price * l.quantity) FROM shopify_line_items l JOIN shopify_discounts d USING (line_item_id)": "price",
    "SELECT avg(l.price) FROM shopify_line_items l JOIN shopify_discounts d USING (line_item_id)": "price",
    "SELECT sum(o.total_amount) FROM orders p LEFT JOIN order_lines l ON p.order_id = 1 "
    "JOIN orders o ON o.order_id = p.customer_id AND l.line_number = 1": "total_amount",
    "SELECT sum(t.amount), sum(l.subtotal) FROM shopify_refund_transactions t JOIN shopify_refund_lines l "
    "USING (refund_id)": "amount subtotal",
}
RIGHT = [
    "SELECT order_date, sum(total_amount) FROM orders GROUP BY order_date",
    f"SELECT count(*), count(DISTINCT order_id) FROM {WIDE}",
    f"SELECT category, sum(price * quantity) FROM {WIDE} GROUP BY category",
    f"SELECT max(total_amount), min(total_amount) FROM {WIDE}",
    f"SELECT order_id, max(total_amount), sum(price) FROM {WIDE} GROUP BY order_id",
    f"SELECT sum(quantity), avg(price) FROM {WIDE}",
    "SELECT sum(l.price * l.quantity) FROM orders o JOIN order_lines l USING (order_id)",
    "SELECT o.customer_id, sum(l.quantity) FROM orders o LEFT JOIN order_lines l ON l.order_id = o.order_id GROUP BY 1",
    # each order once
    f"SELECT sum(total_amount) FROM (SELECT DISTINCT order_id, total_amount FROM {WIDE})",
    f"SELECT sum(total_amount) FROM (SELECT DISTINCT ON (order_id) * FROM {WIDE})",
    f"SELECT sum(t) FROM (SELECT order_id, max(total_amount) AS t FROM {WIDE} GROUP BY order_id)",
    f"SELECT sum(t) FROM (SELECT order_id, total_amount AS t FROM {WIDE} GROUP BY ALL)",
    f"SELECT sum(t) FROM (SELECT order_id, any_value(total_amount) AS t FROM {WIDE} GROUP BY ROLLUP (order_id))",
    f"SELECT sum(total_amount) FROM (SELECT * FROM {WIDE} QUALIFY row_number() OVER (PARTITION BY order_id) = 1)",
    (
        f"SELECT sum(total_amount) FROM (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY price) AS n "
        f"FROM {WIDE}) WHERE n = 1"
    ),
    (
        f"SELECT sum(CASE WHEN n = 1 THEN total_amount END), sum(price) FROM "
        f"(SELECT *, row_number() OVER (PARTITION BY order_id) AS n FROM {WIDE})"
    ),
    (
        f"SELECT sum(total_amount) FILTER (WHERE n <= 1) FROM "
        f"(SELECT *, row_number() OVER (PARTITION BY order_id) AS n FROM {WIDE})"
    ),
    f"SELECT sum(total_amount / lines) FROM (SELECT *, count(*) OVER (PARTITION BY order_id) AS lines FROM {WIDE})",
    (
        f"SELECT sum(w.total_amount / n.lines) FROM {WIDE} w "
        f"JOIN (SELECT order_id, count(*) AS lines FROM {WIDE} GROUP BY 1) n USING (order_id)"
    ),
    (
        f"SELECT sum(total_amount * price / whole) FROM "
        f"(SELECT *, sum(price) OVER (PARTITION BY order_id) AS whole FROM {WIDE})"
    ),
    "SELECT sum(o.total_amount) FROM orders o JOIN order_lines l ON l.order_id = o.order_id AND l.line_number = 1",
    "SELECT sum(o.total_amount) FROM orders o, order_lines l WHERE l.order_id = o.order_id AND l.line_number IN (1)",
    (
        "SELECT sum(CASE WHEN l.line_number = 1 THEN o.total_amount END), sum(l.price) FROM orders o "
        "JOIN order_lines l USING (order_id)"
    ),
    "SELECT order_id, line_number, sum(total_amount) FROM orders JOIN order_lines USING (order_id) GROUP BY 1, 2",
    (
        "SELECT sum(o.total_amount) FROM orders o JOIN order_lines l ON l.order_id = o.order_id "
        "WHERE l.line_number = (SELECT min(x.line_number) FROM order_lines x WHERE x.order_id = l.order_id)"
    ),
    # joins that repeat nothing
    "SELECT sum(total_amount) FROM orders WHERE order_id IN (SELECT order_id FROM order_lines)",
    "SELECT sum(total_amount) FROM orders o WHERE EXISTS (SELECT 1 FROM order_lines l WHERE l.order_id = o.order_id)",
    "SELECT sum(total_amount) FROM orders SEMI JOIN order_lines USING (order_id)",
    "SELECT sum(o.total_amount) FROM orders o ANTI JOIN order_lines l ON l.order_id = o.order_id",
    "SELECT sum(o.total_amount) FROM orders o JOIN (SELECT DISTINCT order_id FROM order_lines) l USING (order_id)",
    (
        "SELECT sum(o.total_amount), sum(l.goods) FROM orders o "
        "LEFT JOIN (SELECT order_id, sum(price * quantity) AS goods FROM order_lines GROUP BY 1) l USING (order_id)"
    ),
    (
        "WITH goods AS (SELECT order_id, sum(price) AS goods FROM order_lines GROUP BY 1) "
        "SELECT sum(total_amount - goods) FROM orders JOIN goods ON goods.order_id = orders.order_id"
    ),
    (
        f"SELECT customer_state, sum(payment_value) FROM {PAYMENTS} JOIN {ORDERS} USING (order_id) "
        f"JOIN {CUSTOMERS} USING (customer_id) GROUP BY 1"
    ),
    (
        f"SELECT sum(i.price + i.freight_value) FROM {ITEMS} i JOIN {ORDERS} o ON o.order_id = i.order_id "
        f"JOIN {PRODUCTS} p ON p.product_id = i.product_id"
    ),
    (
        "SELECT sum(total_amount), d.day FROM generate_series(DATE '2024-01-01', DATE '2024-02-01', INTERVAL 1 DAY) "
        "AS d(day) LEFT JOIN orders o ON o.order_date = d.day GROUP BY d.day"
    ),
    "SELECT sum(total_amount) FROM orders JOIN (VALUES (1, 'a'), (2, 'b')) AS v(customer_id, name) USING (customer_id)",
    "SELECT sum(total_amount) FROM orders, (SELECT max(order_date) AS last FROM orders) WHERE order_date = last",
    "SELECT sum(total_amount) FROM orders CROSS JOIN (SELECT order_id AS x FROM order_lines LIMIT 1)",
    "SELECT word, sum(o.total_amount) FROM orders o, UNNEST(string_split(o.customer_name, ' ')) AS t(word) GROUP BY 1",
    (
        "SELECT sum(x.goods) FROM orders o, LATERAL (SELECT sum(price) AS goods FROM order_lines l "
        "WHERE l.order_id = o.order_id) x"
    ),
    "SELECT sum(x.price) FROM orders o, LATERAL (SELECT * FROM order_lines l WHERE l.order_id = o.order_id) x",
    "SELECT sum(o.total_amount) FROM orders o JOIN orders p ON o.order_id::TEXT = lower(p.order_id::TEXT)",
    (
        "SELECT sum(total_amount) FROM orders ASOF JOIN (SELECT DISTINCT order_date FROM order_lines) d "
        "ON orders.order_date >= d.order_date"
    ),
    (
        f"SELECT sum(i.g), sum(p.v), sum(r.n) FROM (SELECT order_id, sum(price) AS g FROM {ITEMS} GROUP BY 1) i "
        f"FULL JOIN (SELECT order_id, sum(payment_value) AS v FROM {PAYMENTS} GROUP BY 1) p USING (order_id) "
        f"FULL JOIN (SELECT order_id, count(*) AS n FROM {REVIEWS} GROUP BY 1) r "
        "ON r.order_id = coalesce(i.order_id, p.order_id)"
    ),
    (
        "SELECT sum(o.total_amount) FROM orders o JOIN (SELECT order_id FROM order_lines EXCEPT "
        "SELECT order_id FROM order_lines WHERE category = 'Toys') l USING (order_id)"
    ),
    (
        "SELECT sum(o.total_amount) FROM orders o JOIN (SELECT order_id FROM order_lines UNION "
        "SELECT order_id FROM orders) l USING (order_id)"
    ),
    # the mean of equal values is that value
    f"SELECT order_id, avg(total_amount), sum(price), mean(total_amount) FROM {WIDE} GROUP BY order_id",
    f"SELECT order_id, sum(total_amount) / count(*) FROM {WIDE} GROUP BY order_id",
    # what describes many rows is not a total
    f"SELECT avg(product_weight_g), sum(product_photos_qty) FROM {ITEMS} JOIN {PRODUCTS} USING (product_id)",
    "SELECT sum(DISTINCT quantity) FROM order_lines",
    # lists in lists
    "SELECT sum(d.amount) FROM shopify_discounts d JOIN shopify_line_items l USING (line_item_id)",
    "SELECT sum(r.subtotal) FROM shopify_refund_lines r JOIN shopify_line_items l USING (line_item_id)",
    "SELECT sum(l.price * r.quantity) FROM shopify_refund_lines r JOIN shopify_line_items l USING (line_item_id)",
    (
        "SELECT sum(r.subtotal) FROM shopify_refund_lines r JOIN shopify_refunds f USING (refund_id) "
        "JOIN shopify_orders o ON o.order_id = f.order_id"
    ),
    # windows and groups over the right rows
    "SELECT order_date, sum(sum(total_amount)) OVER (ORDER BY order_date) FROM orders GROUP BY order_date",
    f"SELECT order_id, max(total_amount) OVER (PARTITION BY order_id) FROM {WIDE}",
    "SELECT order_id, price / sum(price) OVER (PARTITION BY order_id) FROM order_lines",
    "SELECT avg(days) FROM (SELECT customer_id, count(*) AS days FROM orders GROUP BY 1)",
    "SELECT sum(total_amount) FROM (SELECT total_amount FROM orders UNION ALL SELECT price FROM order_lines)",
    # not known, not read
    "SELECT sum(total_amount) FROM orders JOIN nobody_knows USING (order_id)",
    "SELECT sum(amount) FROM nobody_knows",
    f"SELECT sum(total_amount) FROM {WIDE} PIVOT (sum(price) FOR category IN ('Toys'))",
    f"SELECT sum(total_amount) FROM {WIDE} TABLESAMPLE 10%",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r, orders",
    f"SELECT sum(total_amount FROM {WIDE}",
    f"SELECT sum(total_amount) FROM {WIDE}; SELECT 1",
    f"EXPLAIN SELECT sum(total_amount) FROM {WIDE}",
    f"DELETE FROM {WIDE} WHERE total_amount > (SELECT sum(price) FROM {WIDE})",
    "SELECT sum(total_amount) FROM orders LEFT JOIN 'rates.csv' r ON r.day = orders.order_date",
    "",
]


def declared() -> dict[str, dict[str, str]]:
    return {name: {c: fact.type for c, fact in one.columns.items()} for name, one in known().tables.items()}


@pytest.mark.parametrize(("sql", "columns"), WRONG.items())
def test_a_measure_that_is_counted_more_than_once_is_named(sql, columns):
    assert [one.column for one in fan_outs(sql, known())] == columns.split()


@pytest.mark.parametrize("sql", WRONG)
def test_the_wrong_statements_are_none_that_the_engine_refuses(sql):
    described(sql, declared())


@pytest.mark.parametrize("sql", WRONG)
def test_the_statement_proposed_runs_and_has_nothing_to_be_said_against(sql):
    for one in fan_outs(sql, known()):
        if one.instead:
            assert fan_outs(one.instead, known()) == []
            assert len(described(one.instead, declared())[0]) == len(described(sql, declared())[0])
            assert one.instead in one.message


def test_most_wrong_statements_are_put_right():
    assert sum(bool(fan_outs(sql, known())[0].instead) for sql in WRONG) >= 0.8 * len(WRONG)


@pytest.mark.parametrize("sql", RIGHT)
def test_a_right_statement_is_not_warned_of(sql):
    assert fan_outs(sql, known()) == []


ODD = [
    f"SELECT mean(), sum(DISTINCT), avg(DISTINCT total_amount, 2), sum(*) FROM {WIDE}",
    f"SELECT sum(COLUMNS(*)), * EXCLUDE (price) REPLACE (1 AS quantity) RENAME (category AS kind) FROM {WIDE}",
    f"SELECT sum(x) FROM (SELECT unnest([total_amount, price]) AS x FROM {WIDE})",
    f"SELECT sum(total_amount) FROM {WIDE} AS t(a, b, c), (SELECT 1), (VALUES (1)), range(5), read_csv('x')",
    f"SELECT sum(CASE order_id WHEN 1 THEN total_amount WHEN 2 THEN price END) FROM {WIDE} GROUP BY CUBE (category, 1)",
    f"SELECT sum(if(quantity > 1, total_amount, 0)) FROM {WIDE} GROUP BY GROUPING SETS ((order_id), ()), 99",
    f"SELECT sum(total_amount) OVER w FROM {WIDE} WINDOW w AS (PARTITION BY order_id)",
    f"SELECT sum(total_amount) FROM {WIDE} WHERE (order_id, category) = (1, 'a') AND NOT (price > 2 OR quantity = 1)",
    f"(SELECT sum(total_amount) FROM {WIDE}) UNION BY NAME (FROM {WIDE}) EXCEPT SELECT 2 INTERSECT SELECT 3 LIMIT 1",
    f"PIVOT {WIDE} ON category USING sum(total_amount)",
    f"SELECT sum(total_amount) FROM ({WIDE} JOIN order_lines USING (nope)) AS j POSITIONAL JOIN main.orders",
    "SELECT sum(total_amount) FROM orders o LEFT JOIN LATERAL (SELECT * FROM o LIMIT 1) x ON true",
    f"SELECT (SELECT sum(a.total_amount) FROM {WIDE} a, {WIDE} b WHERE a.x = c.y) FROM orders c HAVING sum(c.z) > 0",
]


@pytest.mark.parametrize("sql", ODD)
def test_odd_statements_are_read_to_the_end(sql):
    Reading(known()).query(sqlglot.parse_one(sql, read="duckdb"), {})


def test_a_tree_of_a_form_that_nobody_thought_of_does_not_keep_a_question_from_its_answer(monkeypatch):
    def read(*_):
        raise IndexError

    monkeypatch.setattr(Reading, "query", read)
    assert fan_outs(next(iter(WRONG)), known()) == []


def test_the_bundled_queries_count_each_row_once():
    queries = [file for group in files("orderlake.queries").iterdir() if group.is_dir() for file in group.iterdir()]
    texts = {file.name: file.read_text("utf-8") for file in queries if file.name.endswith(".sql")}
    assert len(texts) > 20
    bound = {name: re.sub(r"\$\w+", "'2024-01-01'", text) for name, text in texts.items()}
    assert {name: fan_outs(sql, known()) for name, sql in bound.items() if fan_outs(sql, known())} == {}

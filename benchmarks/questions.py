"""What analysts ask of orders and their lines, in SQL that every engine here understands.

Four of the questions that ship with orderlake, over the tables `orders` and `order_lines`.
"""

from __future__ import annotations

QUESTIONS = {
    "sales_by_category": (
        "SELECT category, sum(price * quantity) AS total_sales, count(DISTINCT order_id) AS order_count "
        "FROM order_lines GROUP BY category ORDER BY total_sales DESC, category"
    ),
    "top_customers": (
        "SELECT customer_id, count(*) AS total_orders, sum(total_amount) AS total_spent "
        "FROM orders GROUP BY customer_id ORDER BY total_spent DESC, customer_id LIMIT 10"
    ),
    "product_performance": (
        "SELECT product_id, sum(quantity) AS units_sold, sum(price * quantity) AS revenue "
        "FROM order_lines GROUP BY product_id ORDER BY revenue DESC, product_id LIMIT 20"
    ),
    "daily_orders": (
        "SELECT order_date, count(*) AS order_count, sum(total_amount) AS daily_revenue "
        "FROM orders GROUP BY order_date ORDER BY order_date"
    ),
    "a_week": (
        "SELECT count(*) AS order_count, sum(total_amount) AS revenue FROM orders "
        "WHERE order_date BETWEEN DATE '2025-05-05' AND DATE '2025-05-11'"
    ),
}


def told(rows: list[list[object]]) -> list[list[str]]:
    """Make answers of different engines comparable: amounts to the cent, days as text."""
    return [[_text(value) for value in row] for row in rows]


def _text(value: object) -> str:
    if value is None:
        return "null"
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)[:10] if hasattr(value, "year") else str(value)
    return str(int(number)) if number == int(number) else f"{number:.2f}"

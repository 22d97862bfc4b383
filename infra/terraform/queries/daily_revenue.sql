-- Revenue by day. From `orders`, where each total stands once: over `order_lines` it would count once per product.
SELECT order_date, count(*) AS orders, sum(total_amount) AS revenue
FROM orders
GROUP BY order_date
ORDER BY order_date DESC
LIMIT 90

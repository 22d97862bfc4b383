-- title: Basket size
-- question: How many pieces does an order have, and what is such an order worth?
-- grain: one row per number of pieces
-- note: Pieces are summed per order before they meet the orders, so that each total counts once.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar pieces order_count
WITH baskets AS (
  SELECT order_id, sum(quantity) AS pieces
  FROM order_lines
  GROUP BY order_id
)
SELECT
  CAST(coalesce(baskets.pieces, 0) AS BIGINT) AS pieces,
  count(*) AS order_count,
  CAST(round(1000 * count(*) / sum(count(*)) OVER ()) / 10 AS DECIMAL(5, 1)) AS order_pct,
  coalesce(sum(orders.total_amount), 0) AS revenue,
  CAST(round(sum(orders.total_amount) * 100 / count(orders.total_amount)) / 100 AS DECIMAL(18, 2)) AS avg_order
FROM orders
LEFT JOIN baskets ON baskets.order_id = orders.order_id
WHERE orders.order_date BETWEEN $start AND $until
GROUP BY 1
ORDER BY 1

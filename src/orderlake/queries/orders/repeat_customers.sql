-- title: Repeat customers
-- question: How many customers come back, how often, and what are they worth?
-- grain: one row per number of orders that a customer placed
-- note: Orders without a customer are left out.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar orders_placed customers
WITH customers AS (
  SELECT customer_id, count(*) AS orders_placed, coalesce(sum(total_amount), 0) AS spent
  FROM orders
  WHERE customer_id IS NOT NULL AND order_date BETWEEN $start AND $until
  GROUP BY customer_id
)
SELECT
  orders_placed,
  count(*) AS customers,
  CAST(round(1000 * count(*) / sum(count(*)) OVER ()) / 10 AS DECIMAL(5, 1)) AS customer_pct,
  sum(spent) AS revenue,
  CAST(round(sum(spent) * 100 / count(*)) / 100 AS DECIMAL(18, 2)) AS avg_spent
FROM customers
GROUP BY orders_placed
ORDER BY orders_placed

-- title: Top customers
-- question: Who spent the most, and over how many orders?
-- grain: one row per customer
-- note: Spent is the total of the orders themselves. The name is that on the newest of these orders; orders without a
--   customer are left out.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 20  How many customers
-- chart: bar customer_name total_spent
WITH placed AS (
  SELECT
    customer_id,
    customer_name,
    total_amount,
    row_number() OVER (PARTITION BY customer_id ORDER BY order_date DESC, order_id DESC) AS newest_first
  FROM orders
  WHERE customer_id IS NOT NULL AND order_date BETWEEN $start AND $until
)
SELECT
  customer_id,
  max(CASE WHEN newest_first = 1 THEN customer_name END) AS customer_name,
  count(*) AS total_orders,
  coalesce(sum(total_amount), 0) AS total_spent
FROM placed
GROUP BY customer_id
ORDER BY total_spent DESC, customer_id
LIMIT $limit

-- title: Quality of the data (orders)
-- question: What in the tables does not add up, is missing, or has no counterpart?
-- grain: one row per check
-- note: Nothing is mended here, and none of it kept a record from being loaded: sums of a shop's own figures may differ
--   for good reasons. Those that do not match are few in good data.
-- chart: bar check_name failing
WITH sums AS (
  SELECT order_id, sum(price * quantity) AS amount
  FROM order_lines
  GROUP BY order_id
),
headed AS (
  SELECT orders.order_id, orders.total_amount, sums.order_id AS with_lines, coalesce(sums.amount, 0) AS amount
  FROM orders
  LEFT JOIN sums ON sums.order_id = orders.order_id
),
lines AS (
  SELECT order_lines.*, orders.order_id AS with_order
  FROM order_lines
  LEFT JOIN orders ON orders.order_id = order_lines.order_id
),
checks AS (
  SELECT
    'order total is not the sum of its lines' AS check_name,
    count(CASE WHEN total_amount <> amount THEN 1 END) AS failing,
    count(*) AS total
  FROM headed
  UNION ALL
  SELECT
    'order without lines',
    count(CASE WHEN with_lines IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order without a total',
    count(CASE WHEN total_amount IS NULL THEN 1 END),
    count(*)
  FROM orders
  UNION ALL
  SELECT
    'order total below zero',
    count(CASE WHEN total_amount < 0 THEN 1 END),
    count(*)
  FROM orders
  UNION ALL
  SELECT
    'order without a customer',
    count(CASE WHEN customer_id IS NULL THEN 1 END),
    count(*)
  FROM orders
  UNION ALL
  SELECT
    'order without an e-mail address',
    count(CASE WHEN coalesce(email, '') = '' THEN 1 END),
    count(*)
  FROM orders
  UNION ALL
  SELECT
    'line without its order',
    count(CASE WHEN with_order IS NULL THEN 1 END),
    count(*)
  FROM lines
  UNION ALL
  SELECT
    'line without a price',
    count(CASE WHEN price IS NULL THEN 1 END),
    count(*)
  FROM order_lines
  UNION ALL
  SELECT
    'line without a quantity above zero',
    count(CASE WHEN coalesce(quantity, 0) <= 0 THEN 1 END),
    count(*)
  FROM order_lines
  UNION ALL
  SELECT
    'line without a category',
    count(CASE WHEN coalesce(category, '') = '' THEN 1 END),
    count(*)
  FROM order_lines
)
SELECT
  check_name,
  failing,
  total,
  CAST(round(1000 * failing / nullif(total, 0)) / 10 AS DECIMAL(5, 1)) AS pct
FROM checks
ORDER BY failing DESC, check_name

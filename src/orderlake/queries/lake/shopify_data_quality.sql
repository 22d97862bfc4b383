-- title: Quality of the data (shopify)
-- question: What in the tables does not add up, is missing, or has no counterpart?
-- grain: one row per check
-- note: Nothing is mended here, and none of it kept a record from being loaded: sums of a shop's own figures may differ
--   for good reasons. Those that do not match are few in good data.
-- chart: bar check_name failing
WITH sums AS (
  SELECT order_id, sum(price * quantity) AS gross
  FROM shopify_line_items
  GROUP BY order_id
),
discounted AS (
  SELECT order_id, sum(amount) AS discounts
  FROM shopify_discounts
  GROUP BY order_id
),
shipped AS (
  SELECT order_id, sum(price - discounted_price) AS discounts
  FROM shopify_shipping_lines
  GROUP BY order_id
),
returned AS (
  SELECT order_id, sum(subtotal) AS subtotal
  FROM shopify_refund_lines
  GROUP BY order_id
),
repaid AS (
  SELECT order_id, sum(amount) AS amount
  FROM shopify_refund_transactions
  WHERE kind = 'refund' AND status = 'success'
  GROUP BY order_id
),
headed AS (
  SELECT
    orders.customer_id,
    orders.total_line_items_price,
    orders.total_discounts,
    orders.subtotal_price,
    orders.current_subtotal_price,
    orders.total_price,
    orders.current_total_price,
    sums.order_id AS with_lines,
    coalesce(sums.gross, 0) AS gross,
    coalesce(discounted.discounts, 0) AS discounts,
    coalesce(discounted.discounts, 0) + coalesce(shipped.discounts, 0) AS all_discounts,
    coalesce(returned.subtotal, 0) AS returned,
    coalesce(repaid.amount, 0) AS repaid,
    coalesce(orders.total_shipping, 0)
      + CASE WHEN coalesce(orders.taxes_included, false) THEN 0 ELSE coalesce(orders.total_tax, 0) END AS added
  FROM shopify_orders AS orders
  LEFT JOIN sums ON sums.order_id = orders.order_id
  LEFT JOIN discounted ON discounted.order_id = orders.order_id
  LEFT JOIN shipped ON shipped.order_id = orders.order_id
  LEFT JOIN returned ON returned.order_id = orders.order_id
  LEFT JOIN repaid ON repaid.order_id = orders.order_id
),
lines AS (
  SELECT orders.order_id AS with_order, lines.price, lines.quantity
  FROM shopify_line_items AS lines
  LEFT JOIN shopify_orders AS orders ON orders.order_id = lines.order_id
),
checks AS (
  SELECT
    'gross is not the sum of the lines' AS check_name,
    count(CASE WHEN total_line_items_price <> gross THEN 1 END) AS failing,
    count(*) AS total
  FROM headed
  UNION ALL
  SELECT
    'discounts are not those of lines and shipping',
    count(CASE WHEN total_discounts <> all_discounts THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'subtotal is not gross less discounts',
    count(CASE WHEN subtotal_price <> gross - discounts THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'total is not subtotal, tax and shipping',
    count(CASE WHEN total_price <> subtotal_price + added THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'current subtotal is not what refunds leave',
    count(CASE WHEN current_subtotal_price <> subtotal_price - returned THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'current total is not what repayments leave',
    count(CASE WHEN current_total_price <> total_price - repaid THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order without lines',
    count(CASE WHEN with_lines IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order without a customer',
    count(CASE WHEN customer_id IS NULL THEN 1 END),
    count(*)
  FROM headed
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
  FROM lines
  UNION ALL
  SELECT
    'line without a quantity above zero',
    count(CASE WHEN coalesce(quantity, 0) <= 0 THEN 1 END),
    count(*)
  FROM lines
)
SELECT
  check_name,
  failing,
  total,
  CAST(round(1000 * failing / nullif(total, 0)) / 10 AS DECIMAL(5, 1)) AS pct
FROM checks
ORDER BY failing DESC, check_name

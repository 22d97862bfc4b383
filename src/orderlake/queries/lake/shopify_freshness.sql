-- title: How fresh the data is (shopify)
-- question: What is the newest business day in each table, and how long ago is it?
-- grain: one row per table
-- note: The business day is that of the order, in the shop's time; of refunds that of the refund.
-- parameter: as_of date = today  The day to count back from
-- chart: bar table_name days_behind
WITH tables AS (
  SELECT 'shopify_orders' AS table_name, count(*) AS row_count, max(order_date) AS newest
  FROM shopify_orders
  UNION ALL
  SELECT 'shopify_line_items', count(*), max(order_date)
  FROM shopify_line_items
  UNION ALL
  SELECT 'shopify_discounts', count(*), max(order_date)
  FROM shopify_discounts
  UNION ALL
  SELECT 'shopify_shipping_lines', count(*), max(order_date)
  FROM shopify_shipping_lines
  UNION ALL
  SELECT 'shopify_refunds', count(*), max(refund_date)
  FROM shopify_refunds
)
SELECT
  table_name,
  row_count,
  newest,
  date_diff('day', newest, $as_of) AS days_behind
FROM tables
ORDER BY table_name

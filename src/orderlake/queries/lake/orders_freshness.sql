-- title: How fresh the data is (orders)
-- question: What is the newest business day in each table, and how long ago is it?
-- grain: one row per table
-- note: The business day is that of the order.
-- parameter: as_of date = today  The day to count back from
-- chart: bar table_name days_behind
WITH tables AS (
  SELECT 'orders' AS table_name, count(*) AS row_count, max(order_date) AS newest
  FROM orders
  UNION ALL
  SELECT 'order_lines', count(*), max(order_date)
  FROM order_lines
)
SELECT
  table_name,
  row_count,
  newest,
  date_diff('day', newest, $as_of) AS days_behind
FROM tables
ORDER BY table_name

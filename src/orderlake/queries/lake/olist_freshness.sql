-- title: How fresh the data is (olist)
-- question: What is the newest business day in each table, and how long ago is it?
-- grain: one row per table
-- note: Days of purchase, of review, and the last day to ship, which may lie ahead and is then less
--   than no days behind. The other tables have no day.
-- parameter: as_of date = today  The day to count back from
-- chart: bar table_name days_behind
WITH tables AS (
  SELECT
    'olist_orders_dataset' AS table_name,
    count(*) AS row_count,
    CAST(max(order_purchase_timestamp) AS DATE) AS newest
  FROM olist_orders_dataset
  UNION ALL
  SELECT 'olist_order_reviews_dataset', count(*), max(review_creation_date)
  FROM olist_order_reviews_dataset
  UNION ALL
  SELECT 'olist_order_items_dataset', count(*), CAST(max(shipping_limit_date) AS DATE)
  FROM olist_order_items_dataset
)
SELECT
  table_name,
  row_count,
  newest,
  date_diff('day', newest, $as_of) AS days_behind
FROM tables
ORDER BY table_name

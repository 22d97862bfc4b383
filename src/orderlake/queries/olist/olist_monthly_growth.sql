-- title: Monthly growth (Olist)
-- question: How do orders and revenue develop from month to month?
-- grain: one row per month of purchase
-- note: Revenue is the items' price; freight stands apart. Canceled and unavailable orders are left out. Growth is
--   against the calendar month before, and unknown where that has no orders.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: line month revenue
WITH sold AS (
  SELECT order_id, sum(price) AS revenue, sum(freight_value) AS freight
  FROM olist_order_items_dataset
  GROUP BY order_id
),
months AS (
  SELECT
    CAST(date_trunc('month', CAST(orders.order_purchase_timestamp AS DATE)) AS DATE) AS month,
    count(*) AS order_count,
    coalesce(sum(sold.revenue), 0) AS revenue,
    coalesce(sum(sold.freight), 0) AS freight
  FROM olist_orders_dataset AS orders
  LEFT JOIN sold ON sold.order_id = orders.order_id
  WHERE
    coalesce(orders.order_status, '') NOT IN ('canceled', 'unavailable')
    AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
  GROUP BY 1
)
SELECT
  months.month,
  months.order_count,
  months.revenue,
  months.freight,
  before.revenue AS previous_revenue,
  CAST(round(1000 * (months.revenue - before.revenue) / nullif(before.revenue, 0)) / 10 AS DECIMAL(18, 1)) AS growth_pct
FROM months
LEFT JOIN months AS before ON before.month = months.month - INTERVAL 1 MONTH
ORDER BY months.month

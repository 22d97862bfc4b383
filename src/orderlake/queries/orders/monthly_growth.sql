-- title: Monthly growth
-- question: How do orders and revenue develop from month to month?
-- grain: one row per month with orders
-- note: Growth is against the calendar month before, and unknown where that has no orders. Revenue is the
--   orders' own total.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: line month revenue
WITH months AS (
  SELECT
    CAST(date_trunc('month', order_date) AS DATE) AS month,
    count(*) AS order_count,
    coalesce(sum(total_amount), 0) AS revenue
  FROM orders
  WHERE order_date BETWEEN $start AND $until
  GROUP BY 1
)
SELECT
  months.month,
  months.order_count,
  months.revenue,
  before.revenue AS previous_revenue,
  CAST(round(1000 * (months.revenue - before.revenue) / nullif(before.revenue, 0)) / 10 AS DECIMAL(18, 1)) AS growth_pct
FROM months
LEFT JOIN months AS before ON before.month = months.month - INTERVAL 1 MONTH
ORDER BY months.month

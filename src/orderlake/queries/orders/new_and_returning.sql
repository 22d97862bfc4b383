-- title: New and returning customers
-- question: How many customers of each month had ordered before?
-- grain: one row per month with orders
-- note: A customer is new in the month of the first order ever, and returning in every later one. Orders without a
--   customer are left out.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: stacked month new_customers returning_customers
WITH placed AS (
  SELECT
    customer_id,
    order_date,
    total_amount,
    CAST(date_trunc('month', order_date) AS DATE) AS month,
    CAST(date_trunc('month', min(order_date) OVER (PARTITION BY customer_id)) AS DATE) AS first_month
  FROM orders
  WHERE customer_id IS NOT NULL
)
SELECT
  month,
  count(DISTINCT CASE WHEN month = first_month THEN customer_id END) AS new_customers,
  count(DISTINCT CASE WHEN month > first_month THEN customer_id END) AS returning_customers,
  coalesce(sum(CASE WHEN month = first_month THEN total_amount END), 0) AS new_revenue,
  coalesce(sum(CASE WHEN month > first_month THEN total_amount END), 0) AS returning_revenue
FROM placed
WHERE order_date BETWEEN $start AND $until
GROUP BY month
ORDER BY month

-- title: Customer cohorts
-- question: Of the customers who first ordered in a month, how many order again so many months later?
-- grain: one row per month of first order and months since
-- note: Months in which nobody of a cohort ordered have no row. Orders without a customer are left out.
-- parameter: start date = 2000-01-01  Cohorts whose month begins on this day or later
-- parameter: until date = 2100-01-01  Cohorts whose month begins on this day or before
-- chart: table cohort_month retained_pct
WITH firsts AS (
  SELECT customer_id, CAST(date_trunc('month', min(order_date)) AS DATE) AS cohort_month
  FROM orders
  WHERE customer_id IS NOT NULL
  GROUP BY customer_id
),
sizes AS (
  SELECT cohort_month, count(*) AS cohort_size
  FROM firsts
  GROUP BY cohort_month
),
active AS (
  SELECT
    firsts.cohort_month,
    date_diff('month', firsts.cohort_month, orders.order_date) AS months_since,
    count(DISTINCT orders.customer_id) AS customers,
    count(*) AS order_count,
    coalesce(sum(orders.total_amount), 0) AS revenue
  FROM orders
  JOIN firsts ON firsts.customer_id = orders.customer_id
  GROUP BY 1, 2
)
SELECT
  active.cohort_month,
  active.months_since,
  sizes.cohort_size,
  active.customers,
  CAST(round(1000 * active.customers / sizes.cohort_size) / 10 AS DECIMAL(5, 1)) AS retained_pct,
  active.order_count,
  active.revenue
FROM active
JOIN sizes ON sizes.cohort_month = active.cohort_month
WHERE active.cohort_month BETWEEN $start AND $until
ORDER BY active.cohort_month, active.months_since

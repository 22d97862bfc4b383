-- title: Orders per day
-- question: How many orders came each day, and what did they bring in?
-- grain: one row per day with orders
-- note: Revenue is the orders' own total, once per order, however many lines an order has.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: line order_date daily_revenue
SELECT
  order_date,
  count(*) AS order_count,
  coalesce(sum(total_amount), 0) AS daily_revenue
FROM orders
WHERE order_date BETWEEN $start AND $until
GROUP BY order_date
ORDER BY order_date

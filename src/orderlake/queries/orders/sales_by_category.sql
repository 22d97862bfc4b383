-- title: Sales by category
-- question: What does each category bring in?
-- grain: one row per category
-- note: Sales are price times quantity of the lines; an order with lines of two categories counts in both.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar category total_sales
SELECT
  coalesce(category, '(none)') AS category,
  coalesce(sum(price * quantity), 0) AS total_sales,
  count(DISTINCT order_id) AS order_count
FROM order_lines
WHERE order_date BETWEEN $start AND $until
GROUP BY 1
ORDER BY total_sales DESC, category

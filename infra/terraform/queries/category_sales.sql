-- Units and sales by product category, from the lines of the orders of the last 90 days that there are.
SELECT category, sum(quantity) AS units, sum(price * quantity) AS sales
FROM order_lines
WHERE order_date > (SELECT max(order_date) FROM order_lines) - INTERVAL '90' DAY
GROUP BY category
ORDER BY sales DESC

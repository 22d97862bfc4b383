-- title: Product performance
-- question: Which products sell, at what price, and what do they bring in?
-- grain: one row per product name and category
-- note: The average price is per unit sold. Lines without a price count as units and bring in nothing.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 100  How many products
-- chart: bar product_name revenue
SELECT
  coalesce(product_name, '(none)') AS product_name,
  coalesce(category, '(none)') AS category,
  CAST(coalesce(sum(quantity), 0) AS BIGINT) AS units_sold,
  CAST(
    round(sum(price * quantity) * 100 / nullif(sum(CASE WHEN price IS NOT NULL THEN quantity END), 0)) / 100
    AS DECIMAL(18, 2)
  ) AS avg_price,
  coalesce(sum(price * quantity), 0) AS revenue
FROM order_lines
WHERE order_date BETWEEN $start AND $until
GROUP BY 1, 2
ORDER BY revenue DESC, product_name, category
LIMIT $limit

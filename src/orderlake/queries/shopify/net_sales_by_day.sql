-- title: Net sales per day
-- question: What is left of each day's sales after discounts and refunds?
-- grain: one row per day and currency
-- note: gross_sales - discounts - refunds = net_sales, goods only: shipping stands in none of them. Refunds count on
--   the day of their order, so that past days change when goods come back. Test orders and voided
--   ones are left out. Where a shop's prices include tax, so do these figures.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: line order_date net_sales
WITH refunded AS (
  SELECT order_id, sum(subtotal) AS refunds
  FROM shopify_refund_lines
  GROUP BY order_id
),
sales AS (
  SELECT
    orders.order_date AS order_date,
    orders.currency,
    count(*) AS order_count,
    coalesce(sum(orders.total_line_items_price), 0) AS gross_sales,
    coalesce(sum(orders.total_line_items_price - orders.subtotal_price), 0) AS discounts,
    coalesce(sum(refunded.refunds), 0) AS refunds
  FROM shopify_orders AS orders
  LEFT JOIN refunded ON refunded.order_id = orders.order_id
  WHERE
    NOT coalesce(orders.test, false)
    AND coalesce(orders.financial_status, '') <> 'voided'
    AND orders.order_date BETWEEN $start AND $until
  GROUP BY 1, 2
)
SELECT
  order_date,
  currency,
  order_count,
  gross_sales,
  discounts,
  refunds,
  gross_sales - discounts - refunds AS net_sales
FROM sales
ORDER BY order_date, currency

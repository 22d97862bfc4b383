-- title: Top products
-- question: Which products bring in the most once discounts and returns are off?
-- grain: one row per product, title and currency
-- note: gross_sales - discounts - refunds = net_sales. Test orders and voided ones are left out. Where a shop's
--   prices include tax, so do these figures.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 50  How many products
-- chart: bar title net_sales
WITH discounted AS (
  SELECT order_id, line_item_id, sum(amount) AS discounts
  FROM shopify_discounts
  GROUP BY order_id, line_item_id
),
refunded AS (
  SELECT order_id, line_item_id, sum(quantity) AS pieces, sum(subtotal) AS refunds
  FROM shopify_refund_lines
  GROUP BY order_id, line_item_id
),
sales AS (
  SELECT
    lines.product_id,
    lines.title,
    orders.currency,
    CAST(coalesce(sum(lines.quantity), 0) AS BIGINT) AS units_sold,
    CAST(coalesce(sum(refunded.pieces), 0) AS BIGINT) AS units_returned,
    coalesce(sum(lines.price * lines.quantity), 0) AS gross_sales,
    coalesce(sum(discounted.discounts), 0) AS discounts,
    coalesce(sum(refunded.refunds), 0) AS refunds
  FROM shopify_line_items AS lines
  JOIN shopify_orders AS orders ON orders.order_id = lines.order_id
  LEFT JOIN discounted ON discounted.order_id = lines.order_id AND discounted.line_item_id = lines.line_item_id
  LEFT JOIN refunded ON refunded.order_id = lines.order_id AND refunded.line_item_id = lines.line_item_id
  WHERE
    NOT coalesce(orders.test, false)
    AND coalesce(orders.financial_status, '') <> 'voided'
    AND orders.order_date BETWEEN $start AND $until
  GROUP BY lines.product_id, lines.title, orders.currency
)
SELECT
  product_id,
  title,
  currency,
  units_sold,
  units_returned,
  gross_sales,
  discounts,
  refunds,
  gross_sales - discounts - refunds AS net_sales
FROM sales
ORDER BY net_sales DESC, product_id, title, currency
LIMIT $limit

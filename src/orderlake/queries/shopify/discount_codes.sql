-- title: Discount codes
-- question: What does each code take off, and of what?
-- grain: one row per code and currency
-- note: What was taken off goods; codes that only lower shipping are not here. Discounts without a code are named by
--   their kind, in brackets. An order with two codes counts for both. Test orders and voided ones are left out.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar code discounts
WITH taken AS (
  SELECT order_id, application_index + 1 AS application_number, sum(amount) AS amount
  FROM shopify_discounts
  GROUP BY 1, 2
),
given AS (
  SELECT
    taken.order_id,
    coalesce(applications.code, '(' || applications.type || ')', '(none)') AS code,
    sum(taken.amount) AS amount
  FROM taken
  LEFT JOIN shopify_discount_applications AS applications
    ON applications.order_id = taken.order_id AND applications.application_number = taken.application_number
  GROUP BY 1, 2
)
SELECT
  given.code,
  orders.currency,
  count(*) AS order_count,
  coalesce(sum(given.amount), 0) AS discounts,
  coalesce(sum(orders.total_line_items_price), 0) AS gross_sales,
  CAST(
    round(1000 * coalesce(sum(given.amount), 0) / nullif(sum(orders.total_line_items_price), 0)) / 10
    AS DECIMAL(18, 1)
  ) AS discount_pct
FROM given
JOIN shopify_orders AS orders ON orders.order_id = given.order_id
WHERE
  NOT coalesce(orders.test, false)
  AND coalesce(orders.financial_status, '') <> 'voided'
  AND orders.order_date BETWEEN $start AND $until
GROUP BY given.code, orders.currency
ORDER BY discounts DESC, given.code, orders.currency

-- title: Delivery time by state
-- question: How long do orders take to each state, and how often are they late?
-- grain: one row per state of the customer
-- note: Days are calendar days from purchase to delivery, of delivered orders.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar state avg_days
WITH delivered AS (
  SELECT
    coalesce(customers.customer_state, '(none)') AS state,
    date_diff('day', CAST(orders.order_purchase_timestamp AS DATE), CAST(orders.order_delivered_customer_date AS DATE))
      AS days,
    date_diff('day', CAST(orders.order_purchase_timestamp AS DATE), orders.order_estimated_delivery_date) AS promised,
    CASE
      WHEN CAST(orders.order_delivered_customer_date AS DATE) > orders.order_estimated_delivery_date THEN 1
      ELSE 0
    END AS late
  FROM olist_orders_dataset AS orders
  LEFT JOIN olist_customers_dataset AS customers ON customers.customer_id = orders.customer_id
  WHERE
    orders.order_status = 'delivered'
    AND orders.order_delivered_customer_date IS NOT NULL
    AND orders.order_estimated_delivery_date IS NOT NULL
    AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
)
SELECT
  state,
  count(*) AS orders,
  CAST(round(10 * sum(days) / count(*)) / 10 AS DECIMAL(9, 1)) AS avg_days,
  max(days) AS longest_days,
  CAST(round(10 * sum(promised) / count(*)) / 10 AS DECIMAL(9, 1)) AS avg_promised_days,
  CAST(round(1000 * sum(late) / count(*)) / 10 AS DECIMAL(5, 1)) AS late_pct
FROM delivered
GROUP BY state
ORDER BY avg_days DESC, state

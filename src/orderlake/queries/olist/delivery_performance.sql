-- title: Delivery performance
-- question: How many orders arrive by the day that was promised?
-- grain: one row per status, On Time and Late
-- note: Of delivered orders, by day of purchase. One that arrives on the promised day is on time, at whatever hour.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar status orders
WITH delivered AS (
  SELECT
    CASE
      WHEN CAST(order_delivered_customer_date AS DATE) <= order_estimated_delivery_date THEN 'On Time'
      ELSE 'Late'
    END AS status
  FROM olist_orders_dataset
  WHERE
    order_status = 'delivered'
    AND order_delivered_customer_date IS NOT NULL
    AND order_estimated_delivery_date IS NOT NULL
    AND CAST(order_purchase_timestamp AS DATE) BETWEEN $start AND $until
)
SELECT
  status,
  count(*) AS orders,
  CAST(round(1000 * count(*) / sum(count(*)) OVER ()) / 10 AS DECIMAL(5, 1)) AS pct
FROM delivered
GROUP BY status
ORDER BY status DESC

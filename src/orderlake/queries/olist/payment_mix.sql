-- title: Payment mix
-- question: How do customers pay, and in how many instalments?
-- grain: one row per way of payment
-- note: All payments, whatever became of their order; an order that was paid in two ways counts in both.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar payment_type value
SELECT
  coalesce(payments.payment_type, '(none)') AS payment_type,
  count(*) AS payments,
  count(DISTINCT payments.order_id) AS orders,
  coalesce(sum(payments.payment_value), 0) AS value,
  CAST(
    round(1000 * coalesce(sum(payments.payment_value), 0) / nullif(sum(sum(payments.payment_value)) OVER (), 0)) / 10
    AS DECIMAL(5, 1)
  ) AS value_pct,
  CAST(round(10 * sum(payments.payment_installments) / count(payments.payment_installments)) / 10 AS DECIMAL(9, 1))
    AS avg_installments
FROM olist_order_payments_dataset AS payments
JOIN olist_orders_dataset AS orders ON orders.order_id = payments.order_id
WHERE CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
GROUP BY 1
ORDER BY value DESC, payment_type

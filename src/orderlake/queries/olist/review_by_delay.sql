-- title: Reviews by delay
-- question: Does a late parcel cost stars?
-- grain: one row per class of delay
-- note: Delay is in calendar days after the promised one, of delivered orders. Each review counts, also a second one of
--   an order.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar delay avg_score
WITH reviewed AS (
  SELECT
    orders.order_id,
    date_diff('day', orders.order_estimated_delivery_date, CAST(orders.order_delivered_customer_date AS DATE)) AS late,
    reviews.review_score
  FROM olist_order_reviews_dataset AS reviews
  JOIN olist_orders_dataset AS orders ON orders.order_id = reviews.order_id
  WHERE
    reviews.review_score IS NOT NULL
    AND orders.order_status = 'delivered'
    AND orders.order_delivered_customer_date IS NOT NULL
    AND orders.order_estimated_delivery_date IS NOT NULL
    AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
)
SELECT
  CASE
    WHEN late < -7 THEN 'more than 7 days early'
    WHEN late < 0 THEN '1 to 7 days early'
    WHEN late = 0 THEN 'on the day'
    WHEN late <= 3 THEN '1 to 3 days late'
    WHEN late <= 7 THEN '4 to 7 days late'
    ELSE 'more than 7 days late'
  END AS delay,
  count(DISTINCT order_id) AS orders,
  count(*) AS reviews,
  CAST(round(100 * sum(review_score) / count(*)) / 100 AS DECIMAL(4, 2)) AS avg_score,
  CAST(round(1000 * sum(CASE WHEN review_score = 1 THEN 1 ELSE 0 END) / count(*)) / 10 AS DECIMAL(5, 1)) AS one_star_pct
FROM reviewed
GROUP BY 1
ORDER BY min(late)

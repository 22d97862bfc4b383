-- title: Seller ranking
-- question: Which sellers bring in the most, and how are their orders reviewed?
-- grain: one row per seller with sales
-- note: Revenue is the items' price. Canceled and unavailable orders are left out. A review is of an order, so it
--   counts for each seller of that order, once.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 50  How many sellers
-- chart: bar seller_id revenue
WITH sold AS (
  SELECT
    items.seller_id,
    items.order_id,
    count(*) AS items,
    coalesce(sum(items.price), 0) AS revenue
  FROM olist_order_items_dataset AS items
  JOIN olist_orders_dataset AS orders ON orders.order_id = items.order_id
  WHERE
    coalesce(orders.order_status, '') NOT IN ('canceled', 'unavailable')
    AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
  GROUP BY items.seller_id, items.order_id
),
reviewed AS (
  SELECT order_id, sum(review_score) AS score, count(review_score) AS reviews
  FROM olist_order_reviews_dataset
  GROUP BY order_id
),
ranked AS (
  SELECT
    sold.seller_id,
    count(*) AS orders,
    CAST(sum(sold.items) AS BIGINT) AS items,
    sum(sold.revenue) AS revenue,
    CAST(coalesce(sum(reviewed.reviews), 0) AS BIGINT) AS reviews,
    CAST(round(100 * sum(reviewed.score) / nullif(sum(reviewed.reviews), 0)) / 100 AS DECIMAL(4, 2)) AS avg_score
  FROM sold
  LEFT JOIN reviewed ON reviewed.order_id = sold.order_id
  GROUP BY sold.seller_id
)
SELECT
  rank() OVER (ORDER BY ranked.revenue DESC) AS place,
  ranked.seller_id,
  sellers.seller_city,
  sellers.seller_state,
  ranked.orders,
  ranked.items,
  ranked.revenue,
  ranked.reviews,
  ranked.avg_score
FROM ranked
LEFT JOIN olist_sellers_dataset AS sellers ON sellers.seller_id = ranked.seller_id
ORDER BY place, ranked.seller_id
LIMIT $limit

-- title: Top customers (Olist)
-- question: Who spent the most, and over how many orders?
-- grain: one row per person (customer_unique_id)
-- note: Spent is price and freight of the items. A person has another customer_id with each order. The place is that of
--   the newest of these orders. Canceled and unavailable orders are left out.
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 20  How many customers
-- chart: bar customer_unique_id total_spent
WITH sold AS (
  SELECT order_id, sum(price + freight_value) AS spent
  FROM olist_order_items_dataset
  GROUP BY order_id
),
placed AS (
  SELECT
    customers.customer_unique_id,
    customers.customer_city,
    customers.customer_state,
    sold.spent,
    row_number() OVER (
      PARTITION BY customers.customer_unique_id
      ORDER BY orders.order_purchase_timestamp DESC, orders.order_id DESC
    ) AS newest_first
  FROM olist_orders_dataset AS orders
  JOIN olist_customers_dataset AS customers ON customers.customer_id = orders.customer_id
  LEFT JOIN sold ON sold.order_id = orders.order_id
  WHERE
    coalesce(orders.order_status, '') NOT IN ('canceled', 'unavailable')
    AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
)
SELECT
  customer_unique_id,
  max(CASE WHEN newest_first = 1 THEN customer_city END) AS city,
  max(CASE WHEN newest_first = 1 THEN customer_state END) AS state,
  count(*) AS total_orders,
  coalesce(sum(spent), 0) AS total_spent
FROM placed
GROUP BY customer_unique_id
ORDER BY total_spent DESC, customer_unique_id
LIMIT $limit

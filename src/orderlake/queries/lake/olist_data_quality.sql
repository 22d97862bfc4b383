-- title: Quality of the data (olist)
-- question: What in the tables does not add up, is missing, or has no counterpart?
-- grain: one row per check
-- note: Nothing is mended here, and none of it kept a record from being loaded: sums of a shop's own figures may differ
--   for good reasons. Those that do not match are few in good data.
-- chart: bar check_name failing
WITH sums AS (
  SELECT order_id, sum(price + freight_value) AS amount
  FROM olist_order_items_dataset
  GROUP BY order_id
),
payments AS (
  SELECT order_id, sum(payment_value) AS paid
  FROM olist_order_payments_dataset
  GROUP BY order_id
),
headed AS (
  SELECT
    orders.order_status,
    orders.order_purchase_timestamp,
    orders.order_delivered_customer_date,
    sums.order_id AS with_items,
    sums.amount,
    payments.order_id AS with_payments,
    payments.paid,
    customers.customer_id AS with_customer
  FROM olist_orders_dataset AS orders
  LEFT JOIN sums ON sums.order_id = orders.order_id
  LEFT JOIN payments ON payments.order_id = orders.order_id
  LEFT JOIN olist_customers_dataset AS customers ON customers.customer_id = orders.customer_id
),
items AS (
  SELECT
    orders.order_id AS with_order,
    products.product_id AS with_product,
    sellers.seller_id AS with_seller,
    items.price
  FROM olist_order_items_dataset AS items
  LEFT JOIN olist_orders_dataset AS orders ON orders.order_id = items.order_id
  LEFT JOIN olist_products_dataset AS products ON products.product_id = items.product_id
  LEFT JOIN olist_sellers_dataset AS sellers ON sellers.seller_id = items.seller_id
),
products AS (
  SELECT
    products.product_category_name AS category,
    translation.product_category_name AS translated
  FROM olist_products_dataset AS products
  LEFT JOIN product_category_name_translation AS translation
    ON translation.product_category_name = products.product_category_name
),
reviews AS (
  SELECT orders.order_id AS with_order
  FROM olist_order_reviews_dataset AS reviews
  LEFT JOIN olist_orders_dataset AS orders ON orders.order_id = reviews.order_id
),
checks AS (
  SELECT
    'order is not paid what its items cost' AS check_name,
    count(CASE WHEN with_items IS NOT NULL AND with_payments IS NOT NULL AND paid <> amount THEN 1 END) AS failing,
    count(*) AS total
  FROM headed
  UNION ALL
  SELECT
    'order without items',
    count(CASE WHEN with_items IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order without payments',
    count(CASE WHEN with_payments IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order without its customer',
    count(CASE WHEN with_customer IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'delivered order without a day of delivery',
    count(CASE WHEN order_status = 'delivered' AND order_delivered_customer_date IS NULL THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'order delivered before it was placed',
    count(CASE WHEN order_delivered_customer_date < order_purchase_timestamp THEN 1 END),
    count(*)
  FROM headed
  UNION ALL
  SELECT
    'item without its order',
    count(CASE WHEN with_order IS NULL THEN 1 END),
    count(*)
  FROM items
  UNION ALL
  SELECT
    'item without its product',
    count(CASE WHEN with_product IS NULL THEN 1 END),
    count(*)
  FROM items
  UNION ALL
  SELECT
    'item without its seller',
    count(CASE WHEN with_seller IS NULL THEN 1 END),
    count(*)
  FROM items
  UNION ALL
  SELECT
    'item without a price',
    count(CASE WHEN price IS NULL THEN 1 END),
    count(*)
  FROM items
  UNION ALL
  SELECT
    'product without a category',
    count(CASE WHEN category IS NULL THEN 1 END),
    count(*)
  FROM products
  UNION ALL
  SELECT
    'category without a translation',
    count(CASE WHEN category IS NOT NULL AND translated IS NULL THEN 1 END),
    count(*)
  FROM products
  UNION ALL
  SELECT
    'review without its order',
    count(CASE WHEN with_order IS NULL THEN 1 END),
    count(*)
  FROM reviews
)
SELECT
  check_name,
  failing,
  total,
  CAST(round(1000 * failing / nullif(total, 0)) / 10 AS DECIMAL(5, 1)) AS pct
FROM checks
ORDER BY failing DESC, check_name

-- title: Revenue by category
-- question: What does each category bring in, under its English name?
-- grain: one row per category
-- note: Revenue is the items' price; freight stands apart. Canceled and unavailable orders are left out. A category
--   without a translation keeps its Portuguese name, and products without a category are (none).
-- parameter: start date = 2000-01-01  First day
-- parameter: until date = 2100-01-01  Last day
-- chart: bar category revenue
SELECT
  coalesce(
    translation.product_category_name_english,
    products.product_category_name,
    '(none)'
  ) AS category,
  coalesce(sum(items.price), 0) AS revenue,
  coalesce(sum(items.freight_value), 0) AS freight,
  count(*) AS items,
  count(DISTINCT items.order_id) AS order_count
FROM olist_order_items_dataset AS items
JOIN olist_orders_dataset AS orders ON orders.order_id = items.order_id
LEFT JOIN olist_products_dataset AS products ON products.product_id = items.product_id
LEFT JOIN product_category_name_translation AS translation
  ON translation.product_category_name = products.product_category_name
WHERE
  coalesce(orders.order_status, '') NOT IN ('canceled', 'unavailable')
  AND CAST(orders.order_purchase_timestamp AS DATE) BETWEEN $start AND $until
GROUP BY 1
ORDER BY revenue DESC, category

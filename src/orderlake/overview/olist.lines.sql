-- needs: olist_orders_dataset, olist_order_items_dataset, olist_products_dataset, product_category_name_translation
-- revenue: Price of the items, without freight.
SELECT
    CAST(o.order_purchase_timestamp AS DATE) AS day,
    coalesce(t.product_category_name_english, p.product_category_name) AS category,
    coalesce(t.product_category_name_english, p.product_category_name, 'product') || ' ' || left(i.product_id, 8) AS product,
    i.price AS amount,
    1 AS units
FROM olist_order_items_dataset AS i
JOIN olist_orders_dataset AS o ON o.order_id = i.order_id
LEFT JOIN olist_products_dataset AS p ON p.product_id = i.product_id
LEFT JOIN product_category_name_translation AS t ON t.product_category_name = p.product_category_name
WHERE coalesce(o.order_status, '') NOT IN ('canceled', 'unavailable')

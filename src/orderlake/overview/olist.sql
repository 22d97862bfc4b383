-- title: Olist marketplace
-- needs: olist_orders_dataset, olist_order_items_dataset, olist_customers_dataset
-- revenue: Price of the items, without freight.
-- counted: Orders that were not canceled and not unavailable, by the day of purchase. A customer is a person (customer_unique_id).
SELECT
    o.order_id,
    CAST(o.order_purchase_timestamp AS DATE) AS day,
    c.customer_unique_id AS customer,
    i.price AS amount,
    i.freight AS freight
FROM olist_orders_dataset AS o
LEFT JOIN olist_customers_dataset AS c ON c.customer_id = o.customer_id
LEFT JOIN (
    SELECT order_id, sum(price) AS price, sum(freight_value) AS freight
    FROM olist_order_items_dataset
    GROUP BY order_id
) AS i ON i.order_id = o.order_id
WHERE coalesce(o.order_status, '') NOT IN ('canceled', 'unavailable')

-- needs: olist_orders_dataset, olist_customers_dataset
-- counted: Orders that were delivered, by the day of purchase. Late: delivered after the day that was promised. Days: from purchase to delivery.
SELECT
    CAST(o.order_purchase_timestamp AS DATE) AS day,
    c.customer_state AS place,
    CAST(o.order_delivered_customer_date AS DATE) > o.order_estimated_delivery_date AS late,
    date_diff('day', CAST(o.order_purchase_timestamp AS DATE), CAST(o.order_delivered_customer_date AS DATE)) AS days
FROM olist_orders_dataset AS o
LEFT JOIN olist_customers_dataset AS c ON c.customer_id = o.customer_id
WHERE o.order_status = 'delivered'
    AND o.order_delivered_customer_date IS NOT NULL
    AND o.order_estimated_delivery_date IS NOT NULL

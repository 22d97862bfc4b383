-- needs: shopify_orders, shopify_line_items
-- category: Vendor
-- revenue: Price × quantity of the line items, before discounts, tax and shipping.
SELECT
    l.order_date AS day,
    l.vendor AS category,
    l.title AS product,
    l.price * l.quantity AS amount,
    l.quantity AS units
FROM shopify_line_items AS l
JOIN shopify_orders AS o ON o.order_id = l.order_id
WHERE o.cancelled_at IS NULL AND NOT coalesce(o.test, false)

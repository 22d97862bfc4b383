-- title: Shopify
-- needs: shopify_orders
-- revenue: What customers were charged (total_price): after discounts, with shipping and tax, before refunds.
-- counted: Orders that are neither cancelled nor tests, by the shop's own day. Refunds count on the day of their order.
SELECT
    order_id,
    order_date AS day,
    coalesce(CAST(customer_id AS VARCHAR), email) AS customer,
    total_price AS amount,
    total_discounts AS discounts,
    total_price - coalesce(current_total_price, total_price) AS refunds,
    coalesce(current_total_price, total_price) AS net
FROM shopify_orders
WHERE cancelled_at IS NULL AND NOT coalesce(test, false)

-- title: Orders
-- needs: orders
-- revenue: Total amounts of the orders, as the shop sent them.
-- counted: Every order.
SELECT
    order_id,
    order_date AS day,
    customer_id AS customer,
    total_amount AS amount
FROM orders

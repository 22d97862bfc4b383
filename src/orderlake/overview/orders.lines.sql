-- needs: order_lines
-- revenue: Price × quantity of the order lines, which need not sum to the total amounts.
SELECT
    order_date AS day,
    category,
    product_name AS product,
    price * quantity AS amount,
    quantity AS units
FROM order_lines

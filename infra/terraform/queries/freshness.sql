-- How far each table reaches: its rows, its newest order, and the time of the newest file in it.
SELECT 'orders' AS name, count(*) AS row_count, max(order_date) AS newest_order, from_unixtime(max(_version) / 1e9) AS newest_file
FROM orders
UNION ALL
SELECT 'order_lines', count(*), max(order_date), from_unixtime(max(_version) / 1e9)
FROM order_lines

-- Each line with what it needs of its order. Of an order's measures it takes none: a sum over lines would repeat them.
select
    lines.shop,
    lines.line_key,
    lines.order_key,
    lines.order_id,
    lines.line_number,
    orders.ordered_on,
    orders.customer_key,
    orders.is_sale,
    lines.product_key,
    lines.product_id,
    lines.product_name,
    lines.category,
    lines.quantity,
    lines.unit_price,
    lines.gross_amount,
    lines.discount_amount,
    lines.net_amount,
    lines._source_file,
    lines._source_row,
    lines._version,
    lines._load_id,
    {{ context_of('orders.ordered_on', 'orders.is_sale', 'orders.customer_key', 'lines.category') }} as _context
from {{ ref('int_order_lines') }} as lines
left join {{ ref('int_orders') }} as orders on lines.order_key = orders.order_key

-- Nothing here is of the order as a whole but what tells orders apart: no total that a sum over lines would repeat.
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
    lines._load_id
from {{ ref('int_order_lines') }} as lines
left join {{ ref('int_orders') }} as orders on lines.order_key = orders.order_key

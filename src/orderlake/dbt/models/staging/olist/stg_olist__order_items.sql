-- Each item with what it needs of its order.
select
    items.shop,
    items.line_key,
    items.order_key,
    items.order_id,
    items.line_number as item_number,
    orders.ordered_on,
    orders.is_sale,
    items.product_key,
    items.product_id,
    items.category,
    items.seller_key,
    items.gross_amount as price,
    items.freight_amount,
    items.shipping_limit_at,
    items._source_file,
    items._source_row,
    items._version,
    items._load_id,
    {{ context_of('orders.ordered_on', 'orders.is_sale', 'items.category') }} as _context
from {{ ref('stg_olist__order_lines') }} as items
left join {{ ref('stg_olist__orders') }} as orders on items.order_key = orders.order_key

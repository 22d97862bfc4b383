-- Olist counts pieces: two of a product are two lines.
select
    {{ text("'olist'") }} as shop,
    {{ key('olist', 'items.order_id') }} as order_key,
    {{ key('olist', 'items.order_id', 'items.order_item_id') }} as line_key,
    items.order_id,
    {{ whole('items.order_item_id') }} as line_number,
    {{ key('olist', 'items.product_id') }} as product_key,
    items.product_id,
    {{ text('null') }} as product_name,
    products.category,
    {{ whole('1') }} as quantity,
    {{ money('items.price') }} as unit_price,
    {{ money('items.price') }} as gross_amount,
    {{ money('null') }} as discount_amount,
    {{ money('items.price') }} as net_amount,
    {{ money('items.freight_value') }} as freight_amount,
    {{ key('olist', 'items.seller_id') }} as seller_key,
    {{ moment('items.shipping_limit_date') }} as shipping_limit_at,
    items._source_file,
    items._source_row,
    items._version,
    items._load_id
from {{ source('lake', 'olist_order_items_dataset') }} as items
left join {{ ref('stg_olist__products') }} as products on items.product_id = products.product_id

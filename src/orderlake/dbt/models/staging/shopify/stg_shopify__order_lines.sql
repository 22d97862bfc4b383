with discounts as (

    select
        order_id,
        line_item_id,
        sum(amount) as discount_amount
    from {{ source('lake', 'shopify_discounts') }}
    group by order_id, line_item_id

)

select
    {{ text("'shopify'") }} as shop,
    {{ key('shopify', 'items.order_id') }} as order_key,
    {{ key('shopify', 'items.order_id', 'items.line_item_id') }} as line_key,
    {{ text('items.order_id') }} as order_id,
    {{ whole('items.line_number') }} as line_number,
    {{ key('shopify', 'items.product_id') }} as product_key,
    {{ text('items.product_id') }} as product_id,
    items.title as product_name,
    {{ text('null') }} as category,
    {{ whole('items.quantity') }} as quantity,
    {{ money('items.price') }} as unit_price,
    {{ money('items.price * items.quantity') }} as gross_amount,
    {{ money('coalesce(discounts.discount_amount, 0)') }} as discount_amount,
    {{ money('items.price * items.quantity - coalesce(discounts.discount_amount, 0)') }} as net_amount,
    items._source_file,
    items._source_row,
    items._version,
    items._load_id
from {{ source('lake', 'shopify_line_items') }} as items
left join discounts on items.order_id = discounts.order_id and items.line_item_id = discounts.line_item_id

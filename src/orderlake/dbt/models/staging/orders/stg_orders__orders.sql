-- An order has one amount, its total. What it is made of is not told.
select
    {{ text("'orders'") }} as shop,
    {{ key('orders', 'order_id') }} as order_key,
    {{ text('order_id') }} as order_id,
    order_date as ordered_on,
    {{ moment('null') }} as ordered_at,
    {{ key('orders', 'customer_id') }} as customer_key,
    {{ text('null') }} as status,
    {{ text('null') }} as currency,
    true as is_sale,
    {{ money('null') }} as gross_amount,
    {{ money('null') }} as discount_amount,
    {{ money('null') }} as net_amount,
    {{ money('null') }} as shipping_amount,
    {{ money('null') }} as tax_amount,
    {{ money('total_amount') }} as total_amount,
    {{ money('null') }} as refund_amount,
    {{ money('0') }} as adjustment_amount,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ source('lake', 'orders') }}

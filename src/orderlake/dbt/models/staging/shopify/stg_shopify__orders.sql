with refunds as (

    select
        order_id,
        sum(amount) as refund_amount
    from {{ source('lake', 'shopify_refund_transactions') }}
    where kind = 'refund' and status = 'success'
    group by order_id

)

select
    {{ text("'shopify'") }} as shop,
    {{ key('shopify', 'orders.order_id') }} as order_key,
    {{ text('orders.order_id') }} as order_id,
    orders.order_date as ordered_on,
    {{ utc('orders.created_at') }} as ordered_at,
    {{ key('shopify', 'orders.customer_id') }} as customer_key,
    orders.financial_status as status,
    orders.currency,
    not coalesce(orders.test, false) and coalesce(orders.financial_status, '') <> 'voided' as is_sale,
    {{ money('orders.total_line_items_price') }} as gross_amount,
    {{ money('orders.total_discounts') }} as discount_amount,
    {{ money('orders.subtotal_price') }} as net_amount,
    {{ money('orders.total_shipping') }} as shipping_amount,
    {{ money('orders.total_tax') }} as tax_amount,
    {{ money('orders.total_price') }} as total_amount,
    {{ money('coalesce(refunds.refund_amount, 0)') }} as refund_amount,
    {{ money(
        'coalesce(orders.total_shipping, 0)'
        ~ ' + case when orders.taxes_included then 0 else coalesce(orders.total_tax, 0) end'
        ~ ' - coalesce(orders.total_discounts, 0)'
    ) }} as adjustment_amount,
    orders._source_file,
    orders._source_row,
    orders._version,
    orders._load_id
from {{ source('lake', 'shopify_orders') }} as orders
left join refunds on orders.order_id = refunds.order_id

-- Olist's orders have no amounts: what was ordered is the sum of the items, what was charged the sum of the payments.
with items as (

    select
        order_key,
        sum(gross_amount) as gross_amount,
        sum(freight_amount) as freight_amount
    from {{ ref('stg_olist__order_lines') }}
    group by order_key

),

payments as (

    select
        order_key,
        sum(amount) as paid_amount
    from {{ ref('stg_olist__payments') }}
    group by order_key

),

orders as (

    select
        {{ key('olist', 'order_id') }} as order_key,
        *
    from {{ source('lake', 'olist_orders_dataset') }}

)

select
    {{ text("'olist'") }} as shop,
    orders.order_key,
    orders.order_id,
    cast(orders.order_purchase_timestamp as date) as ordered_on,
    {{ moment('orders.order_purchase_timestamp') }} as ordered_at,
    {{ key('olist', 'customers.customer_unique_id') }} as customer_key,
    orders.order_status as status,
    {{ text("'BRL'") }} as currency,
    coalesce(orders.order_status not in ('canceled', 'unavailable'), true) as is_sale,
    {{ money('coalesce(items.gross_amount, 0)') }} as gross_amount,
    {{ money('null') }} as discount_amount,
    {{ money('coalesce(items.gross_amount, 0)') }} as net_amount,
    {{ money('coalesce(items.freight_amount, 0)') }} as shipping_amount,
    {{ money('null') }} as tax_amount,
    {{ money('payments.paid_amount') }} as total_amount,
    {{ money('null') }} as refund_amount,
    {{ money('coalesce(items.freight_amount, 0)') }} as adjustment_amount,
    orders._source_file,
    orders._source_row,
    orders._version,
    orders._load_id
from orders
left join {{ source('lake', 'olist_customers_dataset') }} as customers on orders.customer_id = customers.customer_id
left join items on orders.order_key = items.order_key
left join payments on orders.order_key = payments.order_key

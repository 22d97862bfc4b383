-- A table, not incremental: an order's place among its customer's orders is made of all of them.
with orders as (

    select * from {{ ref('int_orders') }}

),

lines as (

    select
        order_key,
        {{ whole('count(*)') }} as line_count,
        {{ whole('coalesce(sum(quantity), 0)') }} as units,
        {{ money('coalesce(sum(gross_amount), 0)') }} as lines_total
    from {{ ref('int_order_lines') }}
    group by order_key

),

-- A customer's orders in the order in which they were made; what is no sale does not count.
numbered as (

    select
        order_key,
        row_number() over (
            partition by customer_key
            order by ordered_on, ordered_at, {{ by_id('order_id') }}
        ) as customer_order_number
    from orders
    where is_sale and customer_key is not null

),

-- The customer as this order knew them.
customers as (

    select
        sightings.order_key,
        versions.customer_version_key
    from {{ ref('int_customers') }} as sightings
    inner join {{ ref('dim_customers') }} as versions
        on sightings.customer_key = versions.customer_key
        and sightings.seen_at >= versions.valid_from
        and (sightings.seen_at < versions.valid_to or versions.valid_to is null)

)

select
    orders.shop,
    orders.order_key,
    orders.order_id,
    orders.ordered_on,
    {{ kept_moment('orders.ordered_at') }} as ordered_at,
    orders.customer_key,
    customers.customer_version_key,
    {{ whole('numbered.customer_order_number') }} as customer_order_number,
    coalesce(numbered.customer_order_number = 1, false) as is_first_order,
    orders.status,
    orders.is_sale,
    orders.currency,
    orders.gross_amount,
    orders.discount_amount,
    orders.net_amount,
    orders.shipping_amount,
    orders.tax_amount,
    orders.total_amount,
    orders.refund_amount,
    {{ money('coalesce(orders.net_amount, orders.total_amount)') }} as revenue,
    coalesce(lines.line_count, 0) as line_count,
    coalesce(lines.units, 0) as units,
    coalesce(lines.lines_total, {{ money('0') }}) as lines_total,
    coalesce(lines.lines_total, {{ money('0') }}) + orders.adjustment_amount = orders.total_amount as reconciles,
    orders._source_file,
    orders._source_row,
    orders._version,
    orders._load_id
from orders
left join lines on orders.order_key = lines.order_key
left join numbered on orders.order_key = numbered.order_key
left join customers on orders.order_key = customers.order_key

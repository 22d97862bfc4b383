with days as (

    select
        shop,
        ordered_on,
        {{ whole('count(*)') }} as order_count,
        {{ money('coalesce(sum(revenue), 0)') }} as revenue,
        {{ money('coalesce(sum(refund_amount), 0)') }} as refund_amount,
        {{ whole('sum(units)') }} as units,
        {{ whole('count(distinct customer_key)') }} as customers,
        {{ whole('count(distinct case when is_first_order then customer_key end)') }} as new_customers
    from {{ ref('fct_orders') }}
    where is_sale
    group by shop, ordered_on

)

select
    shop,
    ordered_on as day,
    order_count,
    revenue,
    refund_amount,
    units,
    customers,
    new_customers,
    customers - new_customers as returning_customers,
    {{ money_per('revenue', 'order_count') }} as average_basket
from days

with lines as (

    select
        shop,
        ordered_on as day,
        coalesce(category, {{ text("'uncategorised'") }}) as category,
        order_key,
        quantity,
        net_amount
    from {{ ref('fct_order_lines') }}
    where is_sale

)

select
    shop,
    day,
    category,
    {{ whole('count(distinct order_key)') }} as order_count,
    {{ whole('count(*)') }} as line_count,
    {{ whole('coalesce(sum(quantity), 0)') }} as units,
    {{ money('coalesce(sum(net_amount), 0)') }} as revenue
from lines
group by shop, day, category

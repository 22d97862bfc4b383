with sales as (

    select
        seller_key,
        min(ordered_on) as first_sold_on,
        max(ordered_on) as last_sold_on
    from {{ ref('fct_order_items') }}
    where is_sale
    group by seller_key

)

select
    sellers.seller_key,
    sellers.seller_id,
    sellers.postal_code,
    sellers.city,
    sellers.region,
    sales.first_sold_on,
    sales.last_sold_on
from {{ ref('stg_olist__sellers') }} as sellers
left join sales on sellers.seller_key = sales.seller_key

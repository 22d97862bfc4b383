-- What was sold. A product goes by the name and the category that it was sold under last.
with sold as (

    select
        product_key,
        shop,
        product_id,
        ordered_on,
        is_sale,
        {{ last_known('product_name', 'product_key', 'ordered_on, ' ~ by_id('order_id') ~ ', line_number') }} as product_name,
        {{ last_known('category', 'product_key', 'ordered_on, ' ~ by_id('order_id') ~ ', line_number') }} as category,
        row_number() over (
            partition by product_key
            order by ordered_on desc, {{ by_id('order_id', 'desc') }}, line_number desc
        ) as from_last,
        min(case when is_sale then ordered_on end) over (partition by product_key) as first_sold_on,
        max(case when is_sale then ordered_on end) over (partition by product_key) as last_sold_on
    from {{ ref('fct_order_lines') }}
    where product_key is not null

)

select
    product_key,
    shop,
    product_id,
    product_name,
    category,
    first_sold_on,
    last_sold_on
from sold
where from_last = 1

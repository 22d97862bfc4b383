{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__order_items'), identity_of('line_key', '_context')) }}"
) }}

select
    shop,
    line_key,
    order_key,
    order_id,
    item_number,
    ordered_on,
    is_sale,
    product_key,
    product_id,
    category,
    seller_key,
    price,
    freight_amount,
    {{ kept_moment('shipping_limit_at') }} as shipping_limit_at,
    _source_file,
    _source_row,
    _version,
    _load_id,
    _context
from {{ ref('stg_olist__order_items') }} as source
{{ only_new('source', identity_of('line_key', '_context')) }}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_shopify__refunds'), identity_of('refund_key')) }}"
) }}

select
    shop,
    refund_key,
    order_key,
    order_id,
    refund_id,
    ordered_on,
    refunded_on,
    {{ kept_moment('refunded_at') }} as refunded_at,
    units,
    goods_amount,
    tax_amount,
    adjustment_amount,
    refund_amount,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ ref('stg_shopify__refunds') }} as source
{{ only_new('source', identity_of('refund_key')) }}

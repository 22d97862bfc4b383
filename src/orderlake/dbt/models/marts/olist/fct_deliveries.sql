{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__deliveries'), identity_of('order_key')) }}"
) }}

select
    shop,
    order_key,
    order_id,
    status,
    ordered_on,
    {{ kept_moment('approved_at') }} as approved_at,
    {{ kept_moment('handed_over_at') }} as handed_over_at,
    {{ kept_moment('delivered_at') }} as delivered_at,
    delivered_on,
    promised_on,
    days_to_deliver,
    days_late,
    is_late,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ ref('stg_olist__deliveries') }} as source
{{ only_new('source', identity_of('order_key')) }}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__order_items'), identity_of('line_key', '_context')) }}"
) }}

select * from {{ ref('stg_olist__order_items') }} as source
{{ only_new('source', identity_of('line_key', '_context')) }}

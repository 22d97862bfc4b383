{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__deliveries'), identity_of('order_key')) }}"
) }}

select * from {{ ref('stg_olist__deliveries') }} as source
{{ only_new('source', identity_of('order_key')) }}

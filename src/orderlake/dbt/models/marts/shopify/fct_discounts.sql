{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_shopify__discounts'), identity_of('discount_key')) }}"
) }}

select * from {{ ref('stg_shopify__discounts') }} as source
{{ only_new('source', identity_of('discount_key')) }}

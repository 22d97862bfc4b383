{% set identity = ['discount_key', '_load_id', '_source_row'] %}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_shopify__discounts'), ['discount_key', '_load_id', '_source_row']) }}"
) }}

select * from {{ ref('stg_shopify__discounts') }} as source
{{ only_new('source', identity) }}

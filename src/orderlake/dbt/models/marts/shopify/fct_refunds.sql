{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_shopify__refunds'), identity_of('refund_key')) }}"
) }}

select * from {{ ref('stg_shopify__refunds') }} as source
{{ only_new('source', identity_of('refund_key')) }}

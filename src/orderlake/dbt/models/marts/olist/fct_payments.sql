{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__payments'), identity_of('payment_key')) }}"
) }}

select * from {{ ref('stg_olist__payments') }} as source
{{ only_new('source', identity_of('payment_key')) }}

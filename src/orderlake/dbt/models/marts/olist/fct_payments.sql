{% set identity = ['payment_key', '_load_id', '_source_row'] %}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__payments'), ['payment_key', '_load_id', '_source_row']) }}"
) }}

select * from {{ ref('stg_olist__payments') }} as source
{{ only_new('source', identity) }}

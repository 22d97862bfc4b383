{% set identity = ['review_key', '_load_id', '_source_row'] %}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__reviews'), ['review_key', '_load_id', '_source_row']) }}"
) }}

select * from {{ ref('stg_olist__reviews') }} as source
{{ only_new('source', identity) }}

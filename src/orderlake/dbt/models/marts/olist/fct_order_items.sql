{% set identity = ['line_key', '_load_id', '_source_row', '_context'] %}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__order_items'), ['line_key', '_load_id', '_source_row', '_context']) }}"
) }}

select * from {{ ref('stg_olist__order_items') }} as source
{{ only_new('source', identity) }}

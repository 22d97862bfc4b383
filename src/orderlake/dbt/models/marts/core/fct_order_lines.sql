{% set identity = ['line_key', '_load_id', '_source_row', '_context'] %}

{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('int_sold_lines'), ['line_key', '_load_id', '_source_row', '_context']) }}"
) }}

select * from {{ ref('int_sold_lines') }} as source
{{ only_new('source', identity) }}

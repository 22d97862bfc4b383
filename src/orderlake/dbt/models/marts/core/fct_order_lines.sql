{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('int_sold_lines'), identity_of('line_key', '_context')) }}"
) }}

select * from {{ ref('int_sold_lines') }} as source
{{ only_new('source', identity_of('line_key', '_context')) }}

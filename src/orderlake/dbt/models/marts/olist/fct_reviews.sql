{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__reviews'), identity_of('review_key')) }}"
) }}

select * from {{ ref('stg_olist__reviews') }} as source
{{ only_new('source', identity_of('review_key')) }}

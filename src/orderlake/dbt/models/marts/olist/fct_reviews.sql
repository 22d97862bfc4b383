{{ config(
    materialized='incremental',
    pre_hook="{{ forget_stale(ref('stg_olist__reviews'), identity_of('review_key')) }}"
) }}

select
    shop,
    review_key,
    review_id,
    order_key,
    order_id,
    score,
    created_on,
    {{ kept_moment('answered_at') }} as answered_at,
    has_comment,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ ref('stg_olist__reviews') }} as source
{{ only_new('source', identity_of('review_key')) }}

-- One review may stand for several orders: its score counts once for each.
select
    {{ text("'olist'") }} as shop,
    {{ key('olist', 'review_id', 'order_id') }} as review_key,
    review_id,
    {{ key('olist', 'order_id') }} as order_key,
    order_id,
    {{ whole('review_score') }} as score,
    review_creation_date as created_on,
    {{ moment('review_answer_timestamp') }} as answered_at,
    coalesce(review_comment_title, review_comment_message) is not null as has_comment,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ source('lake', 'olist_order_reviews_dataset') }}

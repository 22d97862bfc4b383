select
    {{ text("'olist'") }} as shop,
    {{ key('olist', 'order_id', 'payment_sequential') }} as payment_key,
    {{ key('olist', 'order_id') }} as order_key,
    order_id,
    {{ whole('payment_sequential') }} as payment_number,
    payment_type,
    {{ whole('payment_installments') }} as installments,
    {{ money('payment_value') }} as amount,
    _source_file,
    _source_row,
    _version,
    _load_id
from {{ source('lake', 'olist_order_payments_dataset') }}

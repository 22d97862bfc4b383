select
    {{ key('olist', 'seller_id') }} as seller_key,
    seller_id,
    seller_zip_code_prefix as postal_code,
    seller_city as city,
    seller_state as region
from {{ source('lake', 'olist_sellers_dataset') }}

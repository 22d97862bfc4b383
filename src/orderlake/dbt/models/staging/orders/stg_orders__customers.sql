-- What each order says of its customer.
select
    {{ text("'orders'") }} as shop,
    {{ key('orders', 'customer_id') }} as customer_key,
    {{ text('customer_id') }} as customer_id,
    {{ key('orders', 'order_id') }} as order_key,
    {{ text('order_id') }} as order_id,
    {{ moment('order_date') }} as seen_at,
    nullif(trim(customer_name), '') as name,
    nullif(trim(email), '') as email,
    nullif(trim(address), '') as address,
    {{ text('null') }} as city,
    {{ text('null') }} as region,
    {{ text('null') }} as postal_code,
    {{ text('null') }} as country
from {{ source('lake', 'orders') }}
where customer_id is not null

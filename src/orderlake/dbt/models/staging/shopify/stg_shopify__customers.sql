-- What each order says of its customer. Where it was sent stands for where the customer is.
select
    {{ text("'shopify'") }} as shop,
    {{ key('shopify', 'customer_id') }} as customer_key,
    {{ text('customer_id') }} as customer_id,
    {{ key('shopify', 'order_id') }} as order_key,
    {{ text('order_id') }} as order_id,
    {{ utc('created_at') }} as seen_at,
    nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') as name,
    nullif(trim(email), '') as email,
    {{ text('null') }} as address,
    nullif(trim(ship_city), '') as city,
    nullif(trim(ship_province_code), '') as region,
    {{ text('null') }} as postal_code,
    nullif(trim(ship_country_code), '') as country
from {{ source('lake', 'shopify_orders') }}
where customer_id is not null

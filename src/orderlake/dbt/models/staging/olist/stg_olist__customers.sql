-- What each order says of its customer. customer_id is made anew for each order; the person is customer_unique_id.
select
    {{ text("'olist'") }} as shop,
    {{ key('olist', 'customers.customer_unique_id') }} as customer_key,
    customers.customer_unique_id as customer_id,
    {{ key('olist', 'orders.order_id') }} as order_key,
    orders.order_id,
    {{ moment('orders.order_purchase_timestamp') }} as seen_at,
    {{ text('null') }} as name,
    {{ text('null') }} as email,
    {{ text('null') }} as address,
    nullif(trim(customers.customer_city), '') as city,
    nullif(trim(customers.customer_state), '') as region,
    nullif(trim(customers.customer_zip_code_prefix), '') as postal_code,
    {{ text("'BR'") }} as country
from {{ source('lake', 'olist_orders_dataset') }} as orders
inner join {{ source('lake', 'olist_customers_dataset') }} as customers on orders.customer_id = customers.customer_id
where customers.customer_unique_id is not null

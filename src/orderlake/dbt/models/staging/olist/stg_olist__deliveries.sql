-- An order that came on the promised day is on time, at whatever hour.
with deliveries as (

    select
        *,
        cast(order_purchase_timestamp as date) as ordered_on,
        cast(order_delivered_customer_date as date) as delivered_on
    from {{ source('lake', 'olist_orders_dataset') }}

)

select
    {{ text("'olist'") }} as shop,
    {{ key('olist', 'order_id') }} as order_key,
    order_id,
    order_status as status,
    ordered_on,
    {{ moment('order_approved_at') }} as approved_at,
    {{ moment('order_delivered_carrier_date') }} as handed_over_at,
    {{ moment('order_delivered_customer_date') }} as delivered_at,
    delivered_on,
    order_estimated_delivery_date as promised_on,
    {{ days_between('ordered_on', 'delivered_on') }} as days_to_deliver,
    {{ days_between('order_estimated_delivery_date', 'delivered_on') }} as days_late,
    delivered_on > order_estimated_delivery_date as is_late,
    _source_file,
    _source_row,
    _version,
    _load_id
from deliveries

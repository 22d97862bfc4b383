select
    {{ text("'shopify'") }} as shop,
    {{ key('shopify', 'discounts.order_id', 'discounts.line_item_id', 'discounts.discount_number') }} as discount_key,
    {{ key('shopify', 'discounts.order_id', 'discounts.line_item_id') }} as line_key,
    {{ key('shopify', 'discounts.order_id') }} as order_key,
    {{ text('discounts.order_id') }} as order_id,
    discounts.order_date as ordered_on,
    {{ whole('discounts.discount_number') }} as discount_number,
    applications.type as discount_type,
    applications.code,
    applications.value_type,
    applications.value as granted_value,
    {{ money('discounts.amount') }} as amount,
    discounts._source_file,
    discounts._source_row,
    discounts._version,
    discounts._load_id
from {{ source('lake', 'shopify_discounts') }} as discounts
left join {{ source('lake', 'shopify_discount_applications') }} as applications
    on discounts.order_id = applications.order_id
    and discounts.application_index + 1 = applications.application_number

-- Each of a refund's tables is added up before they meet: joined row by row they would multiply.
with goods as (

    select
        order_id,
        refund_id,
        sum(quantity) as units,
        sum(subtotal) as goods_amount,
        sum(total_tax) as tax_amount
    from {{ source('lake', 'shopify_refund_lines') }}
    group by order_id, refund_id

),

adjustments as (

    select
        order_id,
        refund_id,
        -sum(amount + coalesce(tax_amount, 0)) as adjustment_amount
    from {{ source('lake', 'shopify_refund_adjustments') }}
    group by order_id, refund_id

),

transactions as (

    select
        order_id,
        refund_id,
        sum(amount) as refund_amount
    from {{ source('lake', 'shopify_refund_transactions') }}
    where kind = 'refund' and status = 'success'
    group by order_id, refund_id

)

select
    {{ text("'shopify'") }} as shop,
    {{ key('shopify', 'refunds.order_id', 'refunds.refund_id') }} as refund_key,
    {{ key('shopify', 'refunds.order_id') }} as order_key,
    {{ text('refunds.order_id') }} as order_id,
    {{ text('refunds.refund_id') }} as refund_id,
    refunds.order_date as ordered_on,
    refunds.refund_date as refunded_on,
    {{ utc('refunds.created_at') }} as refunded_at,
    {{ whole('coalesce(goods.units, 0)') }} as units,
    {{ money('coalesce(goods.goods_amount, 0)') }} as goods_amount,
    {{ money('coalesce(goods.tax_amount, 0)') }} as tax_amount,
    {{ money('coalesce(adjustments.adjustment_amount, 0)') }} as adjustment_amount,
    {{ money('coalesce(transactions.refund_amount, 0)') }} as refund_amount,
    refunds._source_file,
    refunds._source_row,
    refunds._version,
    refunds._load_id
from {{ source('lake', 'shopify_refunds') }} as refunds
left join goods on refunds.order_id = goods.order_id and refunds.refund_id = goods.refund_id
left join adjustments on refunds.order_id = adjustments.order_id and refunds.refund_id = adjustments.refund_id
left join transactions on refunds.order_id = transactions.order_id and refunds.refund_id = transactions.refund_id

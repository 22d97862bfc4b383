select
    shop,
    delivered_on as day,
    {{ whole('count(*)') }} as delivered,
    {{ whole('sum(case when is_late then 0 else 1 end)') }} as on_time,
    {{ whole('sum(case when is_late then 1 else 0 end)') }} as late,
    avg(cast(days_to_deliver as double)) as average_days_to_deliver
from {{ ref('fct_deliveries') }}
where status = 'delivered' and delivered_on is not null and promised_on is not null
group by shop, delivered_on

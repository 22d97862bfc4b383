-- Whole months, from that of the first order to that of the last thing that happened to one.
with happened as (

    select ordered_on as happened_on from {{ ref('int_orders') }}
    {%- if 'olist' in var('pipelines') %}
    union all
    select delivered_on as happened_on from {{ ref('stg_olist__deliveries') }}
    union all
    select promised_on as happened_on from {{ ref('stg_olist__deliveries') }}
    {%- endif %}
    {%- if 'shopify' in var('pipelines') %}
    union all
    select refunded_on as happened_on from {{ ref('stg_shopify__refunds') }}
    {%- endif %}

),

range_of_months as (

    select
        {{ start_of('month', 'min(happened_on)') }} as first_day,
        {{ start_of('month', days_after(start_of('month', 'max(happened_on)'), '31')) }} as day_after
    from happened

),

-- Enough days for every year of four digits.
days as (

    select {{ days_after('first_day', 'thousands.number * 1000 + ones.number') }} as date_day
    from range_of_months
    inner join {{ numbers(4000) }} as thousands
        on thousands.number * 1000 < {{ days_between('first_day', 'day_after') }}
    inner join {{ numbers(1000) }} as ones
        on thousands.number * 1000 + ones.number < {{ days_between('first_day', 'day_after') }}

),

counted as (

    select
        date_day,
        {{ whole('year(date_day)') }} as year,
        {{ whole('quarter(date_day)') }} as quarter,
        {{ whole('month(date_day)') }} as month,
        {{ whole('day(date_day)') }} as day_of_month,
        {{ iso_year('date_day') }} as iso_year,
        {{ iso_week('date_day') }} as iso_week,
        {{ weekday('date_day') }} as weekday
    from days

)

select
    date_day,
    year,
    quarter,
    month,
    day_of_month,
    {{ start_of('year', 'date_day') }} as first_of_year,
    {{ start_of('quarter', 'date_day') }} as first_of_quarter,
    {{ start_of('month', 'date_day') }} as first_of_month,
    {{ days_after('date_day', '1 - weekday') }} as first_of_week,
    substr({{ text('date_day') }}, 1, 7) as year_month,
    iso_year,
    iso_week,
    weekday,
    {{ text("case weekday when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'"
        ~ " when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday' end") }} as weekday_name,
    weekday >= 6 as is_weekend
from counted

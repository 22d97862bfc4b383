{#- A calendar without gaps: each day but the first has the day before. -#}
{% test every_day(model, column_name) %}

with days as (

    select
        {{ column_name }} as this_day,
        lag({{ column_name }}) over (order by {{ column_name }}) as day_before
    from {{ model }}

)

select *
from days
where day_before is not null and {{ days_between('day_before', 'this_day') }} <> 1

{% endtest %}

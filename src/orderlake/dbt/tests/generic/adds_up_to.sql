{#- Both columns add up to the same for each `by`, be it missing on one side. `to_where` says which rows of `to` count. -#}
{% test adds_up_to(model, column_name, to, to_column, by, to_where='true') %}

with here as (

    select
        {{ by }} as what,
        coalesce(sum({{ column_name }}), 0) as total
    from {{ model }}
    group by {{ by }}

),

there as (

    select
        {{ by }} as what,
        coalesce(sum({{ to_column }}), 0) as total
    from {{ to }}
    where {{ to_where }}
    group by {{ by }}

)

select
    coalesce(here.what, there.what) as {{ by }},
    here.total as total_here,
    there.total as total_there
from here
full outer join there on here.what = there.what
where coalesce(here.total, 0) <> coalesce(there.total, 0)

{% endtest %}

{#- The versions of each entity follow one another: each begins where the one before ends, the last one and only the last one
    is current and has no end, and none lasts no time. -#}
{% test unbroken_history(model, entity, version, valid_from, valid_to, is_current) %}

with versions as (

    select
        {{ entity }},
        {{ version }},
        {{ valid_from }},
        {{ valid_to }},
        {{ is_current }},
        row_number() over (partition by {{ entity }} order by {{ valid_from }}) as expected_version,
        lead({{ valid_from }}) over (partition by {{ entity }} order by {{ valid_from }}) as next_from
    from {{ model }}

)

select *
from versions
where {{ version }} <> expected_version
    or {{ valid_to }} is distinct from next_from
    or {{ valid_to }} <= {{ valid_from }}
    or {{ is_current }} <> (next_from is null)

{% endtest %}

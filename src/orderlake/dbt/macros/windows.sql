{#- The last value that is known up to the row at hand: NULL says nothing, so it takes nothing back. -#}
{% macro last_known(column, partition_by, order_by) -%}
    {{ adapter.dispatch('last_known', 'orderlake')(column) }} over (
            partition by {{ partition_by }}
            order by {{ order_by }}
            rows between unbounded preceding and current row
        )
{%- endmacro %}

{% macro default__last_known(column) %}last_value({{ column }} ignore nulls){% endmacro %}

{% macro athena__last_known(column) %}last_value({{ column }}) ignore nulls{% endmacro %}

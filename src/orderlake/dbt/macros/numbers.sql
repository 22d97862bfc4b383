{#- An amount of money shared by a count, to the cent, half a cent up; NULL for a count of 0. In whole cents, because one
    engine divides decimals as floating point numbers and the other rounds them as it goes. For amounts that are not below
    zero. -#}
{% macro money_per(amount, count) -%}
    {{ money(divided(
        '2 * ' ~ whole(amount ~ ' * 100') ~ ' + ' ~ whole(count),
        '2 * nullif(' ~ whole(count) ~ ', 0)'
    ) ~ " * cast('0.01' as decimal(3, 2))") }}
{%- endmacro %}

{#- Whole numbers divided, the rest left out. -#}
{% macro divided(dividend, divisor) %}{{ return(adapter.dispatch('divided', 'orderlake')(dividend, divisor)) }}{% endmacro %}

{% macro default__divided(dividend, divisor) %}(({{ dividend }}) // ({{ divisor }})){% endmacro %}

{% macro athena__divided(dividend, divisor) %}(({{ dividend }}) / ({{ divisor }})){% endmacro %}

{#- Whole days from one date to another; below zero backwards. -#}
{% macro days_between(first, last) %}date_diff('day', cast({{ first }} as date), cast({{ last }} as date)){% endmacro %}

{#- The date so many days later. -#}
{% macro days_after(date, days) %}{{ return(adapter.dispatch('days_after', 'orderlake')(date, days)) }}{% endmacro %}

{% macro default__days_after(date, days) %}({{ date }} + cast({{ days }} as integer)){% endmacro %}

{% macro athena__days_after(date, days) %}cast(date_add('day', {{ days }}, {{ date }}) as date){% endmacro %}

{#- The first day of the month, quarter or year that a date is in. -#}
{% macro start_of(unit, date) %}cast(date_trunc('{{ unit }}', {{ date }}) as date){% endmacro %}

{#- From Monday, 1, to Sunday, 7. -#}
{% macro weekday(date) %}{{ return(adapter.dispatch('weekday', 'orderlake')(date)) }}{% endmacro %}

{% macro default__weekday(date) %}{{ whole('isodow(' ~ date ~ ')') }}{% endmacro %}

{% macro athena__weekday(date) %}{{ whole('day_of_week(' ~ date ~ ')') }}{% endmacro %}

{#- The year of ISO 8601 that a date's week belongs to, and the week in it. -#}
{% macro iso_year(date) %}{{ return(adapter.dispatch('iso_year', 'orderlake')(date)) }}{% endmacro %}

{% macro default__iso_year(date) %}{{ whole('isoyear(' ~ date ~ ')') }}{% endmacro %}

{% macro athena__iso_year(date) %}{{ whole('year_of_week(' ~ date ~ ')') }}{% endmacro %}

{% macro iso_week(date) %}{{ whole('week(' ~ date ~ ')') }}{% endmacro %}

{#- `numbers(n)`: a relation with the column `number`, 0 to n - 1. Trino makes no more than 10,000. -#}
{% macro numbers(count) %}{{ return(adapter.dispatch('numbers', 'orderlake')(count)) }}{% endmacro %}

{% macro default__numbers(count) %}(select range as number from range({{ count }})){% endmacro %}

{% macro athena__numbers(count) %}(select number from unnest(sequence(0, {{ count - 1 }})) as made (number)){% endmacro %}

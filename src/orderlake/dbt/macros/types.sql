{#- Types by their purpose. Nothing is cast by itself in Trino, and Iceberg keeps text without a length: whatever a model makes
    anew goes through one of these. -#}

{% macro text(expression) %}cast({{ expression }} as varchar){% endmacro %}

{% macro money(expression) %}cast({{ expression }} as decimal(18, 2)){% endmacro %}

{% macro whole(expression) %}cast({{ expression }} as bigint){% endmacro %}

{#- A moment without a zone. On Athena to the millisecond, for a view there can be no finer. -#}
{% macro moment(expression) %}cast({{ expression }} as timestamp){% endmacro %}

{#- A moment in a table. Iceberg has them to the microsecond, and takes no others. -#}
{% macro kept_moment(expression) %}{{ return(adapter.dispatch('kept_moment', 'orderlake')(expression)) }}{% endmacro %}

{% macro default__kept_moment(expression) %}cast({{ expression }} as timestamp){% endmacro %}

{% macro athena__kept_moment(expression) %}cast({{ expression }} as timestamp(6)){% endmacro %}

{#- A moment that has a zone, as the clock in Greenwich shows it; whatever zone the session is in. -#}
{% macro utc(expression) %}{{ return(adapter.dispatch('utc', 'orderlake')(expression)) }}{% endmacro %}

{% macro default__utc(expression) %}make_timestamp(epoch_us({{ expression }})){% endmacro %}

{% macro athena__utc(expression) %}cast({{ expression }} at time zone 'UTC' as timestamp){% endmacro %}

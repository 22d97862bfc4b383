{#- Types by their purpose. Nothing is cast by itself in Trino, and Iceberg keeps text without a length, moments to the
    microsecond: whatever a model makes anew goes through one of these. -#}

{% macro text(expression) %}cast({{ expression }} as varchar){% endmacro %}

{% macro money(expression) %}cast({{ expression }} as decimal(18, 2)){% endmacro %}

{% macro whole(expression) %}cast({{ expression }} as bigint){% endmacro %}

{#- A moment without a zone. -#}
{% macro moment(expression) %}{{ return(adapter.dispatch('moment', 'orderlake')(expression)) }}{% endmacro %}

{% macro default__moment(expression) %}cast({{ expression }} as timestamp){% endmacro %}

{% macro athena__moment(expression) %}cast({{ expression }} as timestamp(6)){% endmacro %}

{#- A moment that has a zone, as the clock in Greenwich shows it; whatever zone the session is in. -#}
{% macro utc(expression) %}{{ return(adapter.dispatch('utc', 'orderlake')(expression)) }}{% endmacro %}

{% macro default__utc(expression) %}make_timestamp(epoch_us({{ expression }})){% endmacro %}

{% macro athena__utc(expression) %}cast({{ expression }} at time zone 'UTC' as timestamp(6)){% endmacro %}

{#- What a row of an incremental model takes from other tables than its own, as one text, so that it can be part of the
    row's identity (incremental.sql). What may hold any text comes last. -#}
{% macro context_of() %}
    {%- for column in varargs -%}
        coalesce('=' || {{ text(column) }}, '-') {{- '' if loop.last else ' || ' }}
    {%- endfor -%}
{% endmacro %}

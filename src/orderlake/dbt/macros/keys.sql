{#- A key over all shops: `key('orders', 'order_id', 'line_number')` is orders:1001:2. NULL as soon as one part is. -#}
{% macro key(shop) %}
    {{- text("'" ~ shop ~ "'") }}
    {%- for part in varargs %} || ':' || {{ text(part) }}{% endfor -%}
{% endmacro %}

{#- The order of ids as numbers where they are numbers, without reading them as such: 9 comes before 10. -#}
{% macro by_id(column, direction='asc') -%}
    length({{ column }}) {{ direction }}, {{ column }} {{ direction }}
{%- endmacro %}

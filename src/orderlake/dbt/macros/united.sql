{#- These columns of a staging model of each pipeline that the project has, one below the other. -#}
{% macro united(model, columns) %}
    {%- if execute and not var('pipelines') %}
        {{- exceptions.raise_compiler_error("the variable `pipelines` names none: say which of orders, olist, shopify there are") }}
    {%- endif %}
    {%- for pipeline in var('pipelines') %}
    {%- if not loop.first %}

union all

{% endif %}
select
    {%- for column in columns %}
    {{ column }}{{ '' if loop.last else ',' }}
    {%- endfor %}
from {{ ref('stg_' ~ pipeline ~ '__' ~ model) }}
    {%- endfor %}
{% endmacro %}

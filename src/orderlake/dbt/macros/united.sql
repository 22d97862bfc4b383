{#- The columns of a staging model of every pipeline that the project has, one below the other. -#}
{% macro united(model, columns) %}
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

{#
  Where a model goes: into the schema it asks for by that very name (`staging`, `failures`), not into `marts_staging`.
  On Athena a schema is a Glue database, and all go into the one of the target.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- if custom_schema_name is none or target.type == 'athena' -%}
    {{ target.schema }}
  {%- else -%}
    {{ custom_schema_name | trim }}
  {%- endif -%}
{%- endmacro %}

{#- What makes a row of an incremental model the row it is (incremental.sql): these columns, and the version of the record that
    it was made of. -#}
{% macro identity_of() %}
    {{- return((varargs | list) + ['_load_id', '_source_file', '_source_row', '_version']) }}
{%- endmacro %}

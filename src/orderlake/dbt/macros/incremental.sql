{#
  An incremental model that trusts no watermark: what stands in it is compared with what should.

  A row is known by its identity: the key of the model, and where the row came from (`_load_id`, `_source_row`). A version of
  a file never changes, so rows of equal identity are equal, and a corrected order has rows of other identities. Then

    1. forget_stale, before the model runs, deletes the rows whose identity is not in the source any more: of orders that
       were corrected, of lines that were dropped, of orders that have no lines any more;
    2. only_new keeps of the source the rows whose identity does not stand in the model.

  Whatever was loaded, in whatever order, the model then has the rows of a full refresh. Whoever dies between the two
  leaves rows missing, and the next run finds them missing. For example:

    {{ config(
        materialized='incremental',
        pre_hook="{{ forget_stale(ref('stg_lines'), ['shop', 'order_id', 'line_number', '_load_id', '_source_row']) }}"
    ) }}
    select * from {{ ref('stg_lines') }} as source
    {{ only_new('source', ['shop', 'order_id', 'line_number', '_load_id', '_source_row']) }}

  The rule that comes with it: each column of such a model is made of columns of the same source row, and the identity is
  never null. A column that comes from another table, or counts other rows, belongs into the identity too, or the model is
  to be a table. The source is a view or a table: hooks know nothing of ephemeral models.
#}
{% macro forget_stale(source, identity) %}
  {%- if is_incremental() -%}
    delete from {{ this }}
    where not exists (
      select 1 from {{ source }} as source
      where {% for column in identity %}source.{{ column }} = {{ this.identifier }}.{{ column }}
      {%- if not loop.last %} and {% endif %}{% endfor %}
    )
  {%- endif -%}
{% endmacro %}

{% macro only_new(source, identity, keyword='where') %}
  {%- if is_incremental() -%}
    {{ keyword }} not exists (
      select 1 from {{ this }} as standing
      where {% for column in identity %}standing.{{ column }} = {{ source }}.{{ column }}
      {%- if not loop.last %} and {% endif %}{% endfor %}
    )
  {%- endif -%}
{% endmacro %}

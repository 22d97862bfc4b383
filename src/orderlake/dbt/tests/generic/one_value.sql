{#- All rows of one `by` agree on the column; those where it is not known do not count. -#}
{% test one_value(model, column_name, by) %}

select {{ by }}
from {{ model }}
group by {{ by }}
having count(distinct {{ column_name }}) > 1

{% endtest %}

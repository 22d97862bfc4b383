{#- What the expression says is so in each row; what is not known does not count against it. -#}
{% test holds(model, expression, column_name=none) %}

select *
from {{ model }}
where not ({{ expression }})

{% endtest %}

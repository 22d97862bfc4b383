{%- set attributes = ['name', 'email', 'address', 'city', 'region', 'postal_code', 'country'] -%}

-- A pure function of the orders: built today or in a year, on one engine or the other, it has the same versions.
with known as (

    select
        shop,
        customer_key,
        customer_id,
        order_id,
        seen_at,
        {%- for attribute in attributes %}
        {{ last_known(attribute, 'customer_key', 'seen_at, ' ~ by_id('order_id')) }} as {{ attribute }},
        {%- endfor %}
        row_number() over (partition by customer_key, seen_at order by {{ by_id('order_id', 'desc') }}) as from_last
    from {{ ref('int_customers') }}

),

-- Of several orders at one moment the last one speaks, so that no version lasts no time.
moments as (

    select
        *,
        row_number() over (partition by customer_key order by seen_at) as moment_number,
        {%- for attribute in attributes %}
        lag({{ attribute }}) over (partition by customer_key order by seen_at) as {{ attribute }}_before{{ '' if loop.last else ',' }}
        {%- endfor %}
    from known
    where from_last = 1

),

-- A version begins where something is other than before.
beginnings as (

    select *
    from moments
    where moment_number = 1
        {%- for attribute in attributes %}
        or {{ attribute }} is distinct from {{ attribute }}_before
        {%- endfor %}

),

versions as (

    select
        *,
        {{ whole('row_number() over (partition by customer_key order by seen_at)') }} as version,
        lead(seen_at) over (partition by customer_key order by seen_at) as next_seen_at
    from beginnings

)

select
    customer_key || ':' || {{ text('version') }} as customer_version_key,
    customer_key,
    shop,
    customer_id,
    version,
    {%- for attribute in attributes %}
    {{ attribute }},
    {%- endfor %}
    {{ kept_moment('seen_at') }} as valid_from,
    {{ kept_moment('next_seen_at') }} as valid_to,
    next_seen_at is null as is_current
from versions

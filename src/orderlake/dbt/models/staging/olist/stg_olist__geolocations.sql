-- One row per measurement: equal ones are measurements of their own.
select
    geolocation_zip_code_prefix as postal_code,
    geolocation_lat as latitude,
    geolocation_lng as longitude,
    geolocation_city as city,
    geolocation_state as region
from {{ source('lake', 'olist_geolocation_dataset') }}
where geolocation_zip_code_prefix is not null

-- Medians, because some measurements lie in the sea. Both are of rows that were measured: the middle one, or the middle two.
with ranked as (

    select
        postal_code,
        latitude,
        longitude,
        row_number() over (partition by postal_code order by latitude) as latitude_number,
        row_number() over (partition by postal_code order by longitude) as longitude_number,
        count(*) over (partition by postal_code) as measurements
    from {{ ref('stg_olist__geolocations') }}
    where latitude is not null and longitude is not null

),

places as (

    select
        postal_code,
        {{ whole('max(measurements)') }} as measurements,
        avg(case when 2 * latitude_number between measurements and measurements + 2 then latitude end) as latitude,
        avg(case when 2 * longitude_number between measurements and measurements + 2 then longitude end) as longitude
    from ranked
    group by postal_code

),

spellings as (

    select
        postal_code,
        city,
        region,
        count(*) as uses
    from {{ ref('stg_olist__geolocations') }}
    group by postal_code, city, region

),

-- The spelling in most use; of equally many the first by the alphabet.
named as (

    select
        postal_code,
        city,
        region,
        row_number() over (partition by postal_code order by uses desc, city, region) as spelling_number
    from spellings

)

select
    named.postal_code,
    named.city,
    named.region,
    places.latitude,
    places.longitude,
    coalesce(places.measurements, 0) as measurements
from named
left join places on named.postal_code = places.postal_code
where named.spelling_number = 1

select
    {{ key('olist', 'products.product_id') }} as product_key,
    products.product_id,
    coalesce(translation.product_category_name_english, products.product_category_name) as category,
    products.product_category_name as category_in_portuguese,
    products.product_weight_g as weight_g,
    products.product_length_cm as length_cm,
    products.product_height_cm as height_cm,
    products.product_width_cm as width_cm,
    products.product_photos_qty as photo_count
from {{ source('lake', 'olist_products_dataset') }} as products
left join {{ source('lake', 'product_category_name_translation') }} as translation
    on products.product_category_name = translation.product_category_name

{{ united('customers', [
    'shop', 'customer_key', 'customer_id', 'order_key', 'order_id', 'seen_at',
    'name', 'email', 'address', 'city', 'region', 'postal_code', 'country',
]) }}

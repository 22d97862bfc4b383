{{ united('order_lines', [
    'shop', 'order_key', 'line_key', 'order_id', 'line_number', 'product_key', 'product_id', 'product_name', 'category',
    'quantity', 'unit_price', 'gross_amount', 'discount_amount', 'net_amount',
    '_source_file', '_source_row', '_version', '_load_id',
]) }}

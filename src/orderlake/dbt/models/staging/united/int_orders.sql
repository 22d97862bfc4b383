{{ united('orders', [
    'shop', 'order_key', 'order_id', 'ordered_on', 'ordered_at', 'customer_key', 'status', 'currency', 'is_sale',
    'gross_amount', 'discount_amount', 'net_amount', 'shipping_amount', 'tax_amount', 'total_amount', 'refund_amount',
    'adjustment_amount', '_source_file', '_source_row', '_version', '_load_id',
]) }}

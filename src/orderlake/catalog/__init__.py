"""Which metadata each table has: catalogs of Iceberg tables."""

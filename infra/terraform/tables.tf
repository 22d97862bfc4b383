# Heads, leases and the history of loads in DynamoDB; the tables' names in Glue. The tables themselves are made by the
# functions when they first commit.

resource "aws_dynamodb_table" "lake" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = !var.force_destroy

  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = local.kms
    kms_key_arn = local.kms_key
  }
}

resource "aws_glue_catalog_database" "lake" {
  name         = local.database
  description  = "orderlake ${var.name}"
  location_uri = "${local.locations.lake}/"
}

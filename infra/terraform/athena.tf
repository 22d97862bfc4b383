resource "aws_athena_workgroup" "lake" {
  name          = var.name
  description   = "Queries of orderlake ${var.name}: results are encrypted and expire, and a query that scans too much is cancelled."
  force_destroy = true # what it holds is queries and their history

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
    result_configuration {
      output_location       = local.locations.results
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = local.kms ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = local.kms_key
      }
    }
  }
}

# The first line of each file in queries/ is its description.
locals {
  queries = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
}

resource "aws_athena_named_query" "orders" {
  for_each = local.queries

  name        = "${var.name} ${replace(each.key, "_", " ")}"
  description = trimprefix(split("\n", each.value)[0], "-- ")
  workgroup   = aws_athena_workgroup.lake.id
  database    = aws_glue_catalog_database.lake.name
  query       = each.value
}

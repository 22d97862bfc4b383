# Only for files that fit no pipeline, and off unless var.crawler is set. The ingest function starts it, now and then.

resource "aws_glue_security_configuration" "crawler" {
  count = var.crawler ? 1 : 0

  name = local.crawler
  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = local.kms ? "SSE-KMS" : "DISABLED"
      kms_key_arn                = local.kms_key
    }
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = local.kms ? "CSE-KMS" : "DISABLED"
      kms_key_arn                   = local.kms_key
    }
    s3_encryption {
      s3_encryption_mode = local.kms ? "SSE-KMS" : "SSE-S3"
      kms_key_arn        = local.kms_key
    }
  }
}

resource "aws_glue_crawler" "foreign" {
  count = var.crawler ? 1 : 0

  name                   = local.crawler
  description            = "Catalogs files under ${local.locations.foreign} that fit no pipeline."
  role                   = aws_iam_role.crawler[0].arn
  database_name          = aws_glue_catalog_database.lake.name
  table_prefix           = "foreign_"
  security_configuration = aws_glue_security_configuration.crawler[0].name

  s3_target {
    path = local.locations.foreign
  }
  schema_change_policy {
    update_behavior = "UPDATE_IN_DATABASE"
    delete_behavior = "LOG"
  }
  configuration = jsonencode({
    Version  = 1.0
    Grouping = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })

  depends_on = [aws_iam_role_policy.crawler]
}

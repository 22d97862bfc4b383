# Only for files that fit no pipeline, and off unless var.crawler is set. The ingest function starts it, now and then.

resource "aws_glue_crawler" "foreign" {
  count = var.crawler ? 1 : 0

  name                   = local.crawler
  description            = "Catalogs files under ${local.locations.foreign} that fit no pipeline."
  role                   = aws_iam_role.crawler[0].arn
  database_name          = aws_glue_catalog_database.lake.name
  table_prefix           = "foreign_"
  security_configuration = aws_glue_security_configuration.glue["crawler"].name

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

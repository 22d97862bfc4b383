# Three functions out of one package. Their log groups are made first, so that retention holds from the first line.

locals {
  package_sha256 = filesha256(var.package)
  environment = {
    ORDERLAKE_NAME               = var.name
    ORDERLAKE_RAW                = local.locations.raw
    ORDERLAKE_LAKE               = local.locations.lake
    ORDERLAKE_PIPELINES          = local.locations.pipelines
    ORDERLAKE_TABLE              = var.name
    ORDERLAKE_DATABASE           = local.database
    ORDERLAKE_WORKGROUP          = var.name
    ORDERLAKE_QUEUE_URL          = aws_sqs_queue.ingest.url
    ORDERLAKE_DEAD_LETTER_URL    = aws_sqs_queue.dead_letters.url
    ORDERLAKE_CRAWLER            = var.crawler ? local.crawler : null
    ORDERLAKE_ALERTS_TOPIC       = var.alerts ? local.arns.alerts : null
    ORDERLAKE_ALERTS_ON          = var.alerts ? join(",", var.alerts_on) : null
    ORDERLAKE_MEMORY_MB          = tostring(var.engine_memory)
    POWERTOOLS_SERVICE_NAME      = var.name
    POWERTOOLS_METRICS_NAMESPACE = "orderlake"
    POWERTOOLS_LOG_LEVEL         = var.log_level
    POWERTOOLS_TRACE_DISABLED    = var.tracing ? null : "true"
  }
}

resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket.lake["ops"].id
  key         = "package/${local.package_sha256}.zip"
  source      = var.package
  source_hash = local.package_sha256

  depends_on = [
    aws_s3_bucket_server_side_encryption_configuration.lake,
    aws_s3_bucket_versioning.lake,
  ]

  lifecycle {
    create_before_destroy = true # the old package goes once the functions have the new one
  }
}

resource "aws_cloudwatch_log_group" "lake" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention
  kms_key_id        = local.kms_key
}

resource "aws_lambda_function" "lake" {
  for_each = local.functions

  function_name    = each.value
  description      = "orderlake ${var.name}: ${each.key}"
  role             = aws_iam_role.function[each.key].arn
  handler          = "orderlake.aws.${each.key}.handler"
  runtime          = "python${var.python}"
  architectures    = [var.architecture]
  memory_size      = var.memory
  timeout          = var.timeout
  s3_bucket        = aws_s3_object.package.bucket
  s3_key           = aws_s3_object.package.key
  source_code_hash = filebase64sha256(var.package)
  kms_key_arn      = local.kms_key

  ephemeral_storage {
    size = var.ephemeral_storage
  }
  environment {
    variables = merge(
      { for key, value in local.environment : key => value if value != null },
      each.key == "workflow" ? { ORDERLAKE_TOPIC = aws_sns_topic.alarms.arn } : {},
      each.key == "scan" ? {} : local.pii_key_setting, # the scan opens no file
    )
  }
  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  depends_on = [
    aws_cloudwatch_log_group.lake,
    aws_iam_role_policy.function,
    aws_iam_role_policy.function_key,
  ]
}

resource "aws_lambda_event_source_mapping" "ingest" {
  event_source_arn                   = aws_sqs_queue.ingest.arn
  function_name                      = aws_lambda_function.lake["ingest"].arn
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batch_window
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.ingest_concurrency
  }
}

# Names and ARNs are made here from variables, not read from resources: policies can then be read in a plan, before
# anything exists, and functions and workflow can name each other without a cycle.

data "aws_partition" "here" {}

data "aws_caller_identity" "here" {
  count = var.account_id == "" ? 1 : 0
}

locals {
  partition = data.aws_partition.here.partition
  account   = var.account_id == "" ? data.aws_caller_identity.here[0].account_id : var.account_id
  here      = "${var.region}:${local.account}"

  buckets = {
    for kind in ["raw", "lake", "ops"] :
    kind => coalesce(var.bucket_names[kind], "${var.name}-${kind}-${local.account}-${var.region}")
  }
  locations = {
    raw       = "s3://${local.buckets.raw}/${trimsuffix(var.raw_prefix, "/")}"
    lake      = "s3://${local.buckets.lake}/${trimsuffix(var.lake_prefix, "/")}"
    pipelines = "s3://${local.buckets.ops}/pipelines"
    foreign   = "s3://${local.buckets.raw}/${var.raw_prefix}foreign/"
    results   = "s3://${local.buckets.ops}/athena-results/"
  }
  database  = replace(var.name, "-", "_")
  crawler   = "${var.name}-foreign"
  functions = { for part in ["ingest", "scan", "workflow"] : part => "${var.name}-${part}" }
  workflow  = "${var.name}-backfill"

  alerts_topic = "${var.name}-alerts"

  arns = {
    raw           = "arn:${local.partition}:s3:::${local.buckets.raw}"
    lake          = "arn:${local.partition}:s3:::${local.buckets.lake}"
    ops           = "arn:${local.partition}:s3:::${local.buckets.ops}"
    queue         = "arn:${local.partition}:sqs:${local.here}:${var.name}-ingest"
    dead_letters  = "arn:${local.partition}:sqs:${local.here}:${var.name}-dead-letters"
    table         = "arn:${local.partition}:dynamodb:${local.here}:table/${var.name}"
    catalog       = "arn:${local.partition}:glue:${local.here}:catalog"
    database      = "arn:${local.partition}:glue:${local.here}:database/${local.database}"
    tables        = "arn:${local.partition}:glue:${local.here}:table/${local.database}"
    crawler       = "arn:${local.partition}:glue:${local.here}:crawler/${local.crawler}"
    state_machine = "arn:${local.partition}:states:${local.here}:stateMachine:${local.workflow}"
    alarms        = "arn:${local.partition}:sns:${local.here}:${var.name}-alarms"
    alerts        = "arn:${local.partition}:sns:${local.here}:${local.alerts_topic}"
  }
  function_arns = { for part, name in local.functions : part => "arn:${local.partition}:lambda:${local.here}:function:${name}" }
  log_groups = merge(
    { for part, name in local.functions : part => "/aws/lambda/${name}" },
    { backfill = "/aws/vendedlogs/states/${local.workflow}" },
  )
}

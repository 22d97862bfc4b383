# One role per function and per service, each with the actions it needs on the ARNs it needs. No statement on data has
# `*` for a resource; the few that have it (X-Ray, log delivery, security configurations) know no other. What a function
# has here, and no more, is what tests/e2e/terraform/test_recorded_calls.py sees it call.

locals {
  may = {
    # The prefix is asked of a listing only: a GET of what is not there has none, and must say 404, not 403.
    read_raw = [
      {
        Sid      = "ReadNewFiles"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = ["${local.arns.raw}/${var.raw_prefix}*"]
      },
      {
        Sid       = "ListNewFiles"
        Effect    = "Allow"
        Action    = ["s3:ListBucket", "s3:ListBucketVersions"]
        Resource  = [local.arns.raw]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["${var.raw_prefix}*"] } }
      },
    ]
    list_raw = [
      {
        Sid       = "ListNewFiles"
        Effect    = "Allow"
        Action    = ["s3:ListBucketVersions"]
        Resource  = [local.arns.raw]
        Condition = { StringLike = { "s3:prefix" = ["${var.raw_prefix}*"] } }
      },
      {
        Sid      = "ReadWhichWereRewritten"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.arns.lake}/${var.lake_prefix}.rewritten.json"]
      },
      {
        Sid       = "TellThatNoneWere"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.arns.lake]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["${var.lake_prefix}.rewritten.json"] } }
      },
    ]
    write_lake = [
      {
        Sid      = "ReadAndWriteTables"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = ["${local.arns.lake}/${var.lake_prefix}*"]
      },
      {
        Sid       = "ListTables"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.arns.lake]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["${var.lake_prefix}*"] } }
      },
    ]
    read_pipelines = [
      {
        Sid      = "ReadPipelines"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.arns.ops}/pipelines/*"]
      },
      {
        Sid       = "ListPipelines"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.arns.ops]
        Condition = { StringLike = { "s3:prefix" = ["pipelines/*"] } }
      },
    ]
    keep_work_lists = [{
      Sid      = "KeepWorkListsOfBackfills"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${local.arns.ops}/backfill/*"]
    }]
    read_ledger = [{
      Sid      = "ReadTheLedger"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem"]
      Resource = [local.arns.table]
    }]
    # Transactions need no right of their own: each of their parts needs its own.
    write_ledger = [{
      Sid    = "KeepHeadsLeasesAndLoads"
      Effect = "Allow"
      Action = [
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
      ]
      Resource = [local.arns.table]
    }]
    read_history = [{
      Sid      = "ReadTheWholeHistory"
      Effect   = "Allow"
      Action   = ["dynamodb:Query"]
      Resource = [local.arns.table]
    }]
    publish_tables = [{
      Sid      = "PublishTables"
      Effect   = "Allow"
      Action   = ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
      Resource = [local.arns.catalog, local.arns.database, "${local.arns.tables}/*"]
    }]
    ask_optimizers = [{
      Sid      = "AskWhichTablesGlueOptimizes"
      Effect   = "Allow"
      Action   = ["glue:GetTableOptimizer"]
      Resource = [local.arns.catalog, local.arns.database, "${local.arns.tables}/*"]
    }]
    take_from_queue = [{
      Sid      = "TakeFromTheQueue"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = [local.arns.queue]
    }]
    put_on_queue = [{
      Sid      = "PutOnTheQueue"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [local.arns.queue]
    }]
    tell_people = [{
      Sid      = "ReportBackfills"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = [local.arns.alarms]
    }]
    send_alerts = [for on in [var.alerts] : {
      Sid      = "SendAlerts"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = [local.arns.alerts]
    } if on]
    start_crawler = [for on in [var.crawler] : {
      Sid      = "StartTheCrawler"
      Effect   = "Allow"
      Action   = ["glue:StartCrawler"]
      Resource = [local.arns.crawler]
    } if on]
    # AWS knows no resource for these.
    trace = [for on in [var.tracing] : {
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    } if on]
  }

  function_statements = {
    ingest = concat(
      local.may.take_from_queue, local.may.read_pipelines, local.may.read_raw, local.may.write_lake,
      local.may.write_ledger, local.may.publish_tables, local.may.start_crawler, local.may.send_alerts,
      local.may.trace,
    )
    scan = concat(
      local.may.list_raw, local.may.read_pipelines, local.may.read_ledger, local.may.put_on_queue, local.may.trace,
    )
    workflow = concat(
      local.may.read_pipelines, local.may.read_raw, local.may.write_lake, local.may.write_ledger,
      local.may.read_history, local.may.publish_tables, local.may.ask_optimizers, local.may.keep_work_lists, local.may.tell_people,
      local.may.send_alerts, local.may.trace,
    )
  }

  assumed_by = {
    for service in ["lambda", "scheduler", "states", "glue"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [merge(
        { Effect = "Allow", Principal = { Service = "${service}.amazonaws.com" }, Action = "sts:AssumeRole" },
        contains(["scheduler", "states"], service) ? { Condition = local.same_account } : {},
      )]
    })
  }
  use_key = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "UseTheKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [local.kms ? local.kms_key : "none"]
    }]
  })
}

# The functions.

resource "aws_iam_role" "function" {
  for_each = local.functions

  name               = each.value
  assume_role_policy = local.assumed_by.lambda
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = each.key
  role = aws_iam_role.function[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.function_statements[each.key], [{
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["arn:${local.partition}:logs:${local.here}:log-group:${local.log_groups[each.key]}:*"]
    }])
  })
}

# Apart from the rest, because a new key's ARN is known only once it is made, and the rest shall be readable in a plan.
resource "aws_iam_role_policy" "function_key" {
  for_each = local.kms ? local.functions : {}

  name   = "key"
  role   = aws_iam_role.function[each.key].name
  policy = local.use_key
}

# The scheduler.

resource "aws_iam_role" "scheduler" {
  name               = "${var.name}-scheduler"
  assume_role_policy = local.assumed_by.scheduler
}

resource "aws_iam_role_policy" "scheduler" {
  name = "scheduler"
  role = aws_iam_role.scheduler.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartTheScanAndMaintenance"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [local.function_arns.scan, local.function_arns.workflow]
    }]
  })
}

resource "aws_iam_role_policy" "scheduler_key" {
  count = local.kms ? 1 : 0

  name   = "key"
  role   = aws_iam_role.scheduler.name
  policy = local.use_key
}

# The workflow.

resource "aws_iam_role" "state_machine" {
  name               = local.workflow
  assume_role_policy = local.assumed_by.states
}

resource "aws_iam_role_policy" "state_machine" {
  name = "backfill"
  role = aws_iam_role.state_machine.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "RunTasks"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = [local.function_arns.workflow]
        },
        # AWS knows no resource for these.
        {
          Sid    = "DeliverLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
          ]
          Resource = ["*"]
        },
      ],
      local.may.trace,
    )
  })
}

# The crawler, where there is one.

resource "aws_iam_role" "crawler" {
  count = var.crawler ? 1 : 0

  name               = local.crawler
  assume_role_policy = local.assumed_by.glue
}

resource "aws_iam_role_policy" "crawler" {
  count = var.crawler ? 1 : 0

  name = "crawler"
  role = aws_iam_role.crawler[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadForeignFiles"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.arns.raw}/${var.raw_prefix}foreign/*"]
      },
      {
        Sid       = "ListForeignFiles"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.arns.raw]
        Condition = { StringLike = { "s3:prefix" = ["${var.raw_prefix}foreign/*"] } }
      },
      {
        Sid    = "CatalogForeignTables"
        Effect = "Allow"
        Action = [
          "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable",
          "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition", "glue:BatchCreatePartition",
          "glue:CreatePartition", "glue:UpdatePartition",
        ]
        Resource = [local.arns.catalog, local.arns.database, "${local.arns.tables}/foreign_*"]
      },
    ], local.run_in_glue.crawler)
  })
}

resource "aws_iam_role_policy" "crawler_key" {
  count = var.crawler && local.kms ? 1 : 0

  name   = "key"
  role   = aws_iam_role.crawler[0].name
  policy = local.use_key
}

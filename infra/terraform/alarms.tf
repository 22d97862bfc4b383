resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = local.kms_key
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsAndBudgetsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = local.arns.alarms
      Condition = local.same_account
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  alarms = merge(
    { for part, name in local.functions : "${part}-errors" => {
      what       = "The function ${name} failed: see its log group /aws/lambda/${name}."
      namespace  = "AWS/Lambda"
      metric     = "Errors"
      dimensions = { FunctionName = name }
      statistic  = "Sum"
      above      = 0
    } },
    {
      waiting = {
        what       = "Files wait longer than ${var.alarm_age} seconds to be loaded."
        namespace  = "AWS/SQS"
        metric     = "ApproximateAgeOfOldestMessage"
        dimensions = { QueueName = "${var.name}-ingest" }
        statistic  = "Maximum"
        above      = var.alarm_age
      }
      dead-letters = {
        what       = "Messages failed four times and were set aside: `orderlake deadletter list`."
        namespace  = "AWS/SQS"
        metric     = "ApproximateNumberOfMessagesVisible"
        dimensions = { QueueName = "${var.name}-dead-letters" }
        statistic  = "Maximum"
        above      = 0
      }
      failed-checks = {
        what       = "A check of a pipeline, or a verification, did not hold: `orderlake verify`."
        namespace  = "orderlake"
        metric     = "FailedChecks"
        dimensions = { service = var.name }
        statistic  = "Sum"
        above      = 0
      }
      rejected-files = {
        what       = "Files could not be read and were rejected: `orderlake loads`."
        namespace  = "orderlake"
        metric     = "FilesRejected"
        dimensions = { service = var.name }
        statistic  = "Sum"
        above      = 0
      }
      backfill = {
        what       = "A backfill failed: see its execution."
        namespace  = "AWS/States"
        metric     = "ExecutionsFailed"
        dimensions = { StateMachineArn = local.arns.state_machine }
        statistic  = "Sum"
        above      = 0
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "lake" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# Counts what carries the tag orderlake = NAME, once that is a cost allocation tag of the account.
resource "aws_budgets_budget" "month" {
  count = var.monthly_budget_usd > 0 ? 1 : 0

  name         = "${var.name}-month"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(var.monthly_budget_usd)

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:orderlake$%s", var.name)]
  }

  dynamic "notification" {
    for_each = [["ACTUAL", 80], ["ACTUAL", 100], ["FORECASTED", 100]]
    iterator = notice
    content {
      comparison_operator       = "GREATER_THAN"
      notification_type         = notice.value[0]
      threshold                 = notice.value[1]
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

locals {
  charts = [
    {
      title   = "Files waiting, and set aside"
      metrics = [for queue in ["ingest", "dead-letters"] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-${queue}"]]
      stat    = "Maximum"
    },
    {
      title   = "Age of the oldest file, seconds"
      metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.name}-ingest"]]
      stat    = "Maximum"
    },
    {
      title   = "Files loaded, rejected; messages failed"
      metrics = [for metric in ["FilesLoaded", "FilesRejected", "MessagesFailed"] : ["orderlake", metric, "service", var.name]]
      stat    = "Sum"
    },
    {
      title   = "Records loaded, quarantined; checks failed"
      metrics = [for metric in ["Loaded", "Quarantined", "FailedChecks"] : ["orderlake", metric, "service", var.name]]
      stat    = "Sum"
    },
    {
      title   = "Function calls"
      metrics = [for name in values(local.functions) : ["AWS/Lambda", "Invocations", "FunctionName", name]]
      stat    = "Sum"
    },
    {
      title   = "Function errors"
      metrics = [for name in values(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", name]]
      stat    = "Sum"
    },
    {
      title   = "Function duration, milliseconds"
      metrics = [for name in values(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", name]]
      stat    = "p95"
    },
    {
      title   = "Bytes scanned by Athena"
      metrics = [["AWS/Athena", "ProcessedBytes", "WorkGroup", var.name]]
      stat    = "Sum"
    },
    {
      title   = "Backfills done, failed"
      metrics = [for metric in ["ExecutionsSucceeded", "ExecutionsFailed"] : ["AWS/States", metric, "StateMachineArn", local.arns.state_machine]]
      stat    = "Sum"
    },
    {
      title   = "DynamoDB units"
      metrics = [for kind in ["Read", "Write"] : ["AWS/DynamoDB", "Consumed${kind}CapacityUnits", "TableName", var.name]]
      stat    = "Sum"
    },
  ]
}

resource "aws_cloudwatch_dashboard" "lake" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for place, chart in local.charts : {
        type   = "metric"
        x      = 12 * (place % 2)
        y      = 6 * floor(place / 2)
        width  = 12
        height = 6
        properties = {
          title   = chart.title
          metrics = chart.metrics
          stat    = chart.stat
          period  = 300
          region  = var.region
          view    = "timeSeries"
        }
      }
    ]
  })
}

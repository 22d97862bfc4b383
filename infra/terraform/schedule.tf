# Events get lost, on every bus: the scan finds what none announced. Each file that it looks at costs a read, so it looks
# at new ones often, and seldom at all.

locals {
  scans = {
    scan      = { rate = var.scan_rate, days = var.scan_days }
    full-scan = { rate = var.full_scan_rate, days = 0 }
  }
}

resource "aws_scheduler_schedule" "scan" {
  for_each = local.scans

  name                = "${var.name}-${each.key}"
  description         = "Looks for files in ${local.trigger} that no event announced: ${each.value.days == 0 ? "all" : "${each.value.days} days"}."
  schedule_expression = each.value.rate
  kms_key_arn         = local.kms_key

  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_lambda_function.lake["scan"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ source = "schedule", days = each.value.days })

    retry_policy {
      maximum_event_age_in_seconds = 900
      maximum_retry_attempts       = 2
    }
  }
}

# Tables are looked after without a backfill too. What there was no time for is done the next time.
resource "aws_scheduler_schedule" "maintenance" {
  count = var.maintenance_rate == "" ? 0 : 1

  name                = "${var.name}-maintenance"
  description         = "Folds small files of tables, expires old snapshots, deletes what nothing needs."
  schedule_expression = var.maintenance_rate
  kms_key_arn         = local.kms_key

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 60
  }
  target {
    arn      = aws_lambda_function.lake["workflow"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ task = "maintain", execution = "maintenance" })

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 2
    }
  }
}

moved {
  from = aws_scheduler_schedule.scan
  to   = aws_scheduler_schedule.scan["scan"]
}

# The next scan does what this one could not.
resource "aws_lambda_function_event_invoke_config" "scan" {
  function_name                = aws_lambda_function.lake["scan"].function_name
  maximum_event_age_in_seconds = 900
  maximum_retry_attempts       = 0
}

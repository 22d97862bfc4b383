# Events get lost, on every bus: the scan finds what none announced.

resource "aws_scheduler_schedule" "scan" {
  name                = "${var.name}-scan"
  description         = "Looks for files in ${local.trigger} that no event announced."
  schedule_expression = var.scan_rate
  kms_key_arn         = local.kms_key

  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_lambda_function.lake["scan"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ source = "schedule" })

    retry_policy {
      maximum_event_age_in_seconds = 900
      maximum_retry_attempts       = 2
    }
  }
}

# The next scan does what this one could not.
resource "aws_lambda_function_event_invoke_config" "scan" {
  function_name                = aws_lambda_function.lake["scan"].function_name
  maximum_event_age_in_seconds = 900
  maximum_retry_attempts       = 0
}

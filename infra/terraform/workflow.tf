# Backfill of a prefix, {"prefix": "s3://RAW-BUCKET/raw/2024/"}, or with {} of everything. One function does every task; what a task gets and gives
# is in orderlake/aws/workflow.py. A group that cannot be loaded does not stop the others, and whatever happens after
# the plan, the report is made, and then the execution fails if something did.

locals {
  retry = [
    {
      # Lambda's own trouble, and a function that died or ran out of time: loads bear being done again.
      ErrorEquals = [
        "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException", "Lambda.Unknown", "States.Timeout",
      ]
      IntervalSeconds = 2
      BackoffRate     = 2
      MaxAttempts     = 4
      MaxDelaySeconds = 60
      JitterStrategy  = "FULL"
    },
    {
      # Step Functions compares names, so that each TransientError of errors.py stands here; a test sees to it.
      ErrorEquals = [
        "TransientError", "StorageUnavailableError", "CatalogUnavailableError", "CommitConflictError",
        "SourceChangedError", "SourcesAppliedError", "CommitStateUnknownError",
      ]
      IntervalSeconds = 5
      BackoffRate     = 2
      MaxAttempts     = 6
      MaxDelaySeconds = 120
      JitterStrategy  = "FULL"
    },
  ]

  task = {
    Type           = "Task"
    Resource       = local.function_arns.workflow
    TimeoutSeconds = var.timeout + 30
    Retry          = local.retry
  }
  to_report = { Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.error", Next = "Report" }] }

  definition = {
    Comment        = "Backfill of ${var.name}: plan, load, check, marts, maintain, report"
    StartAt        = "Start"
    TimeoutSeconds = 86400
    States = {
      Start = {
        Type    = "Choice"
        Choices = [{ Variable = "$.prefix", IsPresent = true, Next = "Plan" }]
        Default = "Everything"
      }
      Everything = {
        Type   = "Pass"
        Result = { prefix = local.locations.raw }
        Next   = "Plan"
      }
      Plan = merge(local.task, {
        Parameters = { task = "plan", "prefix.$" = "$.prefix", "execution.$" = "$$.Execution.Name" }
        ResultPath = "$.plan"
        Next       = "Load"
      })
      Load = merge(local.to_report, {
        Type           = "Map"
        ItemsPath      = "$.plan.groups"
        MaxConcurrency = var.workflow_concurrency
        ItemSelector   = { task = "load", "group.$" = "$$.Map.Item.Value", "execution.$" = "$$.Execution.Name" }
        ItemProcessor = {
          ProcessorConfig = { Mode = "INLINE" }
          StartAt         = "LoadGroup"
          States = {
            LoadGroup = merge(local.task, {
              Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.error", Next = "GroupFailed" }]
              End   = true
            })
            GroupFailed = {
              Type       = "Pass"
              Parameters = { "group.$" = "$.group", "error.$" = "$.error.Error" } # no cause: a stack trace of each would not fit
              End        = true
            }
          }
        }
        ResultPath = "$.loads"
        Next       = "Check"
      })
      Check = merge(local.task, local.to_report, {
        Parameters = { task = "check", "execution.$" = "$$.Execution.Name" }
        ResultPath = "$.check"
        Next       = "Marts"
      })
      Marts = merge(local.task, local.to_report, {
        Parameters = { task = "marts", "execution.$" = "$$.Execution.Name" }
        ResultPath = "$.marts"
        Next       = "Maintain"
      })
      Maintain = merge(local.task, local.to_report, {
        Parameters = { task = "maintain", "execution.$" = "$$.Execution.Name" }
        ResultPath = "$.maintain"
        Next       = "Maintained"
      })
      Maintained = {
        Type    = "Choice"
        Choices = [{ Variable = "$.maintain.again", BooleanEquals = true, Next = "Maintain" }]
        Default = "Report"
      }
      Report = merge(local.task, {
        Parameters = { task = "report", "execution.$" = "$$.Execution.Name", "state.$" = "$" }
        ResultPath = "$.report"
        Next       = "Outcome"
      })
      Outcome = {
        Type = "Choice"
        Choices = [
          { Variable = "$.error", IsPresent = true, Next = "Failed" },
          { Variable = "$.report.ok", BooleanEquals = false, Next = "Failed" },
        ]
        Default = "Done"
      }
      Failed = {
        Type  = "Fail"
        Error = "BackfillIncomplete"
        Cause = "Something could not be loaded or checked: see the report. What was loaded stays; start it again once the cause is gone."
      }
      Done = { Type = "Succeed" }
    }
  }
}

resource "aws_sfn_state_machine" "backfill" {
  name       = local.workflow
  role_arn   = aws_iam_role.state_machine.arn
  definition = jsonencode(local.definition)

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.lake["backfill"].arn}:*"
  }
  tracing_configuration {
    enabled = var.tracing
  }

  depends_on = [aws_iam_role_policy.state_machine, aws_lambda_function.lake]
}

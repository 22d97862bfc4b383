# What the module makes of its variables, without AWS: `terraform test`. tests/e2e/terraform/ runs these too, and
# looks at the policies and the workflow in a real plan.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:shop" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:shop" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:shop" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/1b2c3d" }
  }
}

variables {
  name    = "shop"
  region  = "eu-central-1"
  package = "./versions.tf" # any file: only its bytes matter here
}

run "everything_is_called_after_the_deployment" {
  command = apply

  assert {
    condition = { for kind, bucket in aws_s3_bucket.lake : kind => bucket.bucket } == {
      raw  = "shop-raw-123456789012-eu-central-1"
      lake = "shop-lake-123456789012-eu-central-1"
      ops  = "shop-ops-123456789012-eu-central-1"
    }
    error_message = "bucket names"
  }
  assert {
    condition     = output.functions == { ingest = "shop-ingest", scan = "shop-scan", workflow = "shop-workflow" }
    error_message = "function names"
  }
  assert {
    condition     = output.raw == "s3://shop-raw-123456789012-eu-central-1/raw" && output.lake == "s3://shop-lake-123456789012-eu-central-1/lake"
    error_message = "locations"
  }
  assert {
    condition     = aws_sqs_queue.ingest.name == "shop-ingest" && aws_sqs_queue.dead_letters.name == "shop-dead-letters"
    error_message = "queue names"
  }
}

run "a_hyphen_in_the_name_is_none_in_the_database" {
  command = plan
  variables { name = "my-shop" }

  assert {
    condition     = aws_glue_catalog_database.lake.name == "my_shop"
    error_message = "Athena wants underscores"
  }
}

run "buckets_may_have_names_of_their_own" {
  command = plan
  variables { bucket_names = { raw = "uploads-of-the-shop" } }

  assert {
    condition     = aws_s3_bucket.lake["raw"].bucket == "uploads-of-the-shop" && output.raw == "s3://uploads-of-the-shop/raw"
    error_message = "the name was not taken"
  }
}

run "what_costs_or_mails_is_off_by_default" {
  command = plan

  assert {
    condition     = length(aws_glue_crawler.foreign) == 0 && length(aws_iam_role.crawler) == 0
    error_message = "there is a crawler"
  }
  assert {
    condition     = length(aws_glue_security_configuration.glue) == 0 && length(aws_glue_job.spark) == 0 && length(aws_iam_role.spark) == 0 && output.spark_job == ""
    error_message = "there is a Glue job"
  }
  assert {
    condition     = length(aws_budgets_budget.month) == 0
    error_message = "there is a budget"
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "there is a subscription"
  }
  assert {
    condition     = length(aws_sns_topic.alerts) == 0 && length(aws_sns_topic_subscription.alerts) == 0 && output.alerts_topic == "" && output.alerts_on == ""
    error_message = "there are alerts"
  }
  assert {
    condition     = !contains(keys(aws_lambda_function.lake["ingest"].environment[0].variables), "ORDERLAKE_ALERTS_TOPIC") && !strcontains(aws_iam_role_policy.function["ingest"].policy, "sns:")
    error_message = "ingest may alert"
  }
  assert {
    condition     = length(aws_kms_key.lake) == 0
    error_message = "there is a key"
  }
  assert {
    condition     = aws_lambda_function.lake["ingest"].tracing_config[0].mode == "PassThrough" && !aws_sfn_state_machine.backfill.tracing_configuration[0].enabled
    error_message = "there is tracing"
  }
}

run "what_costs_or_mails_can_be_switched_on" {
  command = plan
  variables {
    crawler            = true
    spark_wheel        = "./versions.tf" # any file, as above
    monthly_budget_usd = 20
    alarm_email        = "ops@shop.example"
    alerts             = true
    alerts_on          = ["rejected", "quarantined"]
    alert_email        = "data@shop.example"
    tracing            = true
  }

  assert {
    condition     = aws_sns_topic.alerts[0].name == "shop-alerts" && aws_sns_topic_subscription.alerts[0].endpoint == "data@shop.example"
    error_message = "topic of alerts"
  }
  assert {
    condition     = aws_lambda_function.lake["ingest"].environment[0].variables["ORDERLAKE_ALERTS_TOPIC"] == "arn:aws:sns:eu-central-1:123456789012:shop-alerts" && aws_lambda_function.lake["ingest"].environment[0].variables["ORDERLAKE_ALERTS_ON"] == "rejected,quarantined"
    error_message = "the function does not know where alerts go"
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.function["ingest"].policy, "SendAlerts") && strcontains(aws_iam_role_policy.function["workflow"].policy, "SendAlerts") && !strcontains(aws_iam_role_policy.function["scan"].policy, "SendAlerts")
    error_message = "those that load may alert, and no other"
  }

  assert {
    condition     = aws_glue_job.spark[0].name == "shop-spark" && aws_glue_job.spark[0].glue_version == "5.0" && output.spark_job == "shop-spark"
    error_message = "Glue job"
  }
  assert {
    condition     = jsondecode(aws_glue_job.spark[0].default_arguments["--settings"])["ORDERLAKE_TABLE"] == "shop" && strcontains(aws_glue_job.spark[0].default_arguments["--additional-python-modules"], "/versions.tf,")
    error_message = "the Glue job does not know its lake, or its wheel"
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.spark[0].policy, "ReadNewFiles") && strcontains(aws_iam_role_policy.spark[0].policy, "ReadAndWriteTables") && !strcontains(aws_iam_role_policy.spark[0].policy, "TakeFromTheQueue")
    error_message = "rights of the Glue job"
  }
  assert {
    condition     = aws_glue_crawler.foreign[0].name == "shop-foreign" && one(aws_glue_crawler.foreign[0].s3_target).path == "s3://shop-raw-123456789012-eu-central-1/raw/foreign/"
    error_message = "crawler"
  }
  assert {
    condition     = aws_lambda_function.lake["ingest"].environment[0].variables["ORDERLAKE_CRAWLER"] == "shop-foreign"
    error_message = "the function does not know the crawler"
  }
  assert {
    condition     = aws_budgets_budget.month[0].limit_amount == "20" && length(aws_budgets_budget.month[0].notification) == 3
    error_message = "budget"
  }
  assert {
    condition     = aws_sns_topic_subscription.email[0].endpoint == "ops@shop.example"
    error_message = "subscription"
  }
  assert {
    condition     = aws_lambda_function.lake["scan"].tracing_config[0].mode == "Active" && aws_sfn_state_machine.backfill.tracing_configuration[0].enabled
    error_message = "tracing"
  }
}

run "what_runs_in_glue_has_a_security_configuration_each" {
  command = plan
  variables {
    crawler     = true
    spark_wheel = "./versions.tf"
    encryption  = "KMS"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0a-1b"
  }

  assert {
    condition     = { for part, found in aws_glue_security_configuration.glue : part => found.name } == { crawler = aws_glue_crawler.foreign[0].security_configuration, spark = aws_glue_job.spark[0].security_configuration }
    error_message = "one has none, or the other's"
  }
  assert {
    condition     = alltrue([for found in aws_glue_security_configuration.glue : found.encryption_configuration[0].s3_encryption[0].kms_key_arn == var.kms_key_arn])
    error_message = "the key is not used"
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.crawler[0].policy, ":/aws-glue/crawlers*") && !strcontains(aws_iam_role_policy.crawler[0].policy, ":/aws-glue/jobs*") && strcontains(aws_iam_role_policy.spark[0].policy, ":/aws-glue/jobs*")
    error_message = "logs"
  }
}

run "the_crawler_is_there_without_the_spark_job" {
  command = plan
  variables { crawler = true }

  assert {
    condition     = keys(aws_glue_security_configuration.glue) == ["crawler"] && length(aws_glue_job.spark) == 0
    error_message = "there is something for Spark"
  }
}

run "encryption_is_of_s3_by_default" {
  command = plan

  assert {
    condition     = alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.lake : one(one(each.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"])
    error_message = "buckets"
  }
  assert {
    condition     = aws_sqs_queue.ingest.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "queues"
  }
  assert {
    condition     = aws_athena_workgroup.lake.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    error_message = "results"
  }
  assert {
    condition     = length(aws_iam_role_policy.function_key) == 0
    error_message = "roles have a key that is not there"
  }
}

run "with_kms_one_key_encrypts_everything_and_rotates" {
  command = apply
  variables { encryption = "KMS" }

  assert {
    condition     = aws_kms_key.lake[0].enable_key_rotation
    error_message = "rotation"
  }
  assert {
    condition     = alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.lake : one(one(each.rule).apply_server_side_encryption_by_default).kms_master_key_id == aws_kms_key.lake[0].arn])
    error_message = "buckets"
  }
  assert {
    condition = alltrue([for key in concat(
      [aws_sqs_queue.ingest.kms_master_key_id, aws_sqs_queue.dead_letters.kms_master_key_id, aws_sns_topic.alarms.kms_master_key_id],
      [aws_dynamodb_table.lake.server_side_encryption[0].kms_key_arn, aws_scheduler_schedule.scan["scan"].kms_key_arn],
      [for group in aws_cloudwatch_log_group.lake : group.kms_key_id],
      [for function in aws_lambda_function.lake : function.kms_key_arn],
      [aws_athena_workgroup.lake.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn],
    ) : key == aws_kms_key.lake[0].arn])
    error_message = "something is not encrypted with the key"
  }
  assert {
    condition     = length(aws_iam_role_policy.function_key) == 3 && length(aws_iam_role_policy.scheduler_key) == 1
    error_message = "a role has no use of the key"
  }
}

run "a_key_of_ones_own_is_used" {
  command = plan
  variables {
    encryption  = "KMS"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0a-1b"
  }

  assert {
    condition     = length(aws_kms_key.lake) == 0 && aws_dynamodb_table.lake.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "the key is not used"
  }
  assert {
    condition     = alltrue([for each in aws_iam_role_policy.function_key : jsondecode(each.policy).Statement[0].Resource == [var.kms_key_arn]])
    error_message = "roles may use another key"
  }
}

run "without_a_key_of_personal_data_nobody_has_one" {
  command = plan
  variables { spark_wheel = "./versions.tf" }

  assert {
    condition     = alltrue([for function in aws_lambda_function.lake : !contains(keys(function.environment[0].variables), "ORDERLAKE_PII_KEY")])
    error_message = "a function has an empty key"
  }
  assert {
    condition     = length(aws_ssm_parameter.pii_key) == 0 && !contains(keys(aws_glue_job.spark[0].default_arguments), "--pii-key-parameter") && !strcontains(aws_iam_role_policy.spark[0].policy, "ssm:")
    error_message = "the Spark job looks for one"
  }
}

run "the_key_of_personal_data_goes_to_those_that_load" {
  command = plan
  variables {
    pii_key     = "0123456789abcdef"
    spark_wheel = "./versions.tf"
    encryption  = "KMS"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0a-1b"
  }

  assert {
    condition     = { for part, function in aws_lambda_function.lake : part => nonsensitive(lookup(function.environment[0].variables, "ORDERLAKE_PII_KEY", "")) } == { ingest = "0123456789abcdef", workflow = "0123456789abcdef", scan = "" }
    error_message = "ingest and workflow load, the scan does not"
  }
  assert {
    condition     = aws_ssm_parameter.pii_key[0].type == "SecureString" && aws_ssm_parameter.pii_key[0].key_id == var.kms_key_arn && nonsensitive(aws_ssm_parameter.pii_key[0].value) == "0123456789abcdef"
    error_message = "the parameter is not secure, or not the key"
  }
  assert {
    condition     = aws_glue_job.spark[0].default_arguments["--pii-key-parameter"] == "/orderlake/shop/pii-key" && !strcontains(jsonencode(aws_glue_job.spark[0].default_arguments), "0123456789abcdef")
    error_message = "the Spark job does not know where it is, or shows it"
  }
  assert {
    condition     = one([for each in jsondecode(aws_iam_role_policy.spark[0].policy).Statement : each if each.Sid == "ReadTheKeyOfPersonalData"]).Resource == ["arn:aws:ssm:eu-central-1:123456789012:parameter/orderlake/shop/pii-key"]
    error_message = "the Spark job may not read it, or more than it"
  }
  assert {
    condition     = issensitive(aws_lambda_function.lake["ingest"].environment[0].variables["ORDERLAKE_PII_KEY"])
    error_message = "a plan shows it"
  }
}

run "without_spark_the_key_is_in_no_parameter" {
  command = plan
  variables { pii_key = "0123456789abcdef" }

  assert {
    condition     = length(aws_ssm_parameter.pii_key) == 0
    error_message = "nobody would read it"
  }
}

run "nothing_of_value_goes_by_accident" {
  command = plan

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.lake : !bucket.force_destroy]) && aws_dynamodb_table.lake.deletion_protection_enabled
    error_message = "buckets or workgroup"
  }
  assert {
    condition     = aws_dynamodb_table.lake.deletion_protection_enabled && aws_dynamodb_table.lake.point_in_time_recovery[0].enabled
    error_message = "table"
  }
}

run "with_force_destroy_everything_can_go" {
  command = plan
  variables { force_destroy = true }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.lake : bucket.force_destroy]) && !aws_dynamodb_table.lake.deletion_protection_enabled
    error_message = "something would stay"
  }
}

run "queries_are_limited_and_their_results_expire" {
  command = plan

  assert {
    condition     = aws_athena_workgroup.lake.configuration[0].enforce_workgroup_configuration && aws_athena_workgroup.lake.configuration[0].bytes_scanned_cutoff_per_query == 10000000000
    error_message = "workgroup"
  }
  assert {
    condition     = local.expiring.ops["athena-results/"] == 7 && local.expiring.lake["lake/.work/"] == 1
    error_message = "expiry"
  }
  assert {
    condition     = toset(keys(aws_athena_named_query.orders)) == toset(["daily_revenue", "category_sales", "freshness", "quarantine_by_reason"])
    error_message = "named queries"
  }
}

run "new_files_are_scanned_often_and_all_of_them_seldom" {
  command = plan
  variables { scan_days = 5 }

  assert {
    condition     = { for part, scan in aws_scheduler_schedule.scan : scan.name => [scan.schedule_expression, jsondecode(scan.target[0].input).days] } == { shop-scan = ["rate(1 hour)", 5], shop-full-scan = ["rate(7 days)", 0] }
    error_message = "schedules"
  }
}

run "a_message_stays_hidden_longer_than_a_function_may_run" {
  command = plan

  assert {
    condition     = aws_sqs_queue.ingest.visibility_timeout_seconds == 960 && aws_lambda_function.lake["ingest"].timeout == 900
    error_message = "SQS would deliver what is being worked on"
  }
  assert {
    condition     = tolist(aws_lambda_event_source_mapping.ingest.function_response_types) == tolist(["ReportBatchItemFailures"])
    error_message = "one bad file would fail its whole batch"
  }
}

# What is refused.

run "a_load_that_would_start_the_next_is_refused" {
  command = plan
  variables {
    bucket_names = { raw = "shop-all", lake = "shop-all" }
    raw_prefix   = "shop/"
    lake_prefix  = "shop/lake/"
  }
  expect_failures = [aws_s3_bucket_notification.raw]
}

run "a_trigger_inside_the_tables_is_refused" {
  command = plan
  variables {
    bucket_names = { raw = "shop-all", lake = "shop-all" }
    raw_prefix   = "lake/raw/"
  }
  expect_failures = [aws_s3_bucket_notification.raw]
}

run "one_bucket_for_two_uses_is_refused" {
  command = plan
  variables { bucket_names = { raw = "shop-all", lake = "shop-all" } }
  expect_failures = [aws_s3_bucket_notification.raw]
}

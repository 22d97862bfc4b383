# Each variable with a rule refuses what breaks it, before anything is planned.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name    = "shop"
  region  = "eu-central-1"
  package = "./versions.tf" # any file: only its bytes matter here
}

run "what_is_out_of_bounds_is_refused" {
  command = plan
  variables {
    name                 = "Shop"      # capitals
    region               = "frankfurt" # a city
    account_id           = "12"
    raw_prefix           = "raw"    # no slash
    lake_prefix          = "/lake/" # a slash first
    noncurrent_days      = 0
    results_days         = 0.5
    encryption           = "AES"
    pii_key              = "too short"
    package              = "./nowhere.zip"
    architecture         = "arm"
    memory               = 256
    ephemeral_storage    = 10241
    timeout              = 901
    log_level            = "LOUD"
    log_retention        = 8
    batch_size           = 0
    ingest_concurrency   = 1
    scan_rate            = "rate(1 hours)"
    scan_days            = 0.5
    full_scan_rate       = "rate(1 days)"
    workflow_concurrency = 41
    scan_limit           = 9999999
    alarm_email          = "nobody"
    alerts_on            = ["everything"]
    alert_email          = "nobody"
    alarm_age            = 1
    monthly_budget_usd   = -1
    bucket_names         = { raw = "Shop_Raw" }
  }
  expect_failures = [
    var.name,
    var.region,
    var.account_id,
    var.raw_prefix,
    var.lake_prefix,
    var.noncurrent_days,
    var.results_days,
    var.encryption,
    var.pii_key,
    var.package,
    var.architecture,
    var.memory,
    var.ephemeral_storage,
    var.timeout,
    var.log_level,
    var.log_retention,
    var.batch_size,
    var.ingest_concurrency,
    var.scan_rate,
    var.scan_days,
    var.full_scan_rate,
    var.workflow_concurrency,
    var.scan_limit,
    var.alarm_email,
    var.alerts_on,
    var.alert_email,
    var.alarm_age,
    var.monthly_budget_usd,
    var.bucket_names,
  ]
}

run "what_does_not_fit_the_rest_is_refused" {
  command = plan
  variables {
    name              = "a-name-that-is-far-too-long"
    kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/1b" # without encryption = KMS
    engine_memory     = 400                                            # of 512
    batch_window      = 0                                              # a batch of 100 needs one
    retry_seconds     = 60                                             # less than the timeout
    scan_rate         = "hourly"
    scan_days         = -1
    full_scan_rate    = "weekly"
    ephemeral_storage = 256
  }
  expect_failures = [
    var.name,
    var.kms_key_arn,
    var.engine_memory,
    var.batch_window,
    var.retry_seconds,
    var.scan_rate,
    var.scan_days,
    var.full_scan_rate,
    var.ephemeral_storage,
  ]
}

run "what_is_out_of_bounds_beside_a_rule_about_others_is_refused" {
  command = plan
  variables {
    encryption    = "KMS"
    kms_key_arn   = "alias/shop"
    batch_window  = 301
    retry_seconds = 50000
  }
  expect_failures = [
    var.kms_key_arn,
    var.batch_window,
    var.retry_seconds,
  ]
}

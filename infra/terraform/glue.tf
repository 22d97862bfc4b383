# What the crawler and the Spark job both have, each under its own name: it may be there without the other.

locals {
  in_glue = {
    for part, found in {
      crawler = { on = var.crawler, name = local.crawler, sid = "WriteCrawlerLogs", logs = "crawlers" }
      spark   = { on = local.spark, name = local.spark_job, sid = "WriteJobLogs", logs = "jobs" }
    } : part => found if found.on
  }
  run_in_glue = {
    for part, found in local.in_glue : part => [
      {
        Sid      = "ReadItsSecurityConfiguration"
        Effect   = "Allow"
        Action   = ["glue:GetSecurityConfiguration"]
        Resource = ["*"]
      },
      {
        Sid      = found.sid
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"]
        Resource = ["arn:${local.partition}:logs:${local.here}:log-group:/aws-glue/${found.logs}*"]
      },
    ]
  }
}

resource "aws_glue_security_configuration" "glue" {
  for_each = local.in_glue

  name = each.value.name
  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = local.kms ? "SSE-KMS" : "DISABLED"
      kms_key_arn                = local.kms_key
    }
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = local.kms ? "CSE-KMS" : "DISABLED"
      kms_key_arn                   = local.kms_key
    }
    s3_encryption {
      s3_encryption_mode = local.kms ? "SSE-KMS" : "SSE-S3"
      kms_key_arn        = local.kms_key
    }
  }
}

moved {
  from = aws_glue_security_configuration.crawler[0]
  to   = aws_glue_security_configuration.glue["crawler"]
}

moved {
  from = aws_glue_security_configuration.spark[0]
  to   = aws_glue_security_configuration.glue["spark"]
}

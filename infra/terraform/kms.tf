# One key for everything, when encryption = KMS. Services that put something on an encrypted queue or topic, or write
# encrypted logs, must be named in the key's own policy: no role of ours is asked when they do.

locals {
  kms     = var.encryption == "KMS"
  own_key = local.kms && var.kms_key_arn == ""
  kms_key = local.own_key ? aws_kms_key.lake[0].arn : (local.kms ? var.kms_key_arn : null)

  same_account = { StringEquals = { "aws:SourceAccount" = local.account } }
  key_users = [
    {
      Sid       = "S3PutsEventsOnTheQueue"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = local.same_account
    },
    {
      Sid       = "AlarmsAndBudgetsReachTheTopic"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = local.same_account
    },
    {
      Sid       = "LogsAreWritten"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.region}.amazonaws.com" }
      Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
      Resource  = "*"
      Condition = {
        ArnEquals = {
          "kms:EncryptionContext:aws:logs:arn" = [
            for group in values(local.log_groups) : "arn:${local.partition}:logs:${local.here}:log-group:${group}"
          ]
        }
      }
    },
  ]
}

resource "aws_kms_key" "lake" {
  count = local.own_key ? 1 : 0

  description             = "orderlake ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.force_destroy ? 7 : 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "TheAccountDecidesByItsPolicies"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      local.key_users,
    )
  })
}

resource "aws_kms_alias" "lake" {
  count = local.own_key ? 1 : 0

  name          = "alias/orderlake-${var.name}"
  target_key_id = aws_kms_key.lake[0].key_id
}

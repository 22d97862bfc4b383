# What S3 announces waits here for the ingest function; what fails four times is set aside as a dead letter.

locals {
  queue_tls = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_sqs_queue" "dead_letters" {
  name                              = "${var.name}-dead-letters"
  message_retention_seconds         = 1209600
  sqs_managed_sse_enabled           = local.kms ? null : true
  kms_master_key_id                 = local.kms_key
  kms_data_key_reuse_period_seconds = local.kms ? 300 : null
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.queue_tls, { Resource = local.arns.dead_letters })]
  })
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arns.queue]
  })
}

resource "aws_sqs_queue" "ingest" {
  name                              = "${var.name}-ingest"
  message_retention_seconds         = 1209600
  visibility_timeout_seconds        = var.retry_seconds == 0 ? var.timeout + 60 : var.retry_seconds
  receive_wait_time_seconds         = 20
  sqs_managed_sse_enabled           = local.kms ? null : true
  kms_master_key_id                 = local.kms_key
  kms_data_key_reuse_period_seconds = local.kms ? 300 : null
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheRawBucketAnnouncesFiles"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.arns.queue
        Condition = {
          ArnEquals    = { "aws:SourceArn" = local.arns.raw }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      merge(local.queue_tls, { Resource = local.arns.queue }),
    ]
  })
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 4
  })
}

locals {
  trigger = "${local.locations.raw}/"
  outputs = ["${local.locations.lake}/", "s3://${local.buckets.ops}/"]
}

resource "aws_s3_bucket_notification" "raw" {
  bucket = aws_s3_bucket.lake["raw"].id

  queue {
    id            = "new-files"
    queue_arn     = aws_sqs_queue.ingest.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.raw_prefix
  }

  lifecycle {
    precondition {
      condition     = !anytrue([for place in local.outputs : startswith(place, local.trigger) || startswith(local.trigger, place)])
      error_message = "What is written (${join(", ", local.outputs)}) and what starts a load (${local.trigger}) lie in each other, so that each load would start the next, without end: give them buckets of their own."
    }
    precondition {
      condition     = length(distinct(values(local.buckets))) == 3
      error_message = "raw, lake and ops are three buckets: give each a name of its own."
    }
  }
}

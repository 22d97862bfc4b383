# raw: what shops drop. lake: the tables. ops: Athena's results, pipelines, packages, work lists of backfills.

resource "aws_s3_bucket" "lake" {
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "lake" {
  for_each = local.buckets

  bucket = aws_s3_bucket.lake[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  for_each = local.buckets

  bucket = aws_s3_bucket.lake[each.key].id
  rule {
    bucket_key_enabled = local.kms
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms ? "aws:kms" : "AES256"
      kms_master_key_id = local.kms_key
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  for_each = local.buckets

  bucket = aws_s3_bucket.lake[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.lake[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "lake" {
  for_each = local.buckets

  bucket = aws_s3_bucket.lake[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.arns[each.key], "${local.arns[each.key]}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 refuses two changes of a bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.lake]
}

locals {
  # What expires by itself, and after how many days: leftovers of work that died, and answers that were read.
  expiring = {
    raw  = {}
    lake = { "${var.lake_prefix}.work/" = 1 }
    ops  = { "athena-results/" = var.results_days, "backfill/" = var.results_days }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  for_each = local.buckets

  bucket = aws_s3_bucket.lake[each.key].id

  rule {
    id     = "leftovers"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = local.expiring[each.key]
    content {
      id     = trim(replace(rule.key, "/", "-"), "-.")
      status = "Enabled"
      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.lake]
}

# A Glue job that backfills on Spark, off unless var.spark_wheel names the wheel it is to run. It costs what it runs.

locals {
  spark      = var.spark_wheel != ""
  spark_job  = "${var.name}-spark"
  spark_code = "${local.arns.ops}/spark/*"
}

resource "aws_s3_object" "spark_wheel" {
  count = local.spark ? 1 : 0

  bucket      = aws_s3_bucket.lake["ops"].id
  key         = "spark/${filesha256(var.spark_wheel)}/${basename(var.spark_wheel)}"
  source      = var.spark_wheel
  source_hash = filesha256(var.spark_wheel)

  depends_on = [
    aws_s3_bucket_server_side_encryption_configuration.lake,
    aws_s3_bucket_versioning.lake,
  ]
}

resource "aws_s3_object" "spark_script" {
  count = local.spark ? 1 : 0

  bucket  = aws_s3_bucket.lake["ops"].id
  key     = "spark/backfill.py"
  content = "from orderlake.aws.glue import main\n\nmain()\n"

  depends_on = [
    aws_s3_bucket_server_side_encryption_configuration.lake,
    aws_s3_bucket_versioning.lake,
  ]
}

resource "aws_glue_job" "spark" {
  count = local.spark ? 1 : 0

  name                   = local.spark_job
  description            = "Backfills the lake on Spark: --path s3://… (default: all that lies under raw)."
  role_arn               = aws_iam_role.spark[0].arn
  glue_version           = "5.0"
  worker_type            = "G.1X"
  number_of_workers      = var.spark_workers
  timeout                = var.spark_timeout_minutes
  max_retries            = 0 # what failed is seen, and begun again from where it stands
  security_configuration = aws_glue_security_configuration.glue["spark"].name

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${local.buckets.ops}/${aws_s3_object.spark_script[0].key}"
  }
  execution_property {
    max_concurrent_runs = 1
  }
  default_arguments = merge({
    # Glue brings pyspark along, and boto3; the rest of the extra comes from the package index.
    "--additional-python-modules" = join(",", [
      "s3://${local.buckets.ops}/${aws_s3_object.spark_wheel[0].key}", "aws-lambda-powertools[tracer]>=3", "fsspec>=2025.1",
    ])
    "--settings" = jsonencode(merge(
      { for key, value in local.environment : key => value if value != null },
      { ORDERLAKE_MEMORY_MB = "1024" },
    ))
    "--path" = ""
  }, local.has_pii_key ? { "--pii-key-parameter" = aws_ssm_parameter.pii_key[0].name } : {})

  depends_on = [aws_iam_role_policy.spark]
}

resource "aws_iam_role" "spark" {
  count = local.spark ? 1 : 0

  name               = local.spark_job
  assume_role_policy = local.assumed_by.glue
}

resource "aws_iam_role_policy" "spark" {
  count = local.spark ? 1 : 0

  name = "spark"
  role = aws_iam_role.spark[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.may.list_raw, local.may.read_raw, local.may.read_pipelines, local.may.write_lake, local.may.read_ledger,
      local.may.write_ledger, local.may.publish_tables, local.may.send_alerts,
      [
        {
          Sid      = "ReadItsCode"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = [local.spark_code]
        },
      ],
      [for on in [local.has_pii_key] : {
        Sid      = "ReadTheKeyOfPersonalData"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["arn:${local.partition}:ssm:${local.here}:parameter${local.pii_key_parameter}"]
      } if on],
      local.run_in_glue.spark,
    )
  })
}

resource "aws_iam_role_policy" "spark_key" {
  count = local.spark && local.kms ? 1 : 0

  name   = "key"
  role   = aws_iam_role.spark[0].name
  policy = local.use_key
}

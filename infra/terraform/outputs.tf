# The first fourteen are the fields of orderlake's AwsSettings, by name: `orderlake deploy apply` stores them.

output "name" {
  description = "Name of the deployment."
  value       = var.name
}

output "region" {
  description = "Its region."
  value       = var.region
}

output "raw" {
  description = "Where new files arrive."
  value       = local.locations.raw
}

output "lake" {
  description = "Where tables lie."
  value       = local.locations.lake
}

output "pipelines" {
  description = "Where pipeline files lie."
  value       = local.locations.pipelines
}

output "table" {
  description = "DynamoDB table of heads, leases and loads."
  value       = aws_dynamodb_table.lake.name
}

output "database" {
  description = "Glue database."
  value       = aws_glue_catalog_database.lake.name
}

output "workgroup" {
  description = "Athena workgroup."
  value       = aws_athena_workgroup.lake.name
}

output "queue_url" {
  description = "Queue of announced files."
  value       = aws_sqs_queue.ingest.url
}

output "dead_letter_url" {
  description = "Queue of what failed four times."
  value       = aws_sqs_queue.dead_letters.url
}

output "state_machine" {
  description = "ARN of the backfill workflow."
  value       = aws_sfn_state_machine.backfill.arn
}

output "crawler" {
  description = "Crawler for foreign files; empty where there is none."
  value       = var.crawler ? aws_glue_crawler.foreign[0].name : ""
}

output "alerts_topic" {
  description = "ARN of the topic that alerts of loads are sent to; empty where there is none."
  value       = var.alerts ? local.arns.alerts : ""
}

output "alerts_on" {
  description = "Of what alerts are sent, with commas; empty where none are."
  value       = var.alerts ? join(",", var.alerts_on) : ""
}

output "raw_bucket" {
  description = "Bucket of new files."
  value       = aws_s3_bucket.lake["raw"].id
}

output "lake_bucket" {
  description = "Bucket of tables."
  value       = aws_s3_bucket.lake["lake"].id
}

output "ops_bucket" {
  description = "Bucket of query results, pipelines, packages and work lists."
  value       = aws_s3_bucket.lake["ops"].id
}

output "functions" {
  description = "Names of the Lambda functions, by what they do."
  value       = { for part, function in aws_lambda_function.lake : part => function.function_name }
}

output "alarms_topic" {
  description = "ARN of the topic that alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_url" {
  description = "The dashboard, in the console."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.lake.dashboard_name}"
}

output "spark_job" {
  description = "The Glue job that backfills on Spark, empty when there is none."
  value       = local.spark ? local.spark_job : ""
}

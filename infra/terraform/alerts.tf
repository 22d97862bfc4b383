# Alerts of loads, where they are wanted: what the functions find wrong with files, said by themselves. Alarms (alarms.tf)
# are CloudWatch's, and tell of the functions.

resource "aws_sns_topic" "alerts" {
  count = var.alerts ? 1 : 0

  name              = local.alerts_topic
  kms_master_key_id = local.kms_key
}

resource "aws_sns_topic_subscription" "alerts" {
  count = var.alert_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alerts[0].arn
  protocol  = "email"
  endpoint  = var.alert_email
}

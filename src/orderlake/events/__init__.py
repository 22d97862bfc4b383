"""Who announced an object: S3 notifications, EventBridge, SNS, SQS and our own scan, all to the same references."""

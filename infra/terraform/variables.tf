# What it is called, and where it is.

variable "name" {
  description = "Name of the deployment; everything it makes is called after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "Use 2 to 24 lower-case letters, digits and single hyphens, a letter first and no hyphen last: buckets are named after it."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give a region such as eu-central-1."
  }
}

variable "account_id" {
  description = "Number of the AWS account; looked up when empty."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.account_id))
    error_message = "An account number has 12 digits."
  }
}

variable "tags" {
  description = "Tags for everything, beside orderlake = NAME."
  type        = map(string)
  default     = {}
}

variable "emulator" {
  description = "Whether AWS_ENDPOINT_URL is an emulator and not AWS."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets and the table while they still hold something. Off, nothing of value can go by accident."
  type        = bool
  default     = false
}

# The buckets.

variable "bucket_names" {
  description = "Names of the three buckets, where NAME-raw-ACCOUNT-REGION and so on will not do."
  type = object({
    raw  = optional(string)
    lake = optional(string)
    ops  = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for name in values(var.bucket_names) : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name)) if name != null])
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "raw_prefix" {
  description = "Where new files arrive in the raw bucket: what lands there starts a load."
  type        = string
  default     = "raw/"

  validation {
    condition     = can(regex("^([A-Za-z0-9._-]+/)+$", var.raw_prefix))
    error_message = "A prefix has a name and ends in a slash, such as raw/."
  }
}

variable "lake_prefix" {
  description = "Where tables lie in the lake bucket."
  type        = string
  default     = "lake/"

  validation {
    condition     = can(regex("^([A-Za-z0-9._-]+/)+$", var.lake_prefix))
    error_message = "A prefix has a name and ends in a slash, such as lake/."
  }
}

variable "noncurrent_days" {
  description = "Days for which overwritten and deleted objects are kept."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "Give whole days, 1 or more."
  }
}

variable "results_days" {
  description = "Days for which Athena's results and the work lists of backfills are kept."
  type        = number
  default     = 7

  validation {
    condition     = var.results_days >= 1 && floor(var.results_days) == var.results_days
    error_message = "Give whole days, 1 or more."
  }
}

# Encryption.

variable "encryption" {
  description = "SSE-S3 (keys of AWS, free) or KMS (one key of the account's own, for buckets, queues, table, logs, alarms and functions)."
  type        = string
  default     = "SSE-S3"

  validation {
    condition     = contains(["SSE-S3", "KMS"], var.encryption)
    error_message = "Encryption is SSE-S3 or KMS."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key to use with encryption = KMS; empty makes one. A key of your own needs the statements that kms.tf gives ours."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.kms_key_arn))
    error_message = "Give the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not of an alias."
  }

  validation {
    condition     = var.kms_key_arn == "" || var.encryption == "KMS"
    error_message = "kms_key_arn goes with encryption = KMS."
  }
}

variable "pii_key" {
  description = "Key that personal data is hashed with, from TF_VAR_pii_key: `orderlake deploy` hands over the project's own. Without it, no file of a pipeline that disguises data is loaded."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.pii_key == "" || length(var.pii_key) >= 16
    error_message = "A key has 16 characters or more: `openssl rand -hex 32` makes one."
  }
}

# The functions.

variable "package" {
  description = "Path of the functions' zip, as `orderlake deploy` builds it."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no such file: build the package first (`orderlake deploy` does)."
  }
}

variable "python" {
  description = "Version of Python that the functions run on. The package must be built for it."
  type        = string
  default     = "3.12"

  validation {
    condition     = can(regex("^3\\.1[1-9]$", var.python))
    error_message = "Python is 3.11 or newer, written 3.12."
  }
}

variable "architecture" {
  description = "Processor of the functions: arm64 (a fifth cheaper) or x86_64. The package must be built for it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "memory" {
  description = "Memory of each function in MB."
  type        = number
  default     = 512

  validation {
    condition     = var.memory >= 512 && var.memory <= 10240 && floor(var.memory) == var.memory
    error_message = "Memory is 512 to 10240 MB."
  }
}

variable "engine_memory" {
  description = "Memory in MB that DuckDB may use of a function's; what is larger spills to the function's disk."
  type        = number
  default     = 160

  validation {
    condition     = var.engine_memory >= 64 && var.engine_memory <= var.memory - 256
    error_message = "The engine needs 64 MB or more, and the rest of the function 256 MB beside it."
  }
}

variable "ephemeral_storage" {
  description = "Size of a function's /tmp in MB: three times the largest file, unpacked."
  type        = number
  default     = 512

  validation {
    condition     = var.ephemeral_storage >= 512 && var.ephemeral_storage <= 10240 && floor(var.ephemeral_storage) == var.ephemeral_storage
    error_message = "Ephemeral storage is 512 to 10240 MB."
  }
}

variable "timeout" {
  description = "Seconds that a function may take."
  type        = number
  default     = 900

  validation {
    condition     = var.timeout >= 30 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "A function may take 30 to 900 seconds."
  }
}

variable "log_level" {
  description = "Level of the functions' logs."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "The level is DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention" {
  description = "Days for which logs are kept."
  type        = number
  default     = 7

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "tracing" {
  description = "Whether functions and workflow send traces to X-Ray."
  type        = bool
  default     = false
}

# What starts them.

variable "batch_size" {
  description = "Most files of one ingest call, which are one commit."
  type        = number
  default     = 100

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 1000 && floor(var.batch_size) == var.batch_size
    error_message = "A batch has 1 to 1000 files."
  }
}

variable "batch_window" {
  description = "Seconds to wait for a batch to fill."
  type        = number
  default     = 5

  validation {
    condition     = var.batch_window >= 0 && var.batch_window <= 300 && floor(var.batch_window) == var.batch_window
    error_message = "A batch may wait 0 to 300 seconds."
  }

  validation {
    condition     = var.batch_size <= 10 || var.batch_window >= 1
    error_message = "A batch of more than 10 files needs a window of 1 second or more."
  }
}

variable "ingest_concurrency" {
  description = "Most ingest functions at a time. They commit one after the other, so more than a few do not help."
  type        = number
  default     = 2

  validation {
    condition     = var.ingest_concurrency >= 2 && var.ingest_concurrency <= 1000 && floor(var.ingest_concurrency) == var.ingest_concurrency
    error_message = "SQS runs 2 to 1000 functions at a time."
  }
}

variable "retry_seconds" {
  description = "Seconds after which a failed message comes again; 0 is the function's timeout and a minute."
  type        = number
  default     = 0

  validation {
    condition     = var.retry_seconds == 0 || (var.retry_seconds >= var.timeout && var.retry_seconds <= 43200)
    error_message = "A message must stay hidden for as long as a function may work on it: timeout to 43200 seconds, or 0."
  }
}

variable "scan_rate" {
  description = "How often to look for new files that no event announced."
  type        = string
  default     = "rate(1 hour)"

  validation {
    condition     = can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^()]+\\))$", var.scan_rate))
    error_message = "Give rate(1 hour), rate(15 minutes), cron(0 3 * * ? *) or the like."
  }
}

variable "scan_days" {
  description = "How many days back that look goes; 0 for all time, which costs a read of each file ever loaded."
  type        = number
  default     = 3

  validation {
    condition     = var.scan_days >= 0 && floor(var.scan_days) == var.scan_days
    error_message = "Give whole days, or 0 for all time."
  }
}

variable "full_scan_rate" {
  description = "How often to look through all files, however old."
  type        = string
  default     = "rate(7 days)"

  validation {
    condition     = can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^()]+\\))$", var.full_scan_rate))
    error_message = "Give rate(7 days), cron(0 3 1 * ? *) or the like."
  }
}

variable "maintenance_rate" {
  description = "How often to look after the tables: small files, old snapshots, files that nothing needs; \"\" for backfills alone."
  type        = string
  default     = "rate(1 day)"

  validation {
    condition     = var.maintenance_rate == "" || can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^()]+\\))$", var.maintenance_rate))
    error_message = "Give rate(1 day), cron(0 3 * * ? *) or the like, or nothing."
  }
}

variable "workflow_concurrency" {
  description = "Groups of files that a backfill loads at a time."
  type        = number
  default     = 4

  validation {
    condition     = var.workflow_concurrency >= 1 && var.workflow_concurrency <= 40 && floor(var.workflow_concurrency) == var.workflow_concurrency
    error_message = "A backfill loads 1 to 40 groups at a time."
  }
}

variable "crawler" {
  description = "Whether to make a Glue crawler for files under foreign/ of raw_prefix that fit no pipeline. orderlake's own tables need none."
  type        = bool
  default     = false
}

variable "spark_wheel" {
  description = "Path of the wheel of orderlake that a Glue job is to run to backfill on Spark (`pip wheel --no-deps .` makes it); without it there is no such job."
  type        = string
  default     = ""
}

variable "spark_workers" {
  description = "Workers of the Glue job, the driver among them: each has 4 processors and 16 GB, and is billed by the second."
  type        = number
  default     = 4

  validation {
    condition     = var.spark_workers >= 2 && var.spark_workers <= 100 && floor(var.spark_workers) == var.spark_workers
    error_message = "The Glue job has 2 to 100 workers."
  }
}

variable "spark_timeout_minutes" {
  description = "Minutes after which a run of the Glue job is ended."
  type        = number
  default     = 240

  validation {
    condition     = var.spark_timeout_minutes >= 5 && var.spark_timeout_minutes <= 2880
    error_message = "A run of the Glue job lasts 5 minutes to 2 days."
  }
}

# Queries, alarms, money.

variable "scan_limit" {
  description = "Most bytes that one Athena query may scan before it is cancelled. Default 10 GB, which cost 5 cents."
  type        = number
  default     = 10000000000

  validation {
    condition     = var.scan_limit >= 10000000 && floor(var.scan_limit) == var.scan_limit
    error_message = "Athena's limit is 10000000 bytes (10 MB) or more."
  }
}

variable "alarm_email" {
  description = "Where alarms are mailed; empty for nowhere. AWS asks that address to confirm."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([^@\\s]+@[^@\\s]+\\.[^@\\s]+)?$", var.alarm_email))
    error_message = "That is no e-mail address."
  }
}

variable "alarm_age" {
  description = "Seconds after which a file that was not loaded is an alarm."
  type        = number
  default     = 3600

  validation {
    condition     = var.alarm_age >= 60
    error_message = "Give 60 seconds or more."
  }
}

variable "alerts" {
  description = "Whether loads send alerts to a topic: of rejected files, failing checks, records that were set aside."
  type        = bool
  default     = false
}

variable "alerts_on" {
  description = "Of what alerts are sent: some of rejected, check, quarantined."
  type        = list(string)
  default     = ["rejected", "check"]

  validation {
    condition     = length(var.alerts_on) > 0 && length(setsubtract(var.alerts_on, ["rejected", "check", "quarantined"])) == 0
    error_message = "Alerts are of rejected, check, quarantined: one of them or more."
  }
}

variable "alert_email" {
  description = "Where alerts are mailed, with alerts = true; empty for nowhere. AWS asks that address to confirm."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([^@\\s]+@[^@\\s]+\\.[^@\\s]+)?$", var.alert_email))
    error_message = "That is no e-mail address."
  }

  validation {
    condition     = var.alert_email == "" || var.alerts
    error_message = "alert_email goes with alerts = true."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly cost in USD above which there is an alarm (and at 80% of it, and when the forecast is above); 0 for none."
  type        = number
  default     = 0

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "A budget is 0 or more."
  }
}

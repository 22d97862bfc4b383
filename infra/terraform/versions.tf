terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, { orderlake = var.name })
  }

  # An emulator (its endpoint is in AWS_ENDPOINT_URL) knows no instance metadata and no virtual-hosted buckets, and a
  # call that it lacks must fail at once instead of after ten minutes of retries.
  s3_use_path_style           = var.emulator
  skip_credentials_validation = var.emulator
  skip_metadata_api_check     = var.emulator
  skip_region_validation      = var.emulator
  skip_requesting_account_id  = var.emulator && var.account_id != ""
  max_retries                 = var.emulator ? 2 : null
}

# The key that personal data is hashed with goes to whoever loads files, and to nobody else. Terraform's state holds it,
# like all that was given to a resource.

locals {
  has_pii_key       = nonsensitive(var.pii_key != "") # whether there is one is no secret, and decides what is made
  pii_key_setting   = local.has_pii_key ? { ORDERLAKE_PII_KEY = var.pii_key } : {}
  pii_key_parameter = "/orderlake/${var.name}/pii-key"
}

# A job of Glue has no environment of its own, and its arguments are for all to see who may look at the job or at one of
# its runs. So it is told where the key lies, and fetches it.
resource "aws_ssm_parameter" "pii_key" {
  count = local.spark && local.has_pii_key ? 1 : 0

  name        = local.pii_key_parameter
  description = "What personal data in orderlake ${var.name} is hashed with."
  type        = "SecureString"
  key_id      = local.kms_key
  value       = var.pii_key
}

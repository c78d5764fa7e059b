# Containers only: a value that Terraform writes is in its state. docs/deploy.md adds the versions.
resource "google_secret_manager_secret" "source" {
  for_each = var.secrets

  project   = local.project
  secret_id = "${var.prefix}-${each.key}"

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret" "webhook" {
  count = var.webhook == null ? 0 : 1

  project   = local.project
  secret_id = "${var.prefix}-PROGRADE_WEBHOOK_SECRET"

  replication {
    auto {}
  }
}

locals {
  # By the environment variable that carries it, so that source files keep $${env:NAME}.
  source_secrets = {
    for name, version in var.secrets : name => { id = google_secret_manager_secret.source[name].secret_id, version = version }
  }
  webhook_secrets = {
    for secret in google_secret_manager_secret.webhook : "PROGRADE_WEBHOOK_SECRET" => { id = secret.secret_id, version = var.webhook.secret_version }
  }
}

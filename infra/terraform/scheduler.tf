resource "google_service_account" "scheduler" {
  project      = local.project
  account_id   = "${var.prefix}-scheduler"
  display_name = "Calls on schedule for ${var.prefix}"
}

# Finds what stands still; does nothing while no batch runs. No retry: the next one comes in a minute.
resource "google_cloud_scheduler_job" "supervise" {
  project          = local.project
  region           = var.region
  name             = "${var.prefix}-supervise"
  description      = "Wakes what stands still in running batches."
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "180s"

  http_target {
    http_method = "POST"
    uri         = "${local.urls["start-batch"]}/tasks/supervise"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.urls["start-batch"]
    }
  }
}

# Without retries, a batch that fails to start at the quarter's first minute waits for the next quarter.
resource "google_cloud_scheduler_job" "schedule" {
  for_each = var.schedules

  project          = local.project
  region           = var.region
  name             = "${var.prefix}-${each.key}"
  description      = "Starts a batch of ${each.value.source}."
  schedule         = each.value.cron
  time_zone        = each.value.time_zone
  attempt_deadline = "300s"

  retry_config {
    retry_count          = 5
    max_retry_duration   = "7200s"
    min_backoff_duration = "60s"
    max_backoff_duration = "1800s"
    max_doublings        = 5
  }

  http_target {
    http_method = "POST"
    uri         = "${local.urls["start-batch"]}/tasks/scheduled-batch"
    headers     = { "Content-Type" = "application/json" }
    body = base64encode(jsonencode({
      schedule   = each.key
      source     = each.value.source
      roster     = each.value.roster
      parameters = jsondecode(each.value.parameters)
    }))

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.urls["start-batch"]
    }
  }
}

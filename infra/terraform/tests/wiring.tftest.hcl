# What a reader of the variables expects of the resources. tests/infra ties the same plan to the code.

mock_provider "google" {
  override_data {
    target = data.google_project.main
    values = { number = "123456789012" }
  }
}
mock_provider "time" {}

variables {
  project      = "acme-prograde-test"
  region       = "us-central1"
  sources      = { reso = { requests_per_second = 20, burst_margin = 0.25, concurrency = 50, generation = 2 } }
  secrets      = { LISTING_TOKEN = "3" }
  operators    = ["group:ops@example.com"]
  alert_emails = ["ops@example.com"]
  package_dir  = "tests/packages"
}

run "a_queue_leaves_the_margin_free" {
  command = plan

  assert {
    condition     = google_cloud_tasks_queue.pages["reso"].name == "prograde-pages-reso-g2"
    error_message = "the queue's name carries prefix, source and generation"
  }
  assert {
    condition     = google_cloud_tasks_queue.pages["reso"].rate_limits[0].max_dispatches_per_second == 15
    error_message = "20 a second less a quarter"
  }
  assert {
    condition     = google_cloud_tasks_queue.pages["reso"].rate_limits[0].max_concurrent_dispatches == 50
    error_message = "the source's concurrency"
  }
  assert {
    condition     = local.functions["fetch-page"].instances_max * local.functions["fetch-page"].concurrency >= 50
    error_message = "there are instances for every page in flight, or the platform answers 429 and slows the queue down"
  }
}

run "a_small_deployment_is_not_public" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.webhook_is_public) == 0
    error_message = "no webhook was asked for"
  }
  assert {
    condition     = toset(keys(local.functions)) == toset(["start-batch", "fetch-page", "finalize"])
    error_message = "three functions"
  }
  assert {
    condition     = length(google_billing_budget.main) == 0 && length(google_monitoring_alert_policy.schedule_failed) == 0
    error_message = "neither a budget nor a schedule was asked for"
  }
}

run "the_start_batch_package_is_deployed_again_when_asked_for" {
  command = plan

  variables {
    console = true
    webhook = { secret_version = "2" }
  }

  assert {
    condition     = toset(keys(local.functions)) == toset(["start-batch", "fetch-page", "finalize", "console", "webhook"])
    error_message = "five functions"
  }
  assert {
    condition     = keys(local.functions["console"].invokers) == ["group:ops@example.com"]
    error_message = "operators alone may call the console"
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.webhook_is_public) == 1
    error_message = "the webhook is public"
  }
  assert {
    condition     = local.functions["webhook"].secrets["PROGRADE_WEBHOOK_SECRET"].version == "2"
    error_message = "the webhook has its signing secret"
  }
  assert {
    condition     = !contains(keys(local.functions["start-batch"].secrets), "PROGRADE_WEBHOOK_SECRET")
    error_message = "and nobody else has"
  }
}

run "what_is_protected_is_not_deleted" {
  command = plan

  assert {
    condition     = google_firestore_database.main.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.main.deletion_policy == "ABANDON"
    error_message = "the database"
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.main : table.deletion_protection]) && !google_bigquery_dataset.main.delete_contents_on_destroy
    error_message = "the tables"
  }
  assert {
    condition     = !google_storage_bucket.state.force_destroy && !google_storage_bucket.exports.force_destroy
    error_message = "the buckets"
  }
}

run "what_is_not_protected_can_be_torn_down" {
  command = plan

  variables {
    protect_data = false
  }

  assert {
    condition     = google_firestore_database.main.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.main.deletion_policy == "DELETE"
    error_message = "the database"
  }
  assert {
    condition     = !anytrue([for table in google_bigquery_table.main : table.deletion_protection]) && google_bigquery_dataset.main.delete_contents_on_destroy
    error_message = "the tables"
  }
  assert {
    condition     = google_storage_bucket.state.force_destroy && google_storage_bucket.exports.force_destroy
    error_message = "the buckets"
  }
}

run "a_schedule_asks_for_its_batch" {
  command = plan

  variables {
    schedules = { quarterly = { source = "reso", roster = "rosters/reso.csv", parameters = "{\"page_limit\": 5}" } }
  }

  assert {
    condition     = google_cloud_scheduler_job.schedule["quarterly"].schedule == "0 6 1 1,4,7,10 *"
    error_message = "each quarter, unless said otherwise"
  }
  assert {
    condition = jsondecode(base64decode(google_cloud_scheduler_job.schedule["quarterly"].http_target[0].body)) == {
      schedule = "quarterly", source = "reso", roster = "rosters/reso.csv", parameters = { page_limit = 5 }
    }
    error_message = "the body names schedule, source, roster and parameters"
  }
  assert {
    condition     = google_cloud_scheduler_job.schedule["quarterly"].retry_config[0].retry_count == 5
    error_message = "a failed start is tried again: the next one is three months away"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.schedule_failed) == 1
    error_message = "and if that fails too, somebody is told"
  }
}

run "a_budget_is_made_when_asked_for" {
  command = plan

  variables {
    budget = { billing_account = "0123AB-4567CD-89EF01", amount = 100 }
  }

  assert {
    condition     = google_billing_budget.main[0].amount[0].specified_amount[0].units == "100"
    error_message = "a hundred a month"
  }
  assert {
    condition     = length(google_billing_budget.main[0].threshold_rules) == 4
    error_message = "told at 50, 90 and 100 per cent, and when 100 is foreseen"
  }
}

run "a_budget_tells_mailboxes_and_no_slack_channel" {
  command = apply

  variables {
    budget         = { billing_account = "0123AB-4567CD-89EF01", amount = 100 }
    alert_emails   = ["ops@example.com"]
    slack_channels = ["projects/acme/notificationChannels/1"]
  }

  assert {
    condition     = toset(google_billing_budget.main[0].all_updates_rule[0].monitoring_notification_channels) == toset([google_monitoring_notification_channel.email["ops@example.com"].name])
    error_message = "a budget takes channels of e-mail only"
  }
}

run "a_name_makes_urls_that_can_be_known_beforehand" {
  command = plan

  variables {
    prefix = "prograde-emea-no"
    region = "northamerica-northeast1"
  }

  assert {
    condition     = output.urls["start-batch"] == "https://prograde-emea-no-start-batch-123456789012.northamerica-northeast1.run.app"
    error_message = "the service's name and the project's number"
  }
  assert {
    # A longer name gets no such URL.
    condition     = alltrue([for url in values(output.urls) : length(split(".", trimprefix(url, "https://"))[0]) <= 63])
    error_message = "a label of the host name has 63 characters at most"
  }
}

# Every validation refuses what it is there to refuse: one run each, and nothing else in the run is wrong.

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
  sources      = { reso = { requests_per_second = 20 } }
  secrets      = { LISTING_TOKEN = "1" }
  alert_emails = ["ops@example.com"]
  package_dir  = "tests/packages"
}

run "a_project_is_an_id" {
  command = plan
  variables {
    project = "Acme Prograde"
  }
  expect_failures = [var.project]
}

run "a_region_is_no_multi_region" {
  command = plan
  variables {
    region = "US"
  }
  expect_failures = [var.region]
}

run "a_zone_is_no_region" {
  command = plan
  variables {
    region = "us-central1-a"
  }
  expect_failures = [var.region]
}

run "a_long_prefix_breaks_account_ids" {
  command = plan
  variables {
    prefix = "prograde-of-acme-inc"
  }
  expect_failures = [var.prefix]
}

run "a_prefix_does_not_end_with_a_hyphen" {
  command = plan
  variables {
    prefix = "prograde-"
  }
  expect_failures = [var.prefix]
}

run "there_is_a_source" {
  command = plan
  variables {
    sources = {}
  }
  expect_failures = [var.sources]
}

run "a_source_is_named_as_in_its_file" {
  command = plan
  variables {
    sources = { Reso = { requests_per_second = 20 } }
  }
  expect_failures = [var.sources]
}

run "two_sources_have_two_queues" {
  command = plan
  variables {
    sources = { "re_so" = { requests_per_second = 20 }, "re-so" = { requests_per_second = 20 } }
  }
  expect_failures = [var.sources]
}

run "a_rate_is_above_nothing" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 0 } }
  }
  expect_failures = [var.sources]
}

run "a_queue_sends_500_a_second_at_most" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 501 } }
  }
  expect_failures = [var.sources]
}

run "a_margin_leaves_some_rate" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 20, burst_margin = 1 } }
  }
  expect_failures = [var.sources]
}

run "a_margin_adds_no_rate" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 20, burst_margin = -0.1 } }
  }
  expect_failures = [var.sources]
}

run "somebody_is_at_work" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 20, concurrency = 0 } }
  }
  expect_failures = [var.sources]
}

run "nobody_works_by_halves" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 20, concurrency = 2.5 } }
  }
  expect_failures = [var.sources]
}

run "generations_begin_with_one" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 20, generation = 0 } }
  }
  expect_failures = [var.sources]
}

run "so_do_those_of_the_control_queue" {
  command = plan
  variables {
    control_queue_generation = 0
  }
  expect_failures = [var.control_queue_generation]
}

run "a_secret_is_named_as_a_variable" {
  command = plan
  variables {
    secrets = { LISTING_TOKEN = "1", "LISTING-KEY" = "1" }
  }
  expect_failures = [var.secrets]
}

run "a_secret_takes_no_setting_s_name" {
  command = plan
  variables {
    secrets = { LISTING_TOKEN = "1", PROGRADE_PROJECT = "1" }
  }
  expect_failures = [var.secrets]
}

run "a_secret_takes_no_platform_s_name" {
  command = plan
  variables {
    secrets = { LISTING_TOKEN = "1", PORT = "1" }
  }
  expect_failures = [var.secrets]
}

run "the_latest_version_is_no_version" {
  command = plan
  variables {
    secrets = { LISTING_TOKEN = "latest" }
  }
  expect_failures = [var.secrets]
}

run "a_schedule_is_not_called_supervise" {
  command = plan
  variables {
    schedules = { supervise = { source = "reso", roster = "rosters/reso.csv" } }
  }
  expect_failures = [var.schedules]
}

run "a_schedule_has_a_known_source" {
  command = plan
  variables {
    schedules = { quarterly = { source = "other", roster = "rosters/reso.csv" } }
  }
  expect_failures = [var.schedules]
}

run "a_scheduled_roster_is_in_its_folder" {
  command = plan
  variables {
    schedules = { quarterly = { source = "reso", roster = "rosters/../batches/x.csv" } }
  }
  expect_failures = [var.schedules]
}

run "scheduled_parameters_are_an_object" {
  command = plan
  variables {
    schedules = { quarterly = { source = "reso", roster = "rosters/reso.csv", parameters = "[1]" } }
  }
  expect_failures = [var.schedules]
}

run "a_cron_has_five_fields" {
  command = plan
  variables {
    schedules = { quarterly = { source = "reso", roster = "rosters/reso.csv", cron = "@quarterly" } }
  }
  expect_failures = [var.schedules]
}

run "not_everybody_is_an_operator" {
  command = plan
  variables {
    operators = ["allUsers"]
  }
  expect_failures = [var.operators]
}

run "nor_is_everybody_who_signed_in" {
  command = plan
  variables {
    operators = ["allAuthenticatedUsers"]
  }
  expect_failures = [var.operators]
}

run "an_operator_has_a_kind" {
  command = plan
  variables {
    operators = ["ops@example.com"]
  }
  expect_failures = [var.operators]
}

run "a_webhook_s_secret_has_a_version" {
  command = plan
  variables {
    webhook = { secret_version = "latest" }
  }
  expect_failures = [var.webhook]
}

run "an_address_has_an_at" {
  command = plan
  variables {
    alert_emails = ["ops.example.com"]
  }
  expect_failures = [var.alert_emails]
}

run "alerts_reach_somebody" {
  command = plan
  variables {
    alert_emails = []
  }
  expect_failures = [var.alert_emails]
}

run "a_slack_channel_is_a_notification_channel" {
  command = plan
  variables {
    slack_channels = ["#prograde"]
  }
  expect_failures = [var.slack_channels]
}

run "a_budget_has_an_account" {
  command = plan
  variables {
    budget = { billing_account = "acme", amount = 100 }
  }
  expect_failures = [var.budget]
}

run "a_budget_is_some_money" {
  command = plan
  variables {
    budget = { billing_account = "0123AB-4567CD-89EF01", amount = 0 }
  }
  expect_failures = [var.budget]
}

run "a_budget_has_a_currency" {
  command = plan
  variables {
    budget = { billing_account = "0123AB-4567CD-89EF01", amount = 100, currency = "dollars" }
  }
  expect_failures = [var.budget]
}

run "nothing_is_deleted_within_a_month" {
  command = plan
  variables {
    retention_days = { batches = 30 }
  }
  expect_failures = [var.retention_days]
}

run "exports_are_kept_for_a_month" {
  command = plan
  variables {
    retention_days = { exports = 30 }
  }
  expect_failures = [var.retention_days]
}

run "raw_answers_are_kept_for_a_month" {
  command = plan
  variables {
    retention_days = { raw_pages = 30 }
  }
  expect_failures = [var.retention_days]
}

run "a_source_has_a_file" {
  command = plan
  variables {
    sources = { nobody = { requests_per_second = 20 } }
  }
  expect_failures = [google_storage_bucket_object.source]
}

run "a_source_has_its_secrets" {
  command = plan
  variables {
    secrets = {}
  }
  expect_failures = [google_storage_bucket_object.source]
}

run "a_queue_keeps_to_the_source_s_limit" {
  command = plan
  variables {
    sources = { reso = { requests_per_second = 21 } }
  }
  expect_failures = [google_storage_bucket_object.source]
}

run "an_apply_without_packages_is_warned_about" {
  command = plan
  variables {
    package_dir = "tests/no-such-folder"
  }
  expect_failures = [check.packages_are_made]
}

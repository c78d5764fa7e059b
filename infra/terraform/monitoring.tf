resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  project      = local.project
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

locals {
  mailboxes = [for channel in google_monitoring_notification_channel.email : channel.name]
  channels  = concat(local.mailboxes, sort(var.slack_channels))

  # What prograde logs as jsonPayload.event (use_cases/announce.py), and must be seen by a person. docs/operations.md has
  # a section for each. What lasts is logged every minute, so that its incident closes when it is over.
  events = {
    batch_paused     = { severity = "CRITICAL", summary = "A batch is paused: the source refuses the credentials, or an operator asked for it." }
    batch_incomplete = { severity = "CRITICAL", summary = "A batch ended incomplete: its export is not to be used before somebody looked." }
    batch_late       = { severity = "WARNING", summary = "A batch takes longer than its promised_hours." }
    circuit_open     = { severity = "WARNING", summary = "A source answers nobody: no calls are made but a probe's, which looks for its return." }
    dead_letters     = { severity = "WARNING", summary = "More than one professional in a hundred was given up." }
    corruption       = { severity = "CRITICAL", summary = "What is stored contradicts itself." }
  }

  services = join(" OR ", [for name in sort(keys(local.urls)) : "resource.labels.service_name=\"${var.prefix}-${name}\""])
  queues   = join(" OR ", [for queue in concat(values(google_cloud_tasks_queue.pages), [google_cloud_tasks_queue.control]) : "resource.labels.queue_id=\"${queue.name}\""])
  runbook  = "What to do: docs/operations.md, section"
}

# --- metrics from logs ---------------------------------------------------------------------------------------------

resource "google_logging_metric" "events" {
  project     = local.project
  name        = "${var.prefix}/events"
  description = "What prograde logs for people to see, by kind."
  filter      = "resource.type=\"cloud_run_revision\" AND (${local.services}) AND jsonPayload.event=~\"^(${join("|", sort(keys(local.events)))})$\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    labels {
      key         = "event"
      value_type  = "STRING"
      description = "The kind of event."
    }
  }

  label_extractors = { event = "EXTRACT(jsonPayload.event)" }
}

resource "google_logging_metric" "supervised" {
  project     = local.project
  name        = "${var.prefix}/supervised"
  description = "Runs of supervise that ended well."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.prefix}-start-batch\" AND httpRequest.requestUrl:\"/tasks/supervise\" AND httpRequest.status=200"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

# What functions say of requests that failed for our own reasons, and the platform of those that found no instance.
# Statuses do not tell: 429 with Retry-After is a page that waits for its source's limits, which is as it should be.
resource "google_logging_metric" "failures" {
  project     = local.project
  name        = "${var.prefix}/failures"
  description = "Requests that failed for reasons of our own."
  filter      = "resource.type=\"cloud_run_revision\" AND (${local.services}) AND ((severity>=ERROR AND jsonPayload.path:*) OR textPayload:\"no available instance\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

# A policy may not name a metric that is not there yet, and a new metric takes a moment.
resource "time_sleep" "metrics_known" {
  create_duration = "30s"
  triggers = {
    events     = google_logging_metric.events.name
    failures   = google_logging_metric.failures.name
    supervised = google_logging_metric.supervised.name
  }
}

# --- alerts --------------------------------------------------------------------------------------------------------

resource "google_monitoring_alert_policy" "event" {
  for_each = local.events

  project               = local.project
  display_name          = "${var.prefix}: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.summary

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${time_sleep.metrics_known.triggers.events}\" AND metric.labels.event=\"${each.key}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.summary} ${local.runbook} ${each.key}."
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# A handler that is killed, out of memory or out of time, logs nothing of its own.
resource "google_monitoring_alert_policy" "failing" {
  project               = local.project
  display_name          = "${var.prefix}: function_failing"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "A function answers with 5xx more than twenty times in ten minutes."

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\" AND (${local.services})"
      comparison      = "COMPARISON_GT"
      threshold_value = 20
      duration        = "0s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  conditions {
    display_name = "A function says more than twenty times in ten minutes that it failed, or none was free."

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${time_sleep.metrics_known.triggers.failures}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 20
      duration        = "0s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "A function fails on its own account: tasks are delivered again. ${local.runbook} function_failing."
  }
}

# A task that is refused (401, 403, 404) is nobody's 5xx: it is delivered again until it is dropped, and its batch stands
# still. 429 is a page that waits for its source's limits.
resource "google_monitoring_alert_policy" "deliveries_refused" {
  project               = local.project
  display_name          = "${var.prefix}: deliveries_refused"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "More than five deliveries of a queue fail in ten minutes."

    condition_threshold {
      filter          = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND metric.labels.response_code!=monitoring.regex.full_match(\"(?i)(ok|200|resource_exhausted|429)\") AND (${local.queues})"
      comparison      = "COMPARISON_GT"
      threshold_value = 5
      duration        = "0s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.queue_id"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Tasks do not reach their function, or it refuses them. ${local.runbook} deliveries_refused."
  }
}

resource "google_monitoring_alert_policy" "unsupervised" {
  project               = local.project
  display_name          = "${var.prefix}: unsupervised"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "Supervise has not ended well for fifteen minutes."

    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${time_sleep.metrics_known.triggers.supervised}\""
      duration = "900s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "A task that is lost now stays lost. ${local.runbook} unsupervised."
  }
}

resource "google_monitoring_alert_policy" "schedule_failed" {
  count = length(var.schedules) == 0 ? 0 : 1

  project               = local.project
  display_name          = "${var.prefix}: schedule_failed"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels

  conditions {
    display_name = "A scheduled batch did not start."

    condition_matched_log {
      filter = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR AND (${join(" OR ", [for job in google_cloud_scheduler_job.schedule : "resource.labels.job_id=\"${job.name}\""])})"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The next try is a quarter away. ${local.runbook} schedule_failed."
  }

  alert_strategy {
    auto_close = "604800s"

    notification_rate_limit {
      period = "3600s"
    }
  }
}

# --- money ---------------------------------------------------------------------------------------------------------

resource "google_billing_budget" "main" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "${var.prefix} in ${local.project}"

  budget_filter {
    projects        = ["projects/${data.google_project.main.number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
      spend_basis       = "CURRENT_SPEND"
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    # A budget takes five channels at most, of e-mail only; the billing account's administrators are told as well.
    monitoring_notification_channels = slice(local.mailboxes, 0, min(5, length(local.mailboxes)))
  }
}

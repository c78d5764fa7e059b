locals {
  # A source that runs dry for a while must not come back with more than its limit: the margin is for that burst.
  tasks_per_second = {
    for name, source in var.sources : name => source.requests_per_second * (1 - source.burst_margin)
  }
}

# The pacemaker of one source: one dispatch is at most one call. The gate in front of the call keeps every window exactly.
resource "google_cloud_tasks_queue" "pages" {
  for_each = var.sources

  project  = local.project
  location = var.region
  name     = "${var.prefix}-pages-${replace(each.key, "_", "-")}-g${each.value.generation}"

  rate_limits {
    max_dispatches_per_second = local.tasks_per_second[each.key]
    max_concurrent_dispatches = each.value.concurrency
  }

  # Only for failures of our own infrastructure: a failed page is a new task. Both limits must be reached before a
  # task is dropped, and supervise replaces a dropped one.
  retry_config {
    max_attempts       = 20
    max_retry_duration = "3600s"
    min_backoff        = "1s"
    max_backoff        = "60s"
    max_doublings      = 6
  }

  stackdriver_logging_config {
    sampling_ratio = 0.01
  }

  lifecycle {
    # Supervise keeps it: the declared rate, which functions know from their environment, or what the source bears of it.
    ignore_changes = [rate_limits[0].max_dispatches_per_second]
  }
}

# Tasks that make no call: seeding and finalize.
resource "google_cloud_tasks_queue" "control" {
  project  = local.project
  location = var.region
  name     = "${var.prefix}-control-g${var.control_queue_generation}"

  rate_limits {
    max_dispatches_per_second = 20
    max_concurrent_dispatches = local.control_concurrency
  }

  retry_config {
    max_attempts       = 20
    max_retry_duration = "3600s"
    min_backoff        = "2s"
    max_backoff        = "120s"
    max_doublings      = 6
  }

  stackdriver_logging_config {
    sampling_ratio = 1
  }
}

# Tasks are delivered with this account's token. Nobody can act as it but Cloud Tasks, for those who enqueue.
resource "google_service_account" "tasks" {
  project      = local.project
  account_id   = "${var.prefix}-tasks"
  display_name = "Delivers the tasks of ${var.prefix}"
}

resource "google_service_account_iam_member" "enqueuer_acts_as_tasks" {
  for_each = module.function

  service_account_id = google_service_account.tasks.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value.account_member
}

locals {
  control_concurrency = 4

  queues_asked_for = merge([
    for name in local.starters : merge(
      { for source, queue in google_cloud_tasks_queue.pages : "${source}/${name}" => { queue = queue.name, function = name } },
      { "control/${name}" = { queue = google_cloud_tasks_queue.control.name, function = name } },
    )
  ]...)

  # Finalize enqueues nothing but itself.
  page_enqueuers = merge([
    for source in keys(var.sources) : { for name in concat(local.starters, ["fetch-page"]) : "${source}/${name}" => { source = source, function = name } }
  ]...)
}

resource "google_cloud_tasks_queue_iam_member" "pages_enqueuer" {
  for_each = local.page_enqueuers

  project  = local.project
  location = var.region
  name     = google_cloud_tasks_queue.pages[each.value.source].name
  role     = "roles/cloudtasks.enqueuer"
  member   = module.function[each.value.function].account_member
}

resource "google_cloud_tasks_queue_iam_member" "control_enqueuer" {
  for_each = module.function

  project  = local.project
  location = var.region
  name     = google_cloud_tasks_queue.control.name
  role     = "roles/cloudtasks.enqueuer"
  member   = each.value.account_member
}

# Supervise adapts the rate. roles/cloudtasks.queueAdmin could delete the queue too.
resource "google_project_iam_custom_role" "queue_pacer" {
  project     = local.project
  role_id     = "${replace(var.prefix, "-", "_")}_queue_pacer"
  title       = "${var.prefix}: paces a queue"
  permissions = ["cloudtasks.queues.get", "cloudtasks.queues.update"]
}

resource "google_cloud_tasks_queue_iam_member" "pages_pacer" {
  for_each = var.sources

  project  = local.project
  location = var.region
  name     = google_cloud_tasks_queue.pages[each.key].name
  role     = "projects/${local.project}/roles/${google_project_iam_custom_role.queue_pacer.role_id}"
  member   = module.function["start-batch"].account_member
}

# Before a batch begins, and at /v1/health, every queue is asked for. roles/cloudtasks.viewer could read tasks too.
resource "google_project_iam_custom_role" "queue_reader" {
  project     = local.project
  role_id     = "${replace(var.prefix, "-", "_")}_queue_reader"
  title       = "${var.prefix}: looks at a queue"
  permissions = ["cloudtasks.queues.get"]
}

resource "google_cloud_tasks_queue_iam_member" "reader" {
  for_each = local.queues_asked_for

  project  = local.project
  location = var.region
  name     = each.value.queue
  role     = "projects/${local.project}/roles/${google_project_iam_custom_role.queue_reader.role_id}"
  member   = module.function[each.value.function].account_member
}

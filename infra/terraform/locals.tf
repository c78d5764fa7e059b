# The number is part of every service's URL. A URL is needed before its service exists: functions call each other.
data "google_project" "main" {
  project_id = var.project
}

locals {
  # Whoever reads the project from here waits until its APIs are on.
  project = time_sleep.apis_on.triggers.project

  # Functions that run the start-batch package.
  starters = concat(["start-batch"], var.console ? ["console"] : [], var.webhook == null ? [] : ["webhook"])

  # Those of them that answer people: what there is, what came of it, and whether everything is well.
  answerers = concat(["start-batch"], var.console ? ["console"] : [])

  # https://cloud.google.com/run/docs/triggering/https-request#deterministic
  urls = {
    for name in concat(local.starters, ["fetch-page", "finalize"]) :
    name => "https://${var.prefix}-${name}-${data.google_project.main.number}.${var.region}.run.app"
  }

  # What every function reads; prograde's settings name these.
  environment = {
    PROGRADE_FAMILY             = "gcp"
    PROGRADE_PROJECT            = local.project
    PROGRADE_LOCATION           = var.region
    PROGRADE_FIRESTORE_DATABASE = google_firestore_database.main.name
    PROGRADE_DATASET            = google_bigquery_dataset.main.dataset_id
    PROGRADE_BUCKET_STATE       = google_storage_bucket.state.name
    PROGRADE_BUCKET_EXPORTS     = google_storage_bucket.exports.name
    PROGRADE_QUEUE_CONTROL      = google_cloud_tasks_queue.control.name
    PROGRADE_QUEUES = jsonencode({
      for source, queue in google_cloud_tasks_queue.pages : source => { name = queue.name, tasks_per_second = local.tasks_per_second[source] }
    })
    PROGRADE_START_BATCH_URL   = local.urls["start-batch"]
    PROGRADE_FETCH_PAGE_URL    = local.urls["fetch-page"]
    PROGRADE_FINALIZE_URL      = local.urls["finalize"]
    PROGRADE_TASKS_ACCOUNT     = google_service_account.tasks.email
    PROGRADE_SCHEDULER_ACCOUNT = google_service_account.scheduler.email
  }
}

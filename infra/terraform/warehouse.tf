resource "google_bigquery_dataset" "main" {
  project                    = local.project
  dataset_id                 = replace(var.prefix, "-", "_")
  location                   = var.region
  description                = "Raw answers, results, grades and lineage of prograde."
  delete_contents_on_destroy = !var.protect_data
}

# What a grading run loads lies here for as long as a statement takes to move it where it belongs.
resource "google_bigquery_dataset" "scratch" {
  project                     = local.project
  dataset_id                  = "${google_bigquery_dataset.main.dataset_id}_scratch"
  location                    = var.region
  description                 = "Rows on their way into ${google_bigquery_dataset.main.dataset_id}; they go by themselves."
  default_table_expiration_ms = 86400000
  delete_contents_on_destroy  = true
}

resource "google_bigquery_dataset_iam_member" "scratch_writer" {
  project    = local.project
  dataset_id = google_bigquery_dataset.scratch.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = module.function["finalize"].account_member
}

locals {
  # Partitioned by a column that every statement names: rows in the streaming buffer have no ingestion time yet.
  tables = {
    raw_page_log = {
      partition       = { type = "DAY", field = "sent_at", days = var.retention_days.raw_pages }
      clustering      = ["batch_id", "professional_id", "raw_id"]
      is_appended_by  = []
      is_loaded_by    = ["fetch-page"]
      is_rewritten_by = []
    }
    batches = {
      partition       = { type = "MONTH", field = "at", days = null }
      clustering      = ["batch_id"]
      is_appended_by  = concat(local.starters, ["fetch-page", "finalize"])
      is_loaded_by    = []
      is_rewritten_by = []
    }
    runs = {
      partition       = { type = "MONTH", field = "finished_at", days = null }
      clustering      = ["batch_id", "grading_run"]
      is_appended_by  = ["finalize"]
      is_loaded_by    = []
      is_rewritten_by = []
    }
    # Loaded by one job a grading run.
    results = {
      partition       = { type = "MONTH", field = "as_of", days = null }
      clustering      = ["batch_id", "grading_run", "professional_id"]
      is_appended_by  = []
      is_loaded_by    = []
      is_rewritten_by = ["finalize"]
    }
    grades = {
      partition       = { type = "MONTH", field = "as_of", days = null }
      clustering      = ["batch_id", "grading_run", "professional_id"]
      is_appended_by  = []
      is_loaded_by    = []
      is_rewritten_by = ["finalize"]
    }
  }
}

resource "google_bigquery_table" "main" {
  for_each = local.tables

  project             = local.project
  dataset_id          = google_bigquery_dataset.main.dataset_id
  table_id            = each.key
  schema              = file("${path.module}/schemas/${each.key}.json")
  clustering          = each.value.clustering
  deletion_protection = var.protect_data

  time_partitioning {
    type          = each.value.partition.type
    field         = each.value.partition.field
    expiration_ms = each.value.partition.days == null ? null : each.value.partition.days * 86400000
  }
}

# Streaming delivers at least once: reading goes through these.
resource "google_bigquery_table" "view" {
  for_each = toset(["raw_pages", "batch_status", "lineage"])

  project             = local.project
  dataset_id          = google_bigquery_dataset.main.dataset_id
  table_id            = each.key
  deletion_protection = false

  view {
    query          = templatefile("${path.module}/views/${each.key}.sql", { dataset = "${local.project}.${google_bigquery_dataset.main.dataset_id}" })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.main]
}

# roles/bigquery.dataEditor could delete the table.
resource "google_project_iam_custom_role" "table_appender" {
  project     = local.project
  role_id     = "${replace(var.prefix, "-", "_")}_table_appender"
  title       = "${var.prefix}: appends to a table"
  permissions = ["bigquery.tables.get", "bigquery.tables.updateData"]
}

# An answer too big to be streamed is loaded by a job, which asks for more.
resource "google_project_iam_custom_role" "table_loader" {
  project     = local.project
  role_id     = "${replace(var.prefix, "-", "_")}_table_loader"
  title       = "${var.prefix}: appends to a table, by jobs too"
  permissions = ["bigquery.tables.get", "bigquery.tables.update", "bigquery.tables.updateData"]
}

locals {
  appenders = merge([
    for table, columns in local.tables : { for name in columns.is_appended_by : "${table}/${name}" => { table = table, function = name } }
  ]...)
  loaders = merge([
    for table, columns in local.tables : { for name in columns.is_loaded_by : "${table}/${name}" => { table = table, function = name } }
  ]...)
  rewriters = merge([
    for table, columns in local.tables : { for name in columns.is_rewritten_by : "${table}/${name}" => { table = table, function = name } }
  ]...)
  # Those that query.
  readers = toset(concat(["finalize"], local.answerers))
}

resource "google_bigquery_table_iam_member" "appender" {
  for_each = local.appenders

  project    = local.project
  dataset_id = google_bigquery_dataset.main.dataset_id
  table_id   = google_bigquery_table.main[each.value.table].table_id
  role       = "projects/${local.project}/roles/${google_project_iam_custom_role.table_appender.role_id}"
  member     = module.function[each.value.function].account_member
}

resource "google_bigquery_table_iam_member" "loader" {
  for_each = local.loaders

  project    = local.project
  dataset_id = google_bigquery_dataset.main.dataset_id
  table_id   = google_bigquery_table.main[each.value.table].table_id
  role       = "projects/${local.project}/roles/${google_project_iam_custom_role.table_loader.role_id}"
  member     = module.function[each.value.function].account_member
}

resource "google_bigquery_table_iam_member" "rewriter" {
  for_each = local.rewriters

  project    = local.project
  dataset_id = google_bigquery_dataset.main.dataset_id
  table_id   = google_bigquery_table.main[each.value.table].table_id
  role       = "roles/bigquery.dataEditor"
  member     = module.function[each.value.function].account_member
}

# Before a batch begins, and at /v1/health, every table is asked for.
resource "google_bigquery_dataset_iam_member" "metadata_viewer" {
  for_each = merge([
    for name in local.starters : {
      "main/${name}"    = { dataset = google_bigquery_dataset.main.dataset_id, function = name }
      "scratch/${name}" = { dataset = google_bigquery_dataset.scratch.dataset_id, function = name }
    }
  ]...)

  project    = local.project
  dataset_id = each.value.dataset
  role       = "roles/bigquery.metadataViewer"
  member     = module.function[each.value.function].account_member
}

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each = local.readers

  project    = local.project
  dataset_id = google_bigquery_dataset.main.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = module.function[each.key].account_member
}

# A job belongs to a project: there is nothing narrower.
resource "google_project_iam_member" "job_user" {
  for_each = setunion(local.readers, ["fetch-page"])

  project = local.project
  role    = "roles/bigquery.jobUser"
  member  = module.function[each.key].account_member
}

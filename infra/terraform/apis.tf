locals {
  apis = toset([
    "artifactregistry", "bigquery", "billingbudgets", "cloudbuild", "cloudfunctions", "cloudresourcemanager",
    "cloudscheduler", "cloudtasks", "firestore", "iam", "iap", "logging", "monitoring", "run", "secretmanager",
    "storage",
  ])
}

resource "google_project_service" "main" {
  for_each = local.apis

  project = var.project
  service = "${each.key}.googleapis.com"
  # Something else in the project may need it.
  disable_on_destroy = false
}

# An API that was just switched on refuses calls for a while.
resource "time_sleep" "apis_on" {
  create_duration = "60s"
  triggers        = { project = var.project }

  depends_on = [google_project_service.main]
}

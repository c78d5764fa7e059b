resource "google_service_account" "main" {
  project      = var.project
  account_id   = var.name
  display_name = "Runs the function ${var.name}"
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = var.secrets

  project   = var.project
  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.main.member
}

resource "google_cloudfunctions2_function" "main" {
  project     = var.project
  location    = var.region
  name        = var.name
  description = var.description

  build_config {
    runtime         = "python313"
    entry_point     = var.entry_point
    service_account = var.build_account

    source {
      storage_source {
        bucket = var.package.bucket
        object = var.package.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.main.email
    available_memory                 = var.memory
    available_cpu                    = var.cpu
    max_instance_request_concurrency = var.concurrency
    max_instance_count               = var.instances_max
    min_instance_count               = 0
    timeout_seconds                  = var.timeout_seconds
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true

    environment_variables = merge(var.environment, {
      # functions-framework starts four threads a processor: requests would queue inside the instance.
      THREADS = tostring(var.concurrency)
      # The platform sets it where it is not said, and every plan would show that.
      LOG_EXECUTION_ID = "true"
    })

    dynamic "secret_environment_variables" {
      for_each = var.secrets

      content {
        project_id = var.project
        key        = secret_environment_variables.key
        secret     = secret_environment_variables.value.id
        version    = secret_environment_variables.value.version
      }
    }
  }

  # The platform reads the secrets when it starts the first instance.
  depends_on = [google_secret_manager_secret_iam_member.accessor]
}

# On the service: roles/cloudfunctions.invoker does not let a caller in.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.main.name
  role     = "roles/run.invoker"
  member   = each.value

  lifecycle {
    # A function that is replaced takes its service's bindings with it.
    replace_triggered_by = [google_cloudfunctions2_function.main.id]
  }
}

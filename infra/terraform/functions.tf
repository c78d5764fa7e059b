locals {
  # One row a function. A page waits for the API, so that one instance serves many at once; finalize works alone.
  functions = {
    for name, function in {
      start-batch = {
        description     = "Starts batches; takes seed and supervise tasks."
        serves          = "batches"
        memory          = "1Gi"
        cpu             = "1"
        concurrency     = 8
        instances_max   = 4
        timeout_seconds = 300
        ingress         = "ALLOW_ALL"
        invokers        = merge(local.operator_members, { tasks = google_service_account.tasks.member, scheduler = google_service_account.scheduler.member })
        secrets         = local.source_secrets
      }
      fetch-page = {
        description = "Takes page tasks: at most one call each."
        serves      = "pages"
        memory      = "1Gi"
        cpu         = "1"
        concurrency = local.pages_at_once
        # All queues together, and one more for deployments that overlap.
        instances_max = ceil(sum([for source in values(var.sources) : source.concurrency]) / local.pages_at_once) + 1
        # The longest that a source file may wait for its answer (60 s to connect, 300 s to read) and the gate (30 s), and
        # 90 s for the rest. Cloud Tasks waits for 30 minutes.
        timeout_seconds = 480
        ingress         = "ALLOW_INTERNAL_ONLY"
        invokers        = { tasks = google_service_account.tasks.member }
        secrets         = local.source_secrets
      }
      finalize = {
        description = "Takes finalize tasks: reconciles, grades, publishes."
        serves      = "finalize"
        memory      = "4Gi"
        cpu         = "2"
        concurrency = 1
        # A delivery that finds no instance is answered 429, and slows its queue down.
        instances_max = local.control_concurrency
        # The longest that Cloud Tasks waits.
        timeout_seconds = 1800
        ingress         = "ALLOW_INTERNAL_ONLY"
        invokers        = { tasks = google_service_account.tasks.member }
        secrets         = {}
      }
      console = {
        description     = "The operators' console."
        serves          = "console"
        memory          = "1Gi"
        cpu             = "1"
        concurrency     = 20
        instances_max   = 2
        timeout_seconds = 300
        ingress         = "ALLOW_ALL"
        invokers        = local.operator_members
        secrets         = local.source_secrets
      }
      webhook = {
        description   = "Takes signed webhooks."
        serves        = "webhook"
        memory        = "1Gi"
        cpu           = "1"
        concurrency   = 20
        instances_max = 2
        # As long as the others that start batches: it asks every function first, and what is cut off tells no reason.
        timeout_seconds = 300
        ingress         = "ALLOW_ALL"
        invokers        = {}
        secrets         = merge(local.source_secrets, local.webhook_secrets)
      }
    } : name => function if contains(keys(local.urls), name)
  }

  pages_at_once    = 20
  operator_members = { for member in var.operators : member => member }
}

module "function" {
  for_each = local.functions
  source   = "./modules/http_function"

  project     = local.project
  region      = var.region
  name        = "${var.prefix}-${each.key}"
  description = each.value.description

  package       = google_storage_bucket_object.package[contains(local.starters, each.key) ? "start-batch" : each.key]
  entry_point   = contains(local.starters, each.key) ? "start_batch" : replace(each.key, "-", "_")
  build_account = time_sleep.build_account_ready.triggers.account

  environment = merge(local.environment, { PROGRADE_SERVES = each.value.serves },
    # Whom the assertions of Identity-Aware Proxy are for.
    each.key == "console" ? { PROGRADE_IAP_AUDIENCE = "/projects/${data.google_project.main.number}/locations/${var.region}/services/${var.prefix}-console" } : {},
  )
  secrets = each.value.secrets

  memory          = each.value.memory
  cpu             = each.value.cpu
  concurrency     = each.value.concurrency
  instances_max   = each.value.instances_max
  timeout_seconds = each.value.timeout_seconds
  ingress         = each.value.ingress
  invokers        = each.value.invokers
}

# The one thing that is public, and only if it was asked for: it starts nothing without a valid signature.
resource "google_cloud_run_v2_service_iam_member" "webhook_is_public" {
  count = var.webhook == null ? 0 : 1

  project  = local.project
  location = var.region
  name     = module.function["webhook"].service
  role     = "roles/run.invoker"
  member   = "allUsers"

  lifecycle {
    replace_triggered_by = [terraform_data.webhook_function]
  }
}

# Changes when the webhook's function is replaced, which takes its bindings with it.
resource "terraform_data" "webhook_function" {
  input = var.webhook == null ? null : module.function["webhook"].id
}

# --- packages ------------------------------------------------------------------------------------------------------

locals {
  packages = {
    for name in ["start-batch", "fetch-page", "finalize"] : name => (
      fileexists("${path.module}/${var.package_dir}/${name}.zip")
      ? "${path.module}/${var.package_dir}/${name}.zip"
      # Lets a plan be made without packages. It is no zip: its build fails, and what runs goes on running.
      : "${path.module}/no-package.zip"
    )
  }
}

check "packages_are_made" {
  assert {
    condition     = !contains(values(local.packages), "${path.module}/no-package.zip")
    error_message = "A package is missing in ${var.package_dir}: run make package before you apply."
  }
}

# The digest in the name: new code is a new object, and only that makes a function build again.
resource "google_storage_bucket_object" "package" {
  for_each = local.packages

  bucket = google_storage_bucket.packages.name
  name   = "${each.key}-${filemd5(each.value)}.zip"
  source = each.value
}

# --- the account that builds ---------------------------------------------------------------------------------------

# New projects give the default account no roles.
resource "google_service_account" "build" {
  project      = local.project
  account_id   = "${var.prefix}-build"
  display_name = "Builds the functions of ${var.prefix}"
}

resource "google_project_iam_member" "build" {
  for_each = toset(["roles/artifactregistry.writer", "roles/logging.logWriter"])

  project = local.project
  role    = each.key
  member  = google_service_account.build.member
}

resource "google_project_iam_member" "build_reads_sources" {
  project = local.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "the buckets of function sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.main.number}-\")"
  }
}

resource "google_storage_bucket_iam_member" "build_reads_packages" {
  bucket = google_storage_bucket.packages.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

# A role that was just given is not seen everywhere at once.
resource "time_sleep" "build_account_ready" {
  create_duration = "60s"
  triggers        = { account = google_service_account.build.name }

  depends_on = [
    google_project_iam_member.build,
    google_project_iam_member.build_reads_sources,
    google_storage_bucket_iam_member.build_reads_packages,
  ]
}

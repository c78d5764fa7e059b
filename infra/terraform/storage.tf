locals {
  buckets_begin = "${var.project}-${var.prefix}"
}

# Zips of the functions, by digest: whatever is here can be made again.
resource "google_storage_bucket" "packages" {
  project                     = local.project
  name                        = "${local.buckets_begin}-packages"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

# rosters/NAME.csv, which people put there; sources/NAME.yaml, from here; batches/, a batch's own copies of both;
# .publishing/, exports on their way into their own bucket.
resource "google_storage_bucket" "state" {
  project                     = local.project
  name                        = "${local.buckets_begin}-state"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protect_data

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.retention_days.batches
      matches_prefix = ["batches/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 31
      matches_prefix = [".publishing/"]
    }
  }
}

# Published exports. Soft delete would keep, and bill, what a retry writes over.
resource "google_storage_bucket" "exports" {
  project                     = local.project
  name                        = "${local.buckets_begin}-exports"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protect_data

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = var.retention_days.exports
    }
  }
}

locals {
  # Starting a batch keeps its roster and source; a page reads the source; finalize prepares its export. Nobody
  # overwrites anything.
  state_roles = merge(
    { for name in concat(local.starters, ["finalize"]) : "${name}/creates" => { function = name, role = "roles/storage.objectCreator" } },
    { for name in concat(local.starters, ["fetch-page", "finalize"]) : "${name}/reads" => { function = name, role = "roles/storage.objectViewer" } },
  )
}

resource "google_storage_bucket_iam_member" "state" {
  for_each = local.state_roles

  bucket = google_storage_bucket.state.name
  role   = each.value.role
  member = module.function[each.value.function].account_member
}

# A finalize that is tried again completes what the first try left without a manifest. It replaces and deletes nothing.
resource "google_storage_bucket_iam_member" "exports_publisher" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = google_storage_bucket.exports.name
  role   = each.key
  member = module.function["finalize"].account_member
}

# Who starts a batch looks first whether there is a bucket for its export. The answerers may read it anyway.
resource "google_storage_bucket_iam_member" "exports_lister" {
  for_each = setsubtract(local.starters, local.answerers)

  bucket = google_storage_bucket.exports.name
  role   = "roles/storage.legacyBucketReader"
  member = module.function[each.key].account_member
}

resource "google_storage_bucket_iam_member" "exports_reader" {
  for_each = toset(local.answerers)

  bucket = google_storage_bucket.exports.name
  role   = "roles/storage.objectViewer"
  member = module.function[each.key].account_member
}

# Operators upload rosters, and take exports away.
resource "google_storage_bucket_iam_member" "operators_keep_rosters" {
  for_each = var.operators

  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = each.key

  condition {
    title      = "rosters"
    expression = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.state.name}/objects/rosters/\")"
  }
}

resource "google_storage_bucket_iam_member" "operators_read_exports" {
  for_each = var.operators

  bucket = google_storage_bucket.exports.name
  role   = "roles/storage.objectViewer"
  member = each.key
}

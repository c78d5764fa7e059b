# A batch's state while it runs. What must be kept is in the warehouse.
resource "google_firestore_database" "main" {
  project                 = local.project
  name                    = var.prefix
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  concurrency_mode        = "PESSIMISTIC"
  delete_protection_state = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = var.protect_data ? "ABANDON" : "DELETE"
}

locals {
  # In the format of Firebase's tools, which an emulator reads too.
  firestore = jsondecode(file("${path.module}/schemas/firestore.indexes.json"))
}

# Writes to an indexed field wait for its index: nothing is indexed but what a query selects by.
resource "google_firestore_field" "main" {
  for_each = { for field in local.firestore.fieldOverrides : "${field.collectionGroup}/${field.fieldPath}" => field }

  project    = local.project
  database   = google_firestore_database.main.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  index_config {}

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []
    content {}
  }
}

resource "google_firestore_index" "main" {
  for_each = { for index in local.firestore.indexes : join("/", concat([index.collectionGroup], index.fields[*].fieldPath)) => index }

  project     = local.project
  database    = google_firestore_database.main.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = fields.value.fieldPath
      order      = fields.value.order
    }
  }
}

# Firestore has no roles on a database, but conditions on one.
resource "google_project_iam_member" "firestore_user" {
  for_each = module.function

  project = local.project
  role    = "roles/datastore.user"
  member  = each.value.account_member

  condition {
    title      = "the database ${var.prefix}"
    expression = "resource.name == \"projects/${local.project}/databases/${var.prefix}\""
  }
}

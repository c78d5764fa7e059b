locals {
  source_files = { for name in keys(var.sources) : name => "${path.module}/sources/${name}.yaml" }

  # A missing or broken file is told below, with its name.
  source_texts     = { for name, path in local.source_files : name => fileexists(path) ? file(path) : "" }
  source_documents = { for name, text in local.source_texts : name => try(yamldecode(text), {}) }

  # The secrets that a file names, comments apart.
  secrets_named = {
    for name, document in local.source_documents :
    name => distinct(flatten(regexall("\\$\\{env:([A-Za-z_][A-Za-z0-9_]*)\\}", jsonencode(document))))
  }

  # Calls a second in the tightest window of each file's rate_limits.
  tightest = {
    for name, document in local.source_documents : name => try(min([
      for window in document.rate_limits : window.limit / sum([
        for index, part in regex("^P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?$", window.interval) :
        tonumber(coalesce(part, "0")) * [86400, 3600, 60, 1][index]
      ])
    ]...), 0)
  }
}

# Batches take their source from here, and keep a copy of their own.
resource "google_storage_bucket_object" "source" {
  for_each = local.source_files

  bucket       = google_storage_bucket.state.name
  name         = "sources/${each.key}.yaml"
  content      = local.source_texts[each.key]
  content_type = "application/yaml"

  lifecycle {
    precondition {
      condition     = try(local.source_documents[each.key].name, "") == each.key
      error_message = "Source ${each.key} needs a file infra/terraform/sources/${each.key}.yaml that is YAML and says name: ${each.key}; prograde validate checks the rest."
    }
    precondition {
      condition     = length(setsubtract(local.secrets_named[each.key], keys(var.secrets))) == 0
      error_message = "The file sources/${each.key}.yaml names secrets that the variable secrets lacks: ${join(", ", setsubtract(local.secrets_named[each.key], keys(var.secrets)))}."
    }
    precondition {
      # One mistake, one message: a file that cannot be read has no windows.
      condition     = try(local.source_documents[each.key].name, "") != each.key || var.sources[each.key].requests_per_second <= local.tightest[each.key]
      error_message = "sources.${each.key}.requests_per_second is ${var.sources[each.key].requests_per_second}, more than the tightest window in sources/${each.key}.yaml allows (${local.tightest[each.key]})."
    }
  }
}

output "urls" {
  description = "Where each function answers."
  value       = local.urls
}

output "buckets" {
  description = "Rosters go to state, exports come from exports."
  value = {
    state    = google_storage_bucket.state.name
    exports  = google_storage_bucket.exports.name
    packages = google_storage_bucket.packages.name
  }
}

output "dataset" {
  description = "The warehouse; batch_status in it tells where each batch stands."
  value       = "${local.project}.${google_bigquery_dataset.main.dataset_id}"
}

output "queues" {
  description = "The queue of each source."
  value       = { for source, queue in google_cloud_tasks_queue.pages : source => queue.name }
}

output "secrets" {
  description = "The secrets that need a version before functions can start, by environment variable."
  value = merge(
    { for name, secret in google_secret_manager_secret.source : name => secret.secret_id },
    { for secret in google_secret_manager_secret.webhook : "PROGRADE_WEBHOOK_SECRET" => secret.secret_id },
  )
}

output "start_a_batch" {
  description = "A line for an operator's shell, beside a roster.csv. The same key again is the same batch."
  value = join(" ", [
    "curl --fail-with-body --request POST ${local.urls["start-batch"]}/v1/batches",
    "--header \"Authorization: Bearer $(gcloud auth print-identity-token)\"",
    "--header 'Idempotency-Key: first'",
    "--form source=${sort(keys(var.sources))[0]} --form roster=@roster.csv",
  ])
}

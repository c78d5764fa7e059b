output "id" {
  description = "The function's id."
  value       = google_cloudfunctions2_function.main.id
}

output "service" {
  description = "The name of the Cloud Run service."
  value       = google_cloudfunctions2_function.main.name
}

output "account_member" {
  description = "The function's account, as IAM names a member."
  value       = google_service_account.main.member
}

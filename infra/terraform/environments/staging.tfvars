project = "acme-prograde-staging"
region  = "us-central1"

sources = {
  reso = { requests_per_second = 20, concurrency = 40 }
}
secrets = { LISTING_TOKEN = "1" }

operators    = ["group:prograde-operators@example.com"]
alert_emails = ["prograde-staging@example.com"]

retention_days = { batches = 31, exports = 31, raw_pages = 31 }
protect_data   = false

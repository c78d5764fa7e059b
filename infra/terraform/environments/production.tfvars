project = "acme-prograde"
region  = "us-central1"

sources = {
  reso = { requests_per_second = 20, concurrency = 40 }
}
secrets = { LISTING_TOKEN = "1" }

schedules = {
  quarterly = {
    source    = "reso"
    roster    = "rosters/reso.csv"
    time_zone = "America/New_York"
  }
}

operators    = ["group:prograde-operators@example.com"]
console      = true
alert_emails = ["prograde@example.com"]

budget = {
  billing_account = "000000-000000-000000"
  amount          = 100
}

# What neither staging nor production asks for, so that the tests see every resource.
project = "acme-prograde-everything"
region  = "europe-west1"

sources = {
  reso = { requests_per_second = 20, burst_margin = 0.2, concurrency = 90, generation = 3 }
}
secrets = { LISTING_TOKEN = "7" }

schedules = {
  quarterly = {
    source     = "reso"
    roster     = "rosters/reso.csv"
    parameters = "{\"attribution\": \"full\"}"
  }
}

operators      = ["user:ada@example.com"]
console        = true
webhook        = { secret_version = "1" }
alert_emails   = ["ops@example.com"]
slack_channels = ["projects/acme-prograde-everything/notificationChannels/1"]

budget = {
  billing_account = "0123AB-4567CD-89EF01"
  amount          = 50
}

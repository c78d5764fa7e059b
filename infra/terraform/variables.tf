variable "project" {
  description = "The project that everything lives in. Give staging and production one each."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id: 6 to 30 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  description = "Where everything runs and is stored, for example us-central1. It cannot be changed later: Firestore and BigQuery stay where they were made."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a region such as us-central1, not a zone or a multi-region."
  }
}

variable "prefix" {
  description = "What the name of everything begins with."
  type        = string
  default     = "prograde"
  nullable    = false

  validation {
    # A service account's id has at most 30 characters, "-start-batch" takes 12 of them.
    condition     = can(regex("^[a-z][a-z0-9-]{2,14}[a-z0-9]$", var.prefix))
    error_message = "prefix must be 4 to 16 of a-z, 0-9 and -, beginning with a letter and not ending with a hyphen."
  }
}

variable "sources" {
  description = <<-EOT
    The listing APIs, by the name of their source file sources/NAME.yaml. Each gets a queue of its own.
    requests_per_second: the tightest window of the file's rate_limits, as calls a second.
    burst_margin: the share of that rate left unused, for what a queue sends at once after a pause.
    concurrency: calls in flight at once; about requests_per_second times the slowest usual answer in seconds.
    generation: part of the queue's name; raise it when the queue was deleted, for its name is blocked for days.
    Two sources that share a credential share its limits: divide the rate between them.
  EOT
  type = map(object({
    requests_per_second = number
    burst_margin        = optional(number, 0.1)
    concurrency         = optional(number, 40)
    generation          = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.sources) > 0
    error_message = "sources must name at least one source: without one there is nothing to call."
  }
  validation {
    condition     = alltrue([for name in keys(var.sources) : can(regex("^[a-z0-9_-]{1,40}$", name))])
    error_message = "a source's name has 1 to 40 of a-z, 0-9, _ and -, as in its file."
  }
  validation {
    condition     = length(distinct([for name in keys(var.sources) : replace(name, "_", "-")])) == length(var.sources)
    error_message = "two sources differ by _ and - only: a queue's name has no _, so they would share a queue."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.requests_per_second > 0 && source.requests_per_second <= 500])
    error_message = "requests_per_second must be above 0 and at most 500, which is all that a queue can send."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.burst_margin >= 0 && source.burst_margin < 1])
    error_message = "burst_margin is a share: at least 0 and below 1."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.concurrency >= 1 && source.concurrency <= 1000 && floor(source.concurrency) == source.concurrency])
    error_message = "concurrency must be a whole number from 1 to 1000."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.generation >= 1 && floor(source.generation) == source.generation])
    error_message = "generation must be a whole number from 1."
  }
}

variable "control_queue_generation" {
  description = "Part of the control queue's name; raise it when the queue was deleted, for its name is blocked for days."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.control_queue_generation >= 1 && floor(var.control_queue_generation) == var.control_queue_generation
    error_message = "control_queue_generation must be a whole number from 1."
  }
}

variable "secrets" {
  description = "The version of each secret that the source files name as $${env:NAME}, by NAME. Terraform makes the secret, not its value: docs/deploy.md."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[A-Za-z_][A-Za-z0-9_]{0,99}$", name))])
    error_message = "a secret's name is an environment variable's: letters, digits and _, not beginning with a digit."
  }
  validation {
    condition     = !anytrue([for name in keys(var.secrets) : can(regex("^(PROGRADE_|FUNCTION_|GOOGLE_|K_|CLOUD_RUN_|X_GOOGLE_)|^(PORT|PATH|HOME|THREADS|WORKERS|LOG_EXECUTION_ID|GCLOUD_PROJECT)$", name))])
    error_message = "a secret must not have the name of a variable that prograde or the platform sets."
  }
  validation {
    condition     = alltrue([for version in values(var.secrets) : can(regex("^[1-9][0-9]*$", version))])
    error_message = "a secret's version is a number: with \"latest\" an instance keeps the old value until it ends, and nobody sees which."
  }
}

variable "schedules" {
  description = <<-EOT
    Batches that start by themselves, by name.
    roster: a CSV in the state bucket, rosters/NAME.csv. parameters: a run's parameters as a JSON object.
    cron and time_zone: when; the default is the first day of each quarter at six.
  EOT
  type = map(object({
    source     = string
    roster     = string
    parameters = optional(string, "{}")
    cron       = optional(string, "0 6 1 1,4,7,10 *")
    time_zone  = optional(string, "Etc/UTC")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[a-z][a-z0-9-]{0,39}$", name)) && name != "supervise"])
    error_message = "a schedule's name has at most 40 of a-z, 0-9 and -, begins with a letter, and is not supervise."
  }
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : contains(keys(var.sources), schedule.source)])
    error_message = "a schedule's source must be one of sources."
  }
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^rosters/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\\.csv$", schedule.roster))])
    error_message = "a schedule's roster is a CSV in the state bucket: rosters/NAME.csv."
  }
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(keys(jsondecode(schedule.parameters)))])
    error_message = "a schedule's parameters must be a JSON object."
  }
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(\\S+ ){4}\\S+$", schedule.cron))])
    error_message = "a schedule's cron has five fields: minute, hour, day of the month, month, day of the week."
  }
}

variable "operators" {
  description = "Who may start batches and use the console, as user:, group: or serviceAccount: and an address."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount):[^@:\\s]+@[^@:\\s]+$", member))])
    error_message = "an operator is user:, group: or serviceAccount: and an address; never allUsers or allAuthenticatedUsers."
  }
}

variable "console" {
  description = "Whether to deploy the start-batch package a second time, as the operators' console. Put it behind IAP: docs/deploy.md."
  type        = bool
  default     = false
  nullable    = false
}

variable "webhook" {
  description = "Set it to deploy the start-batch package as a public webhook that checks signatures. secret_version: the version of the signing secret."
  type        = object({ secret_version = string })
  default     = null

  validation {
    condition     = var.webhook == null || can(regex("^[1-9][0-9]*$", var.webhook.secret_version))
    error_message = "the webhook's secret_version is a number."
  }
}

variable "alert_emails" {
  description = "Addresses that alerts go to."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "alert_emails must be e-mail addresses."
  }
  validation {
    condition     = length(var.alert_emails) + length(var.slack_channels) > 0
    error_message = "name somebody in alert_emails or slack_channels: an alert must reach somebody."
  }
}

variable "slack_channels" {
  description = "Notification channels of type Slack, authorised once in the console, so that their token is in no state: projects/PROJECT/notificationChannels/NUMBER."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.slack_channels : can(regex("^projects/[a-z0-9-]+/notificationChannels/[0-9]+$", channel))])
    error_message = "a Slack channel is given as projects/PROJECT/notificationChannels/NUMBER."
  }
}

variable "budget" {
  description = "Whom to bill and what a month may cost before alerts are sent; null for no budget. Nothing is ever switched off."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "USD")
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account looks like 0123AB-4567CD-89EF01."
  }
  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "budget.amount is a whole number of the currency's units, at least 1."
  }
  validation {
    condition     = var.budget == null || can(regex("^[A-Z]{3}$", var.budget.currency))
    error_message = "budget.currency is the billing account's currency, for example USD."
  }
}

variable "retention_days" {
  description = "After how many days things are deleted: a batch's roster and source snapshot, published exports, raw answers in the warehouse (null: never)."
  type = object({
    batches   = optional(number, 400)
    exports   = optional(number, 400)
    raw_pages = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in [var.retention_days.batches, var.retention_days.exports, coalesce(var.retention_days.raw_pages, 400)] : days >= 31 && floor(days) == days])
    error_message = "retention_days are whole numbers from 31: a batch may take a month."
  }
}

variable "protect_data" {
  description = "Whether Terraform refuses to delete the database, the tables and filled buckets."
  type        = bool
  default     = true
  nullable    = false
}

variable "package_dir" {
  description = "The folder of start-batch.zip, fetch-page.zip and finalize.zip, relative to this module. make package fills the default."
  type        = string
  default     = "../../build"
  nullable    = false
}

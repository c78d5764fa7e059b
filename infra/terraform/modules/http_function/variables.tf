variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
}

variable "name" {
  description = "The function's name, and its service's and its account's: of -, a-z and 0-9, or the service would be called otherwise."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "name must be 6 to 30 of a-z, 0-9 and -: it is a service account's id too."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "package" {
  description = "The object that holds the zip."
  type        = object({ bucket = string, name = string })
}

variable "entry_point" {
  description = "The Python function in main.py."
  type        = string
}

variable "build_account" {
  description = "The account that builds: projects/PROJECT/serviceAccounts/ADDRESS."
  type        = string
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "secrets" {
  description = "Environment variables whose values Secret Manager keeps: the secret's id and version, by the variable's name."
  type        = map(object({ id = string, version = string }))
}

variable "memory" {
  description = "Memory of an instance, as 1Gi."
  type        = string
}

variable "cpu" {
  description = "Processors of an instance: at least 1 where concurrency is above 1."
  type        = string
}

variable "concurrency" {
  description = "Requests that an instance serves at once."
  type        = number
}

variable "instances_max" {
  description = "The most instances; beyond that the platform answers 429."
  type        = number
}

variable "timeout_seconds" {
  description = "After how long a request is given up."
  type        = number
}

variable "ingress" {
  description = "ALLOW_ALL, or ALLOW_INTERNAL_ONLY for what only Cloud Tasks of this project calls."
  type        = string
}

variable "invokers" {
  description = "Who may call the function, by a key of any kind."
  type        = map(string)

  validation {
    condition     = !anytrue([for member in values(var.invokers) : contains(["allUsers", "allAuthenticatedUsers"], member)])
    error_message = "A function of this module is never public."
  }
}

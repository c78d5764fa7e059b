terraform {
  # 1.9: a validation may look at other variables.
  required_version = ">= 1.9"

  required_providers {
    google = {
      source = "hashicorp/google"
      # Only arguments that 6.50 has, and none that 7 took away or gave another default.
      version = ">= 6.50, < 8"
    }
    time = {
      source  = "hashicorp/time"
      version = ">= 0.13, < 1"
    }
  }

  # Bucket and prefix come from environments/NAME.gcs.tfbackend.
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region
  # The budget's API wants a project to count its quota against.
  billing_project       = var.project
  user_project_override = true
}

"""Adapters for Google Cloud: Firestore, Cloud Tasks, Cloud Storage."""

"""What start_batch answers over HTTP: people's pages and API, tasks, schedules and webhooks, in one route table."""

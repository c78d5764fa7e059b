"""prograde grades professionals: it pages through a listing API and publishes ranked CSVs."""

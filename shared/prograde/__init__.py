"""prograde grades professionals: it pages through a listing API and publishes ranked CSVs."""

__version__ = "2026.11.0"
"""CalVer; here, so that a deployed function, which is no installed package, knows it too."""

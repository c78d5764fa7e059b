"""The listing API: source files, paginators, auth, and the one HTTP call of a dispatch."""

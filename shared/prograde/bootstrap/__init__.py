"""The composition root, a module a family: the only place that builds concrete things."""

"""The route table: every method and path that start_batch answers."""

from werkzeug.routing import Map, Rule

from prograde.entrypoints.web import api_batches, api_dead_letters, api_results, api_service, pages, tasks, webhook
from prograde.entrypoints.web.route import CONVERTERS, Route
from prograde.ports import Caller
from prograde.settings import Serves

ROUTES: tuple[Route, ...] = (
    *pages.ROUTES,
    *api_batches.ROUTES,
    *api_dead_letters.ROUTES,
    *api_results.ROUTES,
    *api_service.ROUTES,
    *tasks.ROUTES,
    *webhook.ROUTES,
)

CALLERS = {
    Serves.BATCHES: frozenset({Caller.TASKS, Caller.SCHEDULER, Caller.PEOPLE}),
    Serves.CONSOLE: frozenset({Caller.PEOPLE}),
    Serves.WEBHOOK: frozenset({Caller.WEBHOOK}),
}
"""Whom each deployed name of the package answers."""


def _map(routes: tuple[Route, ...]) -> Map:
    # Nothing is redirected: a path is what the table says, or is not there.
    rules = [Rule(route.path, methods=[route.method], endpoint=route) for route in routes]
    return Map(rules, converters=CONVERTERS, strict_slashes=True, merge_slashes=False, redirect_defaults=False)


EVERYTHING = _map(ROUTES)
"""What one machine answers."""
MAPS = {
    serves: _map(tuple(route for route in ROUTES if route.caller in callers)) for serves, callers in CALLERS.items()
}
"""What each deployed name answers: the rest is not there."""

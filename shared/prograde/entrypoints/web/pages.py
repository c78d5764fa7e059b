"""Every page, and what a browser is told when something is wrong."""

import flask

from prograde.entrypoints.problem_details import MIMETYPE
from prograde.entrypoints.web import (
    pages_batches,
    pages_letters,
    pages_new,
    pages_professionals,
    pages_sources,
    pages_static,
)
from prograde.entrypoints.web.rendering import HTML, rendered

TITLES = {
    400: "That cannot be read",
    404: "There is nothing here",
    409: "That does not go now",
    413: "That is too much",
    421: "Not under this name",
    503: "Please try again in a moment",
}

ROUTES = (
    *pages_batches.ROUTES,
    *pages_new.ROUTES,
    *pages_letters.ROUTES,
    *pages_professionals.ROUTES,
    *pages_sources.ROUTES,
    *pages_static.ROUTES,
)


def shown(request: flask.Request, response: flask.Response) -> flask.Response:
    """Show problem details to a browser as a page; a program gets them as they are."""
    is_browser = request.accept_mimetypes.best_match([MIMETYPE, "application/json", HTML]) == HTML
    if response.mimetype != MIMETYPE or not is_browser or request.path.startswith("/v1/"):
        return response
    told = response.get_json()
    problems = [f"{problem['field']}: {problem['remedy']}" for problem in told.get("problems", ())]
    title = TITLES.get(response.status_code, told["title"])
    values = {"title": title, "detail": "" if problems else told["detail"], "problems": problems}
    page = rendered("problem.html", values, response.status_code)
    kept = {name: value for name, value in response.headers.items() if name not in {"Content-Type", "Content-Length"}}
    page.headers.update(kept)
    return page

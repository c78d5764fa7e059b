"""
The description of the HTTP API, OpenAPI 3.1, written from the route table and the shapes: make schemas.

No request imports this: what is served is the file beside it.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask
from pydantic import BaseModel, TypeAdapter
from werkzeug.http import HTTP_STATUS_CODES

from prograde import __version__
from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.parameters import ParametersModel
from prograde.entrypoints.problem_details import MIMETYPE
from prograde.entrypoints.web import api_batches, api_dead_letters, api_results, api_service, shapes, webhook
from prograde.entrypoints.web.reading import KEY, Paging, Query
from prograde.entrypoints.web.route import CONVERTERS, UPLOAD, Route
from prograde.entrypoints.web.table import ROUTES
from prograde.use_cases.check_health import Health

FILE = Path(__file__).with_name("openapi.json")
REF = "#/components/schemas/{model}"
ALWAYS = (400, 403, 406, 421, 503)
"""Whatever is asked for may be asked for wrongly, by another site, or while something of ours is away."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the route table does not say of a route: its query, body and answers."""

    answer: type | None
    query: type[BaseModel] = Query
    body: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[int, ...] = (404,)


OPERATIONS: Mapping[Callable[..., flask.Response], Operation] = {
    api_batches.post_batch: Operation(shapes.BatchState, body=JsonOrder, status=202, problems=(404, 409, 413, 415)),
    api_batches.list_batches: Operation(shapes.BatchList, Paging, problems=()),
    api_batches.show_batch: Operation(shapes.BatchDetails),
    api_batches.pause_batch: Operation(shapes.BatchState, problems=(404, 409)),
    api_batches.resume_batch: Operation(shapes.BatchState, problems=(404, 409)),
    api_batches.cancel_batch: Operation(shapes.BatchState, problems=(404, 409)),
    api_dead_letters.list_letters: Operation(shapes.DeadLetterList, api_dead_letters.LetterPaging),
    api_dead_letters.show_letter: Operation(shapes.DeadLetterEvidence, problems=(404, 409)),
    api_dead_letters.replay_letters: Operation(
        shapes.Replayed, body=api_dead_letters.Choice, problems=(404, 409, 413, 415)
    ),
    api_dead_letters.discard_letters: Operation(
        shapes.Discarded, body=api_dead_letters.Choice, problems=(404, 409, 413, 415)
    ),
    api_results.list_professionals: Operation(shapes.ProfessionalList, api_results.Search),
    api_results.show_professional: Operation(shapes.ProfessionalStory),
    api_results.list_grades: Operation(shapes.GradeList, api_results.GradePaging),
    api_results.list_exports: Operation(shapes.ExportList),
    api_results.download: Operation(None),
    api_service.show_health: Operation(Health, problems=()),
    api_service.show_description: Operation(dict, problems=()),
    webhook.take_webhook: Operation(
        shapes.Queued, body=webhook.BatchOrdered, status=202, problems=(401, 404, 409, 413, 415)
    ),
}
SECURITY = {
    "identityToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "In the cloud, a Google identity token of one of the operators; on one machine nothing.",
    }
}


def described() -> Json:
    """Describe the API."""
    schemas = _schemas()
    paths: dict[str, Json] = {}
    for route in ROUTES:
        if route.handler in OPERATIONS:
            path = paths.setdefault(_template(route.path), {})
            path[route.method.lower()] = _operation(route, OPERATIONS[route.handler])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "prograde",
            "version": __version__,
            "description": "Grades real-estate professionals: batches, their results, their dead letters.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"identityToken": []}],
        "paths": paths,
        "components": {"schemas": schemas, "responses": _problems(), "securitySchemes": SECURITY},
    }


def written() -> str:
    """Write it as the file has it."""
    return json.dumps(described(), indent=2, ensure_ascii=False) + "\n"


def _schemas() -> dict[str, Json]:
    answers = {operation.answer for operation in OPERATIONS.values()} - {None, dict}
    bodies = {operation.body for operation in OPERATIONS.values()} - {None}
    kinds: list[tuple[Any, str]] = [
        *((kind, "serialization") for kind in {*answers, shapes.ProblemDetails}),
        *((kind, "validation") for kind in {*bodies, ParametersModel}),
    ]
    inputs: list[Any] = [(kind.__name__, mode, TypeAdapter(kind)) for kind, mode in kinds]
    inputs.sort(key=lambda one: one[0])
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    schemas: dict[str, Json] = definitions["$defs"]
    schemas["JsonOrder"]["properties"]["parameters"] = {"$ref": REF.format(model="ParametersModel")}
    return dict(sorted(schemas.items()))


def _problems() -> dict[str, Json]:
    content = {MIMETYPE: {"schema": {"$ref": REF.format(model="ProblemDetails")}}}
    statuses = {*ALWAYS, *(status for operation in OPERATIONS.values() for status in operation.problems)}
    return {str(status): {"description": HTTP_STATUS_CODES[status], "content": content} for status in sorted(statuses)}


def _operation(route: Route, operation: Operation) -> Json:
    handler = route.handler
    described: Json = {
        "operationId": handler.__name__ if route.path != "/v1/health" else "show_health_too",
        "summary": (handler.__doc__ or "").strip().rstrip("."),
        "parameters": [*_path_parameters(route.path), *_query_parameters(operation.query), *_headers(route)],
        "responses": _responses(route, operation),
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(route, operation.body)}
    return described


def _template(path: str) -> str:
    """Write a rule of werkzeug as a template: `/v1/batches/{batch_id}`."""
    return "/".join(
        "{" + part[1:-1].partition(":")[2] + "}" if part.startswith("<") else part for part in path.split("/")
    )


def _path_parameters(path: str) -> list[Json]:
    found = [part[1:-1].partition(":") for part in path.split("/") if part.startswith("<")]
    return [
        {"name": name, "in": "path", "required": True, "schema": dict(CONVERTERS[converter].schema)}
        for converter, _, name in found
    ]


def _query_parameters(query: type[BaseModel]) -> list[Json]:
    schema = query.model_json_schema(ref_template=REF)
    return [
        {
            "name": name,
            "in": "query",
            "description": about.pop("description", ""),
            "schema": {key: value for key, value in about.items() if key != "title"},
        }
        for name, about in schema.get("properties", {}).items()
    ]


def _headers(route: Route) -> list[Json]:
    if route.handler is api_batches.post_batch:
        about = "Per source: the same key and the same order are the same batch; with another order it is a conflict."
        schema = {"type": "string", "pattern": f"^{KEY.pattern}$"}
        return [{"name": "Idempotency-Key", "in": "header", "description": about, "schema": schema}]
    if route.handler is webhook.take_webhook:
        return [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": about}
            for name, about in (
                ("webhook-id", "The webhook's id, which makes a repeated one for the same source the same batch."),
                ("webhook-timestamp", "When it was sent, in seconds since 1970."),
                ("webhook-signature", "v1,BASE64: the HMAC-SHA256 of ID.TIMESTAMP.BODY; several with spaces between."),
            )
        ]
    return []


def _content(route: Route, body: type[BaseModel]) -> Json:
    content: Json = {"application/json": {"schema": {"$ref": REF.format(model=body.__name__)}}}
    if set(UPLOAD) <= set(route.takes):
        content["multipart/form-data"] = {
            "schema": {
                "type": "object",
                "required": ["source", "roster"],
                "properties": {
                    "source": {"type": "string", "description": "the name of a source that there is"},
                    "roster": {"type": "string", "format": "binary", "description": "a CSV with professional_id"},
                    "parameters": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "what differs from the defaults",
                    },
                },
            },
            "encoding": {"roster": {"contentType": "text/csv"}, "parameters": {"contentType": "text/plain"}},
        }
    return content


def _responses(route: Route, operation: Operation) -> Json:
    shown = {"text/csv": {"schema": {"type": "string"}}} if operation.answer is None else {}
    name = "" if operation.answer is None or operation.answer is dict else operation.answer.__name__
    shown["application/json"] = {"schema": {"$ref": REF.format(model=name)} if name else {"type": "object"}}
    good: Json = {"description": "Done" if operation.status == 200 else "Taken", "content": shown}  # noqa: PLR2004  # as HTTP has it
    if operation.status == 202:  # noqa: PLR2004  # as HTTP has it
        good["headers"] = {"Location": {"description": "where the batch is", "schema": {"type": "string"}}}
    responses: Json = {str(operation.status): good}
    if route.method == "GET" and operation.answer is not Health:
        good["headers"] = {"ETag": {"description": "for If-None-Match", "schema": {"type": "string"}}}
        responses["304"] = {"description": "What the caller has is what there is"}
    responses |= {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted({*ALWAYS, *operation.problems})
    }
    if operation.answer is Health:
        responses["503"] = {"description": "Something does not answer", "content": shown}
    return responses


def main() -> None:
    """Write the file."""
    FILE.write_text(written(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name}: {len(described()['paths'])} paths\n")


if __name__ == "__main__":
    main()

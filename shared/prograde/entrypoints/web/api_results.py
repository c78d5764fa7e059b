"""Results over the HTTP API: professionals and how their grades came about, ranked rows, exported files."""

import re
from base64 import b64encode
from typing import Annotated

import flask
from pydantic import Field

from prograde.domain.batch import Batch
from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.entrypoints.web.answers import current_answer
from prograde.entrypoints.web.reading import Paging, Query, bad_cursor, read_query
from prograde.entrypoints.web.route import Call, Route
from prograde.entrypoints.web.shapes import (
    ExportDetails,
    ExportList,
    GradeList,
    ProfessionalList,
    ProfessionalStory,
    ProfessionalSummary,
)
from prograde.ports import Caller
from prograde.use_cases.export_files import MANIFEST
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.read_export import (
    Export,
    exports,
    file_blocks,
    file_of,
    latest_export,
    read_export,
    read_rows,
)
from prograde.use_cases.read_professional import find_professionals, read_story

SIZED_BYTES_MAX = 30_000_000
"""A larger file is sent in chunks, without its length: Cloud Run lets no larger answer pass in one piece."""
_CURSOR = re.compile(r"([1-9][0-9]{0,3})-([1-9][0-9]{0,12})")


class Search(Paging):
    """Which professionals."""

    prefix: Annotated[str, Field(max_length=KEY_LENGTH_MAX, description="how the id begins")] = ""


class GradePaging(Paging):
    """Which ranked rows."""

    grade: Annotated[str | None, Field(max_length=20, description="of this grade; none for those without one")] = None
    search: Annotated[str, Field(max_length=100, description="that hold this text, in whatever case")] = ""


def list_professionals(call: Call, batch_id: str) -> flask.Response:
    """Find professionals by the beginning of their id."""
    search = read_query(call.request, Search)
    if search.cursor and (not search.cursor.startswith(search.prefix) or len(search.cursor) > KEY_LENGTH_MAX):
        raise bad_cursor(search.cursor)
    found = find_professionals(call.services.store, batch_id, search.prefix, search.limit + 1, search.cursor)
    shown = [ProfessionalSummary.of(professional) for professional in found[: search.limit]]
    following = found[search.limit].professional_id if len(found) > search.limit else None
    return current_answer(call.request, ProfessionalList(shown, following))


def show_professional(call: Call, batch_id: str, professional_id: str) -> flask.Response:
    """Show how a professional's grade came about, page by page."""
    read_query(call.request, Query)
    return current_answer(call.request, ProfessionalStory.of(read_story(call.services, batch_id, professional_id)))


def list_grades(call: Call, batch_id: str) -> flask.Response:
    """List the ranked rows of the latest export, or of the one that the cursor is of."""
    paging = read_query(call.request, GradePaging)
    batch = read_batch(call.services.store, batch_id)
    name = file_of(batch, paging.grade)
    export, offset = _place(call, batch, paging.cursor)
    page = read_rows(call.services.blobs, export, name, offset, paging.limit, paging.search)
    shown = GradeList(
        batch_id=batch_id,
        grading_run=export.grading_run,
        export_digest=export.export_digest,
        rows=[row.cells for row in page.rows],
        next=None if page.next is None else f"{export.grading_run}-{page.next}",
    )
    return current_answer(call.request, shown)


def _place(call: Call, batch: Batch, cursor: str) -> tuple[Export, int]:
    if not cursor:
        return latest_export(call.services.blobs, batch), 0
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise bad_cursor(cursor)
    return read_export(call.services.blobs, batch, int(found[1])), int(found[2])


def list_exports(call: Call, batch_id: str) -> flask.Response:
    """List a batch's published grading runs, with the files of each."""
    read_query(call.request, Query)
    batch = read_batch(call.services.store, batch_id)
    found = [ExportDetails.of(export) for export in exports(call.services.blobs, batch)]
    return current_answer(call.request, ExportList(found))


def download(call: Call, batch_id: str, run: int, name: str) -> flask.Response:
    """Download an exported file, with its sha256."""
    read_query(call.request, Query)
    batch = read_batch(call.services.store, batch_id)
    export = read_export(call.services.blobs, batch, run)
    if name == MANIFEST:
        return current_answer(call.request, export.manifest)
    file = export.file(name)
    response = flask.Response(file_blocks(call.services.blobs, export, file), mimetype="text/csv")
    response.set_etag(file.sha256)
    if file.bytes <= SIZED_BYTES_MAX:
        response.content_length = file.bytes
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(file.sha256)).decode()}:"
    response.headers["Content-Disposition"] = f'attachment; filename="{batch_id}-{run:03}-{name}"'
    response.make_conditional(call.request)
    return response


_BATCH = "/v1/batches/<batch:batch_id>"

ROUTES = (
    Route("GET", f"{_BATCH}/professionals", Caller.PEOPLE, list_professionals),
    Route("GET", f"{_BATCH}/professionals/<professional:professional_id>", Caller.PEOPLE, show_professional),
    Route("GET", f"{_BATCH}/grades", Caller.PEOPLE, list_grades),
    Route("GET", f"{_BATCH}/exports", Caller.PEOPLE, list_exports),
    Route(
        "GET",
        f"{_BATCH}/exports/<run:run>/<file:name>",
        Caller.PEOPLE,
        download,
        gives=("text/csv", "application/json"),
    ),
)

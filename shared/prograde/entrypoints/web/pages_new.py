"""The page on which a batch is ordered: filled in, estimated, started."""

import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

import flask

from prograde.domain.batch import Batch
from prograde.domain.effects import digest
from prograde.entrypoints.web.api_batches import UPLOAD_BYTES_MAX
from prograde.entrypoints.web.listed_sources import ListedSource, listed_sources
from prograde.entrypoints.web.new_form import Typed, fresh, like, tier_input
from prograde.entrypoints.web.rendering import HTML, rendered, see_other
from prograde.entrypoints.web.route import FORM, BatchConverter, Call, Route
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import Caller
from prograde.use_cases.plan import Plan, last_experience, plan_batch
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import start_batch

BATCHES_LOOKED_AT = 50
ROSTERS_MAX = 10
_KEPT = re.compile(r"[0-9a-f]{64}")
_BATCH_ID = re.compile(BatchConverter.regex)


@dataclass(frozen=True, slots=True)
class Upload:
    """A roster that was sent with an earlier try, kept by its digest: a browser never sends a file again by itself."""

    name: str
    sha256: str

    @property
    def blob(self) -> str:
        """Where it is kept: below what the cloud's bucket forgets in time; no batch is called so."""
        return f"batches/uploads/{self.sha256}.csv"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is shown before Start: the plan, remarks on the roster, and what Start must still mean."""

    plan: Plan
    notes: Sequence[str]
    order_sha256: str
    key: str
    is_changed: bool = False


def new_page(call: Call) -> flask.Response:
    """Show the form, with the defaults or like an earlier batch."""
    files = listed_sources(call.services.catalog)
    earlier = call.request.args.get("like", "")
    if _BATCH_ID.fullmatch(earlier):
        batch = read_batch(call.services.store, earlier)
        typed = like(batch, next((file.name for file in files if file.source == batch.source), ""))
    else:
        typed = fresh(source=next((file.name for file in files if file.is_usable), ""))
    source = call.request.args.get("source", "")
    if source in {file.name for file in files}:
        typed = replace(typed, values={**typed.values, "source": source})
    return _form(call, typed, files)


def order_page(call: Call) -> flask.Response:
    """Take the form: show an estimate, or start the batch; with anything wrong, show the form with what was typed."""
    # What reads source files is much, and the tasks of this function never do.
    from prograde.entrypoints.order import Given, checked_order

    services, form = call.services, call.request.form
    typed = Typed({name: value[:200] for name, value in form.items()})
    sent = _sent(call)
    if sent is not None:
        # Who sends a file means it, whatever is still chosen below it.
        typed = replace(typed, values={**typed.values, "stored_roster": ""})
    upload = sent or _kept(call)
    given = Given(
        source_text=lambda: _source_text(services, typed["source"]),
        parameters=typed.parameters,
        roster=lambda: _roster(services, typed, upload),
        idempotency_key=typed["key"],
        ordered_by=call.who,
    )
    try:
        with checked_order(given, services.clock.now().date(), os.environ) as checked:
            order = checked.order
            is_as_estimated = typed["estimated"] == order.sha256
            if typed["do"] == "start" and is_as_estimated and typed["key"]:
                batch = start_batch(services, order)
                return see_other(f"/batches/{batch.batch_id}?said=started")
            plan = plan_batch(
                order.parameters,
                order.professionals,
                checked.source.rate_limits,
                last_experience(services.store, checked.source.name),
            )
            key = digest("form", order.sha256, services.clock.now().isoformat())[:16]
            estimate = Estimate(plan, checked.notes, order.sha256, key, is_changed=bool(typed["estimated"]))
    except InputError as error:
        problems = typed.with_source_file_in_one(error.problems)
        return _form(call, typed, listed_sources(services.catalog), upload, problems=problems)
    return _form(call, typed, listed_sources(services.catalog), upload, estimate=estimate)


def _source_text(services: Services, name: str) -> str:
    if not name:
        raise InputError([Problem("source", None, "choose the source to ask")])
    try:
        return services.catalog.text(name)
    except InputError as error:
        raise InputError(replace(problem, field="source file") for problem in error.problems) from error
    except NotFoundError as error:
        raise InputError([Problem("source", name[:80], str(error))]) from error


def _sent(call: Call) -> Upload | None:
    """Keep the roster that is sent."""
    file = call.request.files.get("roster")
    if file is None or not file.filename:
        return None
    content = file.stream.read()
    upload = Upload(file.filename[:100], sha256(content).hexdigest())
    call.services.blobs.put(upload.blob, BytesIO(content))
    return upload


def _kept(call: Call) -> Upload | None:
    """Find the roster that was sent with the try before."""
    kept = call.request.form.get("kept", "")
    return Upload(call.request.form.get("kept_name", "")[:100], kept) if _KEPT.fullmatch(kept) else None


def _roster(services: Services, typed: Typed, upload: Upload | None) -> AbstractContextManager[BinaryIO]:
    try:
        if typed["stored_roster"]:
            stored = read_batch(services.store, typed["stored_roster"]).roster
            return nullcontext(BytesIO(b"professional_id\n" + _quoted(services.blobs.read(stored.blob))))
        if upload is not None:
            return nullcontext(BytesIO(services.blobs.read(upload.blob)))
    except NotFoundError as error:
        raise InputError([Problem("roster", None, f"{error}: choose the file again")]) from error
    raise InputError([Problem("roster", None, "choose a CSV file with a professional_id column")])


def _quoted(lines: bytes) -> bytes:
    """Write ids, one a line, as a CSV with one column: an id may hold a comma or a quote."""
    if b'"' not in lines and b"," not in lines and b";" not in lines and b"\t" not in lines:
        return lines
    return b"".join(b'"' + line.replace(b'"', b'""') + b'"\n' for line in lines.splitlines())


def _form(
    call: Call,
    typed: Typed,
    files: Sequence[ListedSource],
    upload: Upload | None = None,
    estimate: Estimate | None = None,
    problems: Sequence[Problem] = (),
) -> flask.Response:
    services = call.services
    errors = typed.errors(problems)
    return rendered(
        "new.html",
        {
            "typed": typed,
            "tier_input": tier_input,
            "upload": upload,
            "estimate": estimate,
            "errors": errors,
            "problems": [(typed.input_of(problem), problem) for problem in problems],
            "in_cloud": call.in_cloud,
            "sources": files,
            "rosters": _stored_rosters(services),
            "megabytes_max": UPLOAD_BYTES_MAX // 1_000_000,
            "today": services.clock.now().date(),
        },
        400 if problems else 200,
    )


def _stored_rosters(services: Services) -> list[Batch]:
    """List the rosters of the latest batches, each content once, by the batch that used it last."""
    latest: dict[str, Batch] = {}
    for batch in services.store.newest(None, BATCHES_LOOKED_AT):
        latest.setdefault(batch.roster.sha256, batch)
    return list(latest.values())[:ROSTERS_MAX]


ROUTES = (
    Route("GET", "/new", Caller.PEOPLE, new_page, gives=(HTML,)),
    Route("POST", "/new", Caller.PEOPLE, order_page, takes=FORM, gives=(HTML,), body_bytes_max=UPLOAD_BYTES_MAX),
)

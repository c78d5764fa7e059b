"""ListingSource over HTTP."""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import TracebackType
from typing import Self

import orjson

from prograde import __version__
from prograde.adapters.listing_api.auth import with_params
from prograde.adapters.listing_api.error_handler import UnusableAnswerError, refusal
from prograde.adapters.listing_api.http_caller import Answer, HttpCaller
from prograde.adapters.listing_api.source import Source
from prograde.domain.outcome import Answered, Denied, Failure, Refusal, Refused
from prograde.domain.raw_page import Exchange
from prograde.ports import Clock, PageRequest, RateGate
from prograde.replacing import replace

HEADER_LENGTH_MAX = 8_192

_KEPT = frozenset({"content-type", "date", "etag", "link", "retry-after"})
_KEPT_PARTS = ("ratelimit", "rate-limit", "quota")


class HttpListingSource:
    """
    ListingSource over HTTP: one call a fetch, through the gate, no retry and no redirect.

    Safe to share between threads. Close it, or use it as a context manager, to close its idle connections.
    """

    def __init__(
        self, source: Source, gate: RateGate, clock: Clock, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._source = source
        self._clock = clock
        self._caller = HttpCaller(source.client, _request_headers(source), gate, timer)

    def fetch(self, request: PageRequest, share: float = 1.0) -> tuple[Answered, Exchange]:
        """Make one call and sort the answer."""
        call = self._source.stages[request.stage].call(request)
        # The only place where credentials are in a URL: what is kept of the call is its own target.
        auth = self._source.client.auth
        sent_target = call.target if auth is None else with_params(call.target, auth.params())
        answer = self._caller.send(call.method, sent_target, call.body, share)
        shown = self._source.redactor.data(answer.body)
        return self._outcome(request, call.target, answer, shown), self._exchange(call.target, answer, shown)

    def close(self) -> None:
        """Close the idle connections."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _outcome(self, request: PageRequest, target: str, answer: Answer, shown: bytes) -> Answered:
        try:
            outcome = self._sorted(request, target, answer, shown)
        except UnusableAnswerError as error:
            outcome = error.failure
        if isinstance(outcome, Denied | Failure | Refused):
            outcome = replace(outcome, detail=self._source.redactor.text(outcome.detail))
        match outcome:
            case Denied(detail):
                return Denied(f"{detail}; {self._asked_with()}: {self._remedy()}")
            case Refused(Refusal.FORBIDDEN, detail):
                # It may be the credentials, or this one professional.
                return replace(outcome, detail=f"{detail}; {self._asked_with()}")
            case _:
                return outcome

    def _asked_with(self) -> str:
        names = " and ".join(self._source.variables)
        return f"it was asked with {names}" if names else "it was asked without credentials"

    def _remedy(self) -> str:
        """Say what to mend where the credentials are refused."""
        if self._source.variables:
            return "set that right, then resume the batch"
        return "write client.auth into the source file, and start a new batch"

    def _sorted(self, request: PageRequest, target: str, answer: Answer, shown: bytes) -> Answered:
        if answer.status:
            # A status that refuses says enough, whether or not its body came whole.
            filters = self._source.client.rate_limited_filters
            refused = refusal(answer.status, answer.headers, shown, self._clock.now(), filters)
            if refused is not None:
                return refused
        if answer.problem is not None:
            raise answer.problem
        try:
            document: object = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise UnusableAnswerError("malformed", f"the body is not JSON: {error}") from None
        return self._source.stages[request.stage].outcome(request, target, answer.headers, document)

    def _exchange(self, target: str, answer: Answer, shown: bytes) -> Exchange:
        redactor = self._source.redactor
        return Exchange(
            sent_at=answer.sent_at,
            latency_ms=answer.latency_ms,
            url=redactor.text(f"{self._source.client.base_url.origin}{target}"),
            status=answer.status,
            headers=tuple((name, redactor.text(value)[:HEADER_LENGTH_MAX]) for name, value in _kept(answer.headers)),
            body=shown,
            body_sha256=sha256(shown).hexdigest(),
        )


def _request_headers(source: Source) -> Mapping[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"prograde/{__version__}"}
    # By their lower-case names, so that a source's own Accept replaces ours and is not sent beside it.
    by_name = {name.lower(): (name, value) for name, value in headers.items()}
    by_name |= {name.lower(): (name, value.reveal()) for name, value in source.client.headers.items()}
    if source.client.auth is not None:
        by_name |= {name.lower(): (name, value) for name, value in source.client.auth.headers().items()}
    return dict(by_name.values())


def _kept(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pick the headers that bear on paging, pace and caching, in their order by name."""
    return sorted(
        (name, value) for name, value in headers.items() if name in _KEPT or any(part in name for part in _KEPT_PARTS)
    )

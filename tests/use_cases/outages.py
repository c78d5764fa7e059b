"""What a scripted source answers when it is out for a while, or when one professional's pages break it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from prograde.domain.outcome import Answered, Failure, ListingPage, Refusal, Refused
from prograde.domain.professional import Stage
from prograde.ports import Clock, PageRequest
from tests.use_cases.scripted_source import only_page, sale

Answering = Callable[[PageRequest], Answered]

DOWN = Failure("unavailable", "503 Service Unavailable")
BROKEN = Failure("server_error", "500 Internal Server Error")
BAD_REQUEST = Refused(Refusal.CLIENT_ERROR, "status 400: the filter is refused")
MISSING = Refused(Refusal.NOT_FOUND, "status 404")
FORBIDDEN = Refused(Refusal.FORBIDDEN, "status 403: not yours")


def out(
    clock: Clock, since: datetime, span: timedelta, answering: Answering = only_page, instead: Answered = DOWN
) -> Answering:
    """Answer nobody from one moment on, for a while."""

    def answer(request: PageRequest) -> Answered:
        return instead if since <= clock.now() < since + span else answering(request)

    return answer


def broken_for(professional_id: str, stage: Stage, page: int = 1, answering: Answering = only_page) -> Answering:
    """Answer everything but one page of one professional."""

    def answer(request: PageRequest) -> Answered:
        asked = (request.professional_id, request.stage, request.page)
        return BROKEN if asked == (professional_id, stage, page) else answering(request)

    return answer


def refusing(professional_id: str, refused: Answered, stage: Stage, answering: Answering = only_page) -> Answering:
    """Refuse one professional a stage."""

    def answer(request: PageRequest) -> Answered:
        is_meant = (request.professional_id, request.stage) == (professional_id, stage)
        return refused if is_meant else answering(request)

    return answer


def long_histories(pages: int) -> Answering:
    """Answer a sold history page by page."""

    def answer(request: PageRequest) -> Answered:
        if request.stage is not Stage.HISTORICAL or request.page == pages:
            return only_page(request)
        return ListingPage((sale(f"{request.professional_id}-{request.page}"),), f"page {request.page + 1}")

    return answer

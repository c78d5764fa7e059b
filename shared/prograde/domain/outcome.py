"""What one dispatch of a page task brought: every answer of a source is exactly one of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import cast

from prograde.domain.listing import Listing, Rejection
from prograde.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """The profile stage's record."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class ListingPage:
    """
    A page of listings, and the paginator's cursor of the next one (None after the last).

    `is_newest_first` is the source's promise that the stage is ordered by close date, descending.
    """

    records: tuple[Listing | Rejection, ...]
    next_cursor: str | None
    is_newest_first: bool = False

    @property
    def listings(self) -> Sequence[Listing]:
        """The records that are listings: nearly always all."""
        if Rejection not in map(type, self.records):
            return cast("tuple[Listing, ...]", self.records)
        return [record for record in self.records if isinstance(record, Listing)]

    @property
    def oldest_close(self) -> date | None:
        """The last record's close date, where the page keeps the promised order; None where it cannot be told."""
        if not self.is_newest_first:
            return None
        oldest: date | None = None
        for record in self.records:
            closed_on = record.close_date if isinstance(record, Listing) else None
            if closed_on is None or (oldest is not None and closed_on > oldest):
                return None
            oldest = closed_on
        return oldest


@dataclass(frozen=True, slots=True)
class Throttled:
    """
    The source asks for fewer calls; `wait_seconds` as it says, None where it does not.

    `asked_id` names whose page was asked for as a proof, "" for the own one.
    """

    wait_seconds: float | None
    asked_id: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The call brought nothing usable; `is_terminal` when the source itself was heard, and asking again cannot help."""

    cause: str
    detail: str
    is_terminal: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The source has looked for the professional, and knows of none: its list is there, and empty."""


class Refusal(StrEnum):
    """What a status refuses a page with; the value is the cause that dead letters are grouped by."""

    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    REDIRECT = "redirect"
    CLIENT_ERROR = "client_error"


@dataclass(frozen=True, slots=True)
class Refused:
    """
    By its status the answer is one that asking again does not mend.

    It may be no answer of the source's at all: a gateway that has lost its source refuses everybody.
    """

    kind: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The source refuses the credentials: nobody's page will succeed until they are mended."""

    detail: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Instead of the own page, that of somebody else was asked for, and answered."""

    professional_id: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """That page failed too: maybe the source answers nobody."""

    professional_id: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The batch was cancelled before the call."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The batch gave up on the source before the call."""


Answered = ProfilePage | ListingPage | Throttled | Failure | NotFound | Refused | Denied
"""What a call brings."""

Outcome = Answered | Proven | Unproven | Cancelled | GivenUp

"""One of everything, for a test to change the one fact that it is about."""

from datetime import UTC, date, datetime

from prograde.domain.batch import Batch, Parameters, Roster
from prograde.domain.listing import Listing, ListingStatus
from prograde.domain.professional import Professional, Stage
from prograde.domain.profile import Profile

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
AS_OF = date(2026, 6, 30)
CUTOFF = date(2025, 6, 30)
ME = "K1"

PARAMETERS = Parameters(as_of=AS_OF, cutoff=CUTOFF)

SALE = Listing(
    key="L1",
    status=ListingStatus.CLOSED,
    is_sale=True,
    list_price_cents=310_000_00,
    close_price_cents=300_000_00,
    close_date=date(2026, 3, 1),
    list_agent=ME,
    co_list_agent=None,
    buyer_agent="K9",
    co_buyer_agent=None,
)

ON_THE_MARKET = Listing(
    key="L2",
    status=ListingStatus.ACTIVE,
    is_sale=True,
    list_price_cents=450_000_00,
    close_price_cents=None,
    close_date=None,
    list_agent=ME,
    co_list_agent=None,
    buyer_agent=None,
    co_buyer_agent=None,
)

BATCH = Batch(
    batch_id="batch-1",
    source="sandbox",
    source_sha256="0" * 64,
    order_sha256="1" * 32,
    parameters=PARAMETERS,
    roster=Roster("batches/batch-1/roster.txt", 100, "1" * 64),
    created_at=NOW,
    due_at=NOW,
)

NEWCOMER = Professional(batch_id="batch-1", professional_id=ME, sequence=0, due_at=NOW)
"""Nothing asked yet: the profile stage is next."""

SELLER = Professional(
    batch_id="batch-1",
    professional_id=ME,
    sequence=0,
    due_at=NOW,
    step=2,
    stage=Stage.HISTORICAL,
    profile=Profile(first_name="Ada", last_name="Byron", full_name="Ada Byron"),
)
"""Profile and active listings are known: the first page of sold history is next."""

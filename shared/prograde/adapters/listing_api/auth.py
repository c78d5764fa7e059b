"""How a source is told who asks."""

from collections.abc import Mapping
from dataclasses import dataclass

from prograde.adapters.listing_api.secret import Secret


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A token in the Authorization header: RESO's long-lived server token."""

    token: Secret

    def headers(self) -> Mapping[str, str]:
        """The headers that each call carries."""
        return {"Authorization": f"Bearer {self.token.reveal()}"}

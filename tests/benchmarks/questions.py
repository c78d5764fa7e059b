"""What every contestant asks: the URLs that prograde derives from its source file, written out by hand."""

import csv
from pathlib import Path
from urllib.parse import quote, urlencode

TOKEN = "sandbox"
HEADERS = {"Accept": "application/json", "Authorization": f"Bearer {TOKEN}"}
NEXT_LINK = "@odata.nextLink"

PROFILE_PARAMS = {
    "$filter": "MemberKey eq '{agent}'",
    "$select": "MemberKey,MemberFirstName,MemberLastName,MemberFullName,MemberEmail,MemberPreferredPhone,OfficeName,"
    "MemberCity,MemberStateOrProvince,MemberStateLicense,X_Last12MonthsVolume,X_Last12MonthsSides,X_ActiveListings,"
    "X_LastSaleDate",
}
HISTORY_PARAMS = {
    "$filter": "(ListAgentKey eq '{agent}' or CoListAgentKey eq '{agent}' or BuyerAgentKey eq '{agent}' or "
    "CoBuyerAgentKey eq '{agent}') and StandardStatus eq 'Closed' and CloseDate ge {cutoff} and CloseDate le {as_of}",
    "$select": "ListingKey,StandardStatus,PropertyType,ListPrice,ClosePrice,CloseDate,ListAgentKey,CoListAgentKey,"
    "BuyerAgentKey,CoBuyerAgentKey",
    "$orderby": "CloseDate desc,ListingKey",
}
WINDOW = {"cutoff": "2024-12-31", "as_of": "2025-12-31"}


def profile_url(reso_url: str, agent: str) -> str:
    """Where an agent's profile is."""
    return f"{reso_url}/Member?{_query(PROFILE_PARAMS, agent)}"


def history_url(reso_url: str, agent: str) -> str:
    """Where the first page of an agent's sold history is; each page links to the next."""
    return f"{reso_url}/Property?{_query(HISTORY_PARAMS, agent)}"


def read_roster(path: Path) -> list[str]:
    """The agents to page through."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row["professional_id"] for row in csv.DictReader(file)]


def _query(params: dict[str, str], agent: str) -> str:
    return urlencode({name: text.format(agent=agent, **WINDOW) for name, text in params.items()}, quote_via=quote)

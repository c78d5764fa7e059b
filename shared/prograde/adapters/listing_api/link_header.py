"""The Link header of RFC 8288: addresses of other pages, each with its relation to this one."""

from prograde.adapters.listing_api.header_list import parameters, split_list


def related_link(header: str, relation: str) -> str | None:
    """
    Find the first address with a relation, as `<https://x/?a=1,2>; rel="next"`; None where there is none.

    Raises ValueError where the header is no list of links: what it does not say might be the next page.
    """
    for member in filter(None, split_list(header, ",")):
        address, *rest = split_list(member, ";")
        if not (address.startswith("<") and address.endswith(">")):
            raise ValueError("holds something that is no <address>")
        about = parameters(rest)
        # A link with an anchor tells of another page than this one.
        if "anchor" not in about and relation.lower() in about.get("rel", "").lower().split():
            return address[1:-1].strip()
    return None

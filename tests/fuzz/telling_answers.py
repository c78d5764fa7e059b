"""Thirty telling answers: each is one way in which a listing API may be wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.fuzz.answers import ELSEWHERE, PAGE, SALE, Token, written
from tests.fuzz.endless_answers import CUT, PARSED
from tests.listing_api.answering_server import Answer, http_answer
from tests.listing_api.calls import sends_and_closes


@dataclass(frozen=True)
class Telling:
    """An answer, and the paginator of the source that gets it."""

    answer: Answer
    paginator: str = "json_link"


def _page(paginator: str = "json_link", **changes: object) -> Telling:
    return Telling(http_answer(written({**PAGE, **changes})), paginator)


def _record(**changes: object) -> Telling:
    return Telling(http_answer(written({"value": [SALE, {**SALE, "ListingKey": "L9", **changes}]})), "single_page")


def _link(text: str) -> Telling:
    return Telling(http_answer(written({**PAGE, "@odata.nextLink": text})))


def _status(status: str, *headers: str, body: bytes = b"") -> Telling:
    return Telling(http_answer(body, status, headers))


TELLING: Mapping[str, Telling] = {
    "nothing: the connection closes": Telling(sends_and_closes(b"")),
    "no HTTP": Telling(sends_and_closes(b"SSH-2.0-OpenSSH_9.6\r\n")),
    "a line among the headers that is no header": Telling(
        sends_and_closes(b"HTTP/1.1 200 OK\r\nbroken\r\nLink: <?2>; rel=next\r\n\r\n" + written(PAGE))
    ),
    "a Content-Length larger than the body": Telling(
        sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + written(PAGE))
    ),
    "an HTML page with status 200": _status("200 OK", body=b"<html>back soon</html>"),
    "JSON cut short": _status("200 OK", body=written(PAGE)[:-20]),
    "an error document with status 200": _status("200 OK", body=b'{"error":{"message":"busy"}}'),
    "an error nested 1,010 deep": _status("500 Oops", body=b'{"error":' * 1_010 + b"{}" + b"}" * 1_010),
    "a redirect to another host": _status("302 Found", f"Location: {ELSEWHERE}/"),
    "429, Retry-After in the year 9999": _status("429 Slow", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
    "429, Retry-After of 5,000 digits": _status("429 Slow", f"Retry-After: {'9' * 5_000}"),
    "an object where the list should be": _page(value={}),
    "a price that is NaN": _record(ClosePrice=Token(b"NaN")),
    "a price of 1e400": _record(ClosePrice=Token(b"1e400")),
    "a price of 10,000 digits": _record(ClosePrice=Token(b"9" * 10_000)),
    "a negative price": _record(ClosePrice=-1),
    "a close date in year 0, and one in year 10000": Telling(
        http_answer(written({"value": [{**SALE, "CloseDate": day} for day in ("0000-01-01", "10000-01-01")]})),
        "single_page",
    ),
    "a key given twice": Telling(http_answer(b'{"value":[%b,"ListingKey":"L9"}]}' % written(SALE)[:-1]), "single_page"),
    "a record that is a number": Telling(http_answer(written({"value": [SALE, 7]})), "single_page"),
    "half a surrogate pair in a key": _record(ListingKey=Token(b'"\\ud800"')),
    "a NUL in a key": _record(ListingKey=Token(b'"L\\u0000"')),
    "a next link to another host": _link(f"{ELSEWHERE}/p2"),
    "a next link to a file": _link("file:///etc/passwd"),
    "a next link with a user and a password": _link("https://u:p@elsewhere.example/"),
    "a next link of 900 kB": _link("/" + "y" * 900_000),
    "a next link with a line break and a header": _link("/reso/odata/Property?a\r\nHost: elsewhere.example"),
    "a cursor that is an object": _page("cursor", cursor={"a": 1}),
    "a total that is negative": _page("offset", total=-1),
    "100,000 brackets": Telling(PARSED["100,000 brackets"][0]),
}
COSTLY: Mapping[str, Telling] = {
    name: Telling(CUT[name][0])
    for name in (
        "a gzip bomb: 300 kB that become 300 MB",
        "chunks without end",
        "headers without end",
        "100 Continue without end",
        "a byte now and then",
        "silence",
    )
}
"""What takes as long as the time limit, or a body as large as may be."""

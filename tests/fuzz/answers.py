"""Strategies for answers: any bytes, any JSON, pages with one thing wrong, and heads that lie about their bodies."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.listing_api.answering_server import http_answer

ELSEWHERE = "https://elsewhere.example"


@dataclass(frozen=True)
class Token:
    """JSON, or what only looks like it, that stands in a document as it is."""

    text: bytes

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 40 else self.text[:20] + b"..."
        return f"Token({shown!r}, {len(self.text)})"


SALE: Mapping[str, object] = {
    "ListingKey": "L1",
    "StandardStatus": "Closed",
    "PropertyType": "Residential",
    "ListPrice": 460_000,
    "ClosePrice": 450_000.5,
    "CloseDate": "2026-10-01",
    "ListAgentKey": "K1",
    "CoListAgentKey": None,
    "BuyerAgentKey": "K1",
    "CoBuyerAgentKey": "K2",
    "CloseDates": ["2026-10-01"],
    "Agents": [{"Order": 2, "Key": "K2"}, {"Order": 1, "Key": "K1"}],
}
OFFERED: Mapping[str, object] = {**SALE, "ListingKey": "L2", "StandardStatus": "Active", "CloseDate": None}
MEMBER: Mapping[str, object] = {
    "MemberKey": "K1",
    "MemberLastName": "Byron",
    "Preferred": None,
    "Direct": "555-0100",
    "Volume": "1000000.00",
    "Sides": 4,
    "Active": 2,
    "LastClose": "2026-10-01T00:00:00Z",
}
PAGE: Mapping[str, object] = {
    "value": [SALE, OFFERED, {**SALE, "ListingKey": "L3", "CloseDate": "2026-09-01"}],
    "@odata.nextLink": "/reso/odata/Property?$skip=50",
    "total": 3,
    "cursor": "c1",
    "numbers": ["1", 2],
}
PROFILE: Mapping[str, object] = {"value": [MEMBER]}
KEYS = sorted({*SALE, *MEMBER, *PAGE, "error", "message", "D"})

_SHORT = rb"""
null true false "" {} [] [null] [[]] { ]
0 -0.0 -1 00 0x10 0.005 1e15 1e308 1e400 -1e400 1e-400 NaN -Infinity 999999999999.99 1000000000000
9223372036854775808 18446744073709551615 18446744073709551616 "-5" "1_000" "NaN" "1e400" "1,000.00" "\u0661"
["9223372036854775807","1"] ["1e999"] ["NaN"] [18446744073709551615,1]
"\ud800" "\udc00\ud800" "\ud83c\udfe1" "\u0000" "a\u0000b" "\u202e" "\u001b[31m" "\q" "quota"
20261001 "0000-01-01" "0001-01-01" "9999-12-31T23:59:59Z" "10000-01-01" "2026-02-30" "2026-10-01x" "2026-10-01T"
"https://elsewhere.example/x" "//elsewhere.example/x" "file:///etc/passwd" "mailto:x" "http://u:p@127.0.0.1/"
"?" "#" ";" "/" "//" "///x" ".." "../../.." "?%zz" "http:" "http://[" "/\u2100" "//\u2100" "\\x" "/x\r\nHost:evil"
"http://127.0.0.1:0/" "http://127.0.0.1:99999/" "http://127.0.0.1:x/" "http://127.0.0.1:-1/"
""".split()
_LONG = [
    b"9" * 10_000,
    b"0." + b"1" * 10_000,
    b'"%s"' % (b"9" * 4_000),
    b'"%s"' % (b"9" * 5_000),
    b'["%s"]' % (b"9" * 4_000),
    b'"%s"' % (b"x" * 256),
    b'"%s"' % (b"x" * 200_000),
    b'"%s"' % (b"\\n" * 300),
    b'"2026-10-01T%s"' % (b"9" * 50_000),
    b'"/%s"' % (b"y" * 900_000),
    b"[" * 500 + b"]" * 500,
    b"[" * 1_020 + b"]" * 1_020,
    b"[" * 100_000,
    b'{"error":' * 1_010 + b"{}" + b"}" * 1_010,
]
TOKENS = [Token(text) for text in (b"", b'" "', b'"2026-10-01 "', b'"\x00"', b'"\xff"', *_SHORT, *_LONG)]


@dataclass(frozen=True)
class Repeated:
    """An object with one key given twice."""

    key: str
    first: object
    second: object


texts = st.text(max_size=20) | st.text("0123456789-:TZ.eE+/?#[]@%&=\\\x00", max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(TOKENS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=4),
    max_leaves=12,
)


def written(value: object) -> bytes:
    """Write a document as JSON, its tokens as they are."""
    match value:
        case Token():
            return value.text
        case Mapping():
            pairs = (b"%s:%s" % (written(key), written(inner)) for key, inner in value.items())
            return b"{%s}" % b",".join(pairs)
        case Repeated():
            return b"{%s:%s,%s:%s}" % tuple(written(part) for part in (value.key, value.first, value.key, value.second))
        case list():
            return b"[%s]" % b",".join(written(inner) for inner in value)
        case _:
            # json writes lone surrogates as escapes, and NaN as it is: both are wanted here.
            return json.dumps(value).encode()


@st.composite
def changed(draw: st.DrawFn, document: object) -> object:
    """Change one thing somewhere in a document."""
    if isinstance(document, Mapping) and document and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(document)))
        kept = {name: value for name, value in document.items() if name != key}
        match draw(st.integers(0, 9)):
            case 0:
                return kept
            case 1:
                return Repeated(key, document[key], draw(values))
            case _:
                return {**kept, key: draw(changed(document[key]))}
    if isinstance(document, list) and document and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(document) - 1))
        if draw(st.integers(0, 9)) == 0:
            return document * draw(st.sampled_from([0, 2, 500]))
        return [draw(changed(value)) if index == place else value for index, value in enumerate(document)]
    return draw(st.sampled_from(TOKENS) | values)


nearly_right = (st.sampled_from([PAGE, PROFILE]).flatmap(changed) | st.sampled_from([PAGE, PROFILE])).map(written)
bodies = nearly_right | values.map(written) | st.binary(max_size=200)

_PACE_HEADERS = ["Retry-After", "RateLimit", "RateLimit-Policy", "RateLimit-Reset", "X-RateLimit-Reset"]
_QUOTA_HEADERS = ["X-RateLimit-Remaining", "Minute-Quota-ResetTime", "Hour-Quota-Available"]
HEADERS = [*_PACE_HEADERS, *_QUOTA_HEADERS, "Link", "Location", "Date", "ETag", "Content-Type", "Set-Cookie"]
_VALUES = r"""

0
-1
²
0.5
NaN
1e400
1;2,3
"
, ,:,
"default";r=0;t=1
limit=10, reset="
Wed
Wed, 21 Oct 2026 07:28:00 GMT
Wed, 21 Oct 0000 07:28:00 GMT
Wed, 99 Xxx 99999 99:99:99 +9999
Sun Jan 1 : : -0000
1 2 3 4 5 6 7
9999-12-31
2026-10-01T00:00:00+99:99
0001-01-01T00:00:00+23:59
<?a=1>; rel="next"
<?a=1>; rel=next; anchor=x
<https://elsewhere.example>; rel=next
<http://[>; rel=next
<file:///x>; rel=next
<//>;rel="next
<>;rel=next
<
http://a@b/
//x
""".splitlines()
HEADER_VALUES = [
    *_VALUES,
    *("http://a\x1b[31mb/", f"http://{'a' * 60_000}/", "\xff\x80", "a\r\n b", "9" * 5_000),
    *(f"</{'z' * 60_000}>; rel=next", "," * 60_000, ';"' * 20_000),
]
# No line feed or carriage return: what they do to a head, any bytes show.
_latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40)
headers = st.lists(
    st.builds("{}: {}".format, st.sampled_from(HEADERS), st.sampled_from(HEADER_VALUES) | _latin)
    | st.builds("{}:{}".format, _latin, _latin)
    | st.sampled_from(["no colon", " folded", ":", "\x00: \x00", "Content-Length: 3", "Transfer-Encoding: x"]),
    max_size=3,
)
statuses = st.sampled_from(
    [*[200] * 12, *(204, 206, 299, 100, 101, 199, 300, 302, 304), *(400, 401, 403, 404, 408, 410, 418, 425, 429, 500)]
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer whose head fits its body, now and then not; nothing follows it on its connection."""
    body = draw(bodies)
    lines = draw(headers)
    match draw(st.integers(0, 9)):
        case 0:
            body = gzip.compress(body)[: draw(st.sampled_from([None, None, -1, -9, 5]))]
            lines = [*lines, "Content-Encoding: gzip"]
        case 1:
            lines = [*lines, f"Content-Encoding: {draw(st.sampled_from(['gzip', 'br', '']))}"]
        case 2:
            body, lines = zlib.compress(body), [*lines, "Content-Encoding: deflate"]
        case _:
            pass
    status, size = draw(statuses), len(body)
    match draw(st.integers(0, 9)):
        case 0:
            lies = [size + 1, max(0, size - 1), -1, 0, "5, 6", f"{size}, {size}", "²", "9" * 5_000, "x"]
            return _headed(status, [*lines, f"Content-Length: {draw(st.sampled_from(lies))}"], body)
        case 1:
            chunked = draw(
                st.sampled_from([b"%x\r\n%b\r\n0\r\n\r\n", b"%x;x=y\r\n%b\r\n0\r\nA: b\r\n\r\n", b"%x\r\n%b"])
            )
            return _headed(status, [*lines, "Transfer-Encoding: chunked"], chunked % (size, body))
        case 2:
            return _headed(status, [*lines, "Transfer-Encoding: chunked"], body)
        case 3:
            return _headed(status, lines, body)
        case _:
            return http_answer(body, f"{status} X", lines)


def _headed(status: int, lines: list[str], body: bytes) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode("latin-1") + body

"""HTTP headers that hold lists: split at commas and semicolons that stand outside of quotes and angle brackets."""

import re
from collections.abc import Iterable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|<[^>]*>?|[,;]|[^",;<]+|.', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split_list(text: str, separator: str) -> list[str]:
    """Split at a separator, `,` or `;`; what an unclosed quote or bracket begins is one piece to the end."""
    pieces, begin = [], 0
    for token in _TOKEN.finditer(text):
        if token[0] == separator:
            pieces.append(text[begin : token.start()].strip())
            begin = token.end()
    return [*pieces, text[begin:].strip()]


def parameters(pieces: Iterable[str]) -> dict[str, str]:
    """Read `name=value` pieces, values with or without quotes, names in any case; of several the first counts."""
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        found.setdefault(name.strip().lower(), unquoted(value.strip()))
    return found


def unquoted(value: str) -> str:
    """Take a quoted string's quotes and backslashes away; anything else is left as it is."""
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return _ESCAPED.sub(r"\1", value[1:-1]) if is_quoted else value

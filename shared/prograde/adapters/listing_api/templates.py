"""Templates: a request's path and parameters, with the professional and the dates put in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

PLACEHOLDERS = ("professional_id", "agent_key", "cutoff", "as_of")

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH_SAFE = "/-._~!$&'()*+,;=:@"
_QUERY_SAFE = "-._~$'(),:@/"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a value goes; `is_quoted` inside an OData string literal, whose quotes are doubled."""

    name: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders."""

    parts: tuple[str | Placeholder, ...]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders that the text holds."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    def path(self, values: Mapping[str, str]) -> str:
        """
        Render as a path.

        A value stays inside its segment whatever it holds: a slash is encoded, and so are the dots of a segment
        that would mean this folder or the one above.
        """
        rendered = self._render(values, lambda text: quote(text, _PATH_SAFE), lambda value: _quoted(value, ""))
        segments = rendered.split("/")
        return "/".join(segment if segment.strip(".") else segment.replace(".", "%2E") for segment in segments)

    def query(self, values: Mapping[str, str]) -> str:
        """Render as a parameter's value."""
        return query_text(self.text(values))

    def text(self, values: Mapping[str, str]) -> str:
        """Render as it is, for a JSON document."""
        return self._render(values, str, str)

    def _render(self, values: Mapping[str, str], literal: Callable[[str], str], value: Callable[[str], str]) -> str:
        return "".join(
            literal(part) if isinstance(part, str) else value(_escaped(values[part.name], part)) for part in self.parts
        )


def parse_template(text: str) -> Template:
    """Read a template: `{name}` is a placeholder, `{{` and `}}` are braces; raises ValueError with the remedy."""
    parts: list[str | Placeholder] = []
    literal, at, quotes = "", 0, 0
    for token in _TOKEN.finditer(text):
        literal += text[at : token.start()]
        at = token.end()
        if token[0] in ("{{", "}}"):
            literal += token[0][0]
            continue
        name = token[1]
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f"{token[0]} is no placeholder: there are {known}; a brace itself is written twice")
        quotes += literal.count("'")
        parts += [literal, Placeholder(name, is_quoted=quotes % 2 == 1)]
        literal = ""
    parts.append(literal + text[at:])
    return Template(tuple(part for part in parts if part != ""))


def query_text(text: str) -> str:
    """Encode a parameter's name or value; a space as %20, which OData servers that know no + understand too."""
    return _quoted(text, _QUERY_SAFE)


# A professional's pages ask for the same texts, and long ones take longer to encode than a page to read.
@lru_cache(maxsize=256)
def _quoted(text: str, safe: str) -> str:
    return quote(text, safe, errors="replace")


def _escaped(value: str, placeholder: Placeholder) -> str:
    return value.replace("'", "''") if placeholder.is_quoted else value

"""JMESPath expressions, compiled once; a plain key, by far the most frequent, is read without the interpreter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult

EXPRESSION_LENGTH_MAX = 1_000

# What the interpreter lets slip when an expression does not fit a document, beside its own errors.
_MISFITS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; `key` where it is nothing but one key of an object."""

    text: str
    key: str | None
    _parsed: ParsedResult

    def read(self, document: object) -> object:
        """Evaluate on a document: None where there is nothing; raises ValueError where it does not fit."""
        if self.key is not None:
            return document.get(self.key) if isinstance(document, dict) else None
        try:
            found: object = self._parsed.search(document)
        except _MISFITS as error:
            # The error's own text would repeat the document, however long or deeply nested it is.
            raise ValueError(f"{self.text} does not fit: {type(error).__name__}") from None
        return found

    @property
    def collection(self) -> "Expression | None":
        """The list that the expression picks one element of, as `value` in `value[0]`; None where it does not."""
        return parse_expression(self.text.rpartition("[")[0]) if _ends_in_index(self._parsed.parsed) else None


def parse_expression(text: str) -> Expression:
    """Compile an expression; raises ValueError that says where it is wrong."""
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise ValueError(f"is longer than {EXPRESSION_LENGTH_MAX:,} characters")
    try:
        parsed = jmespath.compile(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except JMESPathError as error:
        reason = str(error).splitlines()[0].removesuffix(":").removesuffix(", for expression")
        raise ValueError(f'is not JMESPath ({reason}); a key with special characters is written in "quotes"') from None
    for name in _functions(parsed.parsed):
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"calls {name}(), which is no function of JMESPath")
    node = parsed.parsed
    return Expression(text, node["value"] if node["type"] == "field" else None, parsed)


def _functions(node: Mapping[str, Any]) -> Iterator[str]:
    nodes = [node]
    while nodes:
        node = nodes.pop()
        if node["type"] == "function_expression":
            yield node["value"]
        nodes += [child for child in node["children"] if isinstance(child, dict)]


def _ends_in_index(node: Mapping[str, Any]) -> bool:
    while node["type"] in ("subexpression", "index_expression"):
        node = node["children"][-1]
    return bool(node["type"] == "index")

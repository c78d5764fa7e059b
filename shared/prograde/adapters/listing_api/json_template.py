"""Templates of JSON documents: the body of a POST, with the professional and the dates put into its texts."""

from collections.abc import Iterator, Mapping, Sequence

from prograde.adapters.listing_api.templates import Template, parse_template

Compiled = Template | int | float | None | Sequence["Compiled"] | Mapping[str, "Compiled"]


class JsonTemplate:
    """A document whose texts may hold placeholders; numbers, true, false and null stand for themselves."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self._compiled = {key: _compiled(value) for key, value in document.items()}

    def render(self, values: Mapping[str, str]) -> dict[str, object]:
        """Put the values in; a text stays a text whatever they hold."""
        return {key: _rendered(value, values) for key, value in self._compiled.items()}


def texts_of(value: object) -> Iterator[str]:
    """List the texts of a document that may hold placeholders."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def with_value(document: Mapping[str, object], path: Sequence[str], value: object) -> dict[str, object]:
    """Give a copy of a document with a value at a path; raises ValueError where the path leads through a value."""
    key, *rest = path
    if not rest:
        return {**document, key: value}
    inner = document.get(key)
    if inner is not None and not isinstance(inner, Mapping):
        raise ValueError(f"leads through {key}, which holds no keys")
    return {**document, key: with_value(inner or {}, rest, value)}


def _compiled(value: object) -> Compiled:
    if isinstance(value, str):
        return parse_template(value)
    if isinstance(value, Mapping):
        return {key: _compiled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_compiled(inner) for inner in value]
    assert value is None or isinstance(value, int | float), "a source file holds nothing else"
    return value


def _rendered(value: Compiled, values: Mapping[str, str]) -> object:
    if isinstance(value, Template):
        return value.text(values)
    if isinstance(value, Mapping):
        return {key: _rendered(inner, values) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_rendered(inner, values) for inner in value]
    return value

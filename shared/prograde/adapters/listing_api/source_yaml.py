"""Reading a source file's YAML: each key once, and plain values as YAML 1.2 means them."""

import re
from collections.abc import Iterator

import yaml

from prograde.errors import InputError, Problem, reported

TEXT_LENGTH_MAX = 200_000
DEPTH_MAX = 20

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,18}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


def read_yaml(text: str) -> dict[str, object]:
    """Read a mapping; raises InputError naming the line, or the keys that are given twice."""
    if len(text) > TEXT_LENGTH_MAX:
        raise _input_error(f"{len(text):,} characters", f"at most {TEXT_LENGTH_MAX:,} are read")
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "source file"
        raise _input_error(
            error.problem, "mend the YAML there: look at indentation, quotes and colons", place
        ) from None
    except yaml.YAMLError:
        raise _input_error("a control character", "write it as text, or leave it out") from None
    except (OverflowError, ValueError):
        # What the library lets slip: \UFFFFFFFF, or a %YAML directive with thousands of digits.
        raise _input_error("a character or version that does not exist", "write plain YAML 1.2") from None
    if not isinstance(root, yaml.MappingNode):
        raise _input_error("no mapping", "must hold keys and values: prograde init writes an example")
    problems = reported(_problems(root, ()))
    if problems:
        raise InputError(problems)
    return {key.value: _value(value) for key, value in root.value}


def _check_events(text: str) -> None:
    """Refuse what is never needed and can blow up: aliases, nesting without end, text that is no Unicode."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = f"line {event.start_mark.line + 1}" if event.start_mark else "source file"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise _input_error(f"*{event.anchor}", "write it out: aliases are not read", line)
        if depth > DEPTH_MAX:
            raise _input_error("nested too deeply", f"at most {DEPTH_MAX} levels are read", line)
        if isinstance(event, yaml.ScalarEvent) and _HALF_CHARACTER.search(event.value):
            raise _input_error(
                event.value, "holds half a character, which nothing can write: write \\U and all of it", line
            )


def _problems(node: yaml.Node, path: tuple[str, ...]) -> Iterator[Problem]:
    """Name keys that are given twice, or are no text."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _problems(item, (*path, str(index)))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield Problem(".".join(path) or f"line {line}", f"a key on line {line}", "must be plain text")
                continue
            here = (*path, key.value)
            if key.value in lines:
                remedy = f"is given twice, on lines {lines[key.value]} and {line}: keep one"
                yield Problem(".".join(here), key.value, remedy)
            lines.setdefault(key.value, line)
            yield from _problems(value, here)


def _value(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    text = node.value
    # Not the library's own reading, which is YAML 1.1's: `no` is false, 12:30 is 750 and 2026-01-31 a date.
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _input_error(value: object, remedy: str, place: str = "source file") -> InputError:
    return InputError([Problem(place, value, remedy)])

import re
import tomllib

from tests.house.checkout import ROOT

TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LINT = tomllib.loads(TEXT)["tool"]["ruff"]["lint"]
RULE_LINE = re.compile(r'^ {4}"(?P<rule>[A-Z]+[0-9]*)",(?P<reason>\s+# \S.*)?$', flags=re.MULTILINE)


def test_every_lint_rule_is_on_unless_it_is_named() -> None:
    assert ["ALL"] == LINT["select"]


def test_every_rule_that_is_off_stands_on_a_line_of_its_own() -> None:
    off = [*LINT["ignore"], *(rule for rules in LINT["per-file-ignores"].values() for rule in rules)]

    assert sorted(off) == sorted(found["rule"] for found in RULE_LINE.finditer(TEXT))


def test_every_rule_that_is_off_has_its_reason() -> None:
    assert [] == [found["rule"] for found in RULE_LINE.finditer(TEXT) if not found["reason"]]

from tests.fuzz.__main__ import table
from tests.fuzz.telling_answers import TELLING


def test_every_telling_answer_costs_one_call_and_no_more_time_than_it_may() -> None:
    head, rule, *rows = table(TELLING)

    assert 4 == head.strip("|").count("|") + 1 == rule.strip("|").count("|") + 1
    assert len(TELLING) == len(rows)
    assert [] == [row for row in rows if not row.endswith("| 1 | yes |")]

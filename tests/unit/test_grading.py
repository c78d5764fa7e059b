from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.aggregation import Aggregate, Attribution, add_active, add_sold
from prograde.domain.grading import DEFAULT_RUBRIC, TIERS_MAX, Rubric, Tier, rubric_problems, tier_slug
from tests.unit.examples import AS_OF, ME, PARAMETERS
from tests.unit.strategies import markets, paged, rubrics

FOUR_CRITERIA = Rubric((Tier("Top", 1_000_00, 5, 2, 90), Tier("Good", 500_00, 5), Tier("Rest")))


def of_volume(cents: int) -> Aggregate:
    return Aggregate(half_cents=2 * cents)


@pytest.mark.parametrize(
    ("cents", "grade"),
    [
        (0, "F"),
        (499_999_99, "F"),
        (500_000_00, "D"),
        (2_499_999_99, "D"),
        (2_500_000_00, "C"),
        (5_499_999_99, "C"),
        (5_500_000_00, "B"),
        (15_999_999_99, "B"),
        (16_000_000_00, "A"),
        (39_999_999_99, "A"),
        (40_000_000_00, "A+"),
        (10**15, "A+"),
    ],
)
def test_the_default_rubric_grades_by_volume_to_the_cent(cents: int, grade: str) -> None:
    assert grade == DEFAULT_RUBRIC.grade(of_volume(cents), AS_OF).name


def test_half_a_cent_below_a_threshold_is_below_it_and_the_reason_shows_it() -> None:
    grade = DEFAULT_RUBRIC.grade(Aggregate(half_cents=2 * 40_000_000_00 - 1), AS_OF)

    assert ("A", 1) == (grade.name, grade.tier)
    assert ("volume 39999999.995 >= 16000000.00", "not A+: volume 39999999.995 < 40000000.00") == grade.reasons


def test_the_best_grade_says_what_held() -> None:
    figures = Aggregate(half_cents=2 * 1_000_00, half_sides=5, active_count=2, last_close=AS_OF - timedelta(days=90))

    assert (
        "volume 1000.00 >= 1000.00",
        "sides 2.5 >= 2.5",
        "active listings 2 >= 2",
        "days since last sale 90 <= 90",
    ) == FOUR_CRITERIA.grade(figures, AS_OF).reasons


def test_a_lower_grade_says_everything_that_the_next_better_lacked() -> None:
    figures = Aggregate(half_cents=2 * 999_99, half_sides=5, active_count=1, last_close=AS_OF - timedelta(days=91))

    assert (
        "volume 999.99 >= 500.00",
        "sides 2.5 >= 2.5",
        "not Top: volume 999.99 < 1000.00",
        "not Top: active listings 1 < 2",
        "not Top: days since last sale 91 > 90",
    ) == FOUR_CRITERIA.grade(figures, AS_OF).reasons


def test_the_last_grade_takes_everybody_else() -> None:
    grade = Rubric((Tier("Lately", maximum_days_since_last_sale=90), Tier("Rest"))).grade(Aggregate(), AS_OF)

    assert ("everybody else", "not Lately: no sale within 90 days") == grade.reasons


def test_a_rubric_without_a_catch_all_is_a_programming_error() -> None:
    with pytest.raises(AssertionError):
        Rubric((Tier("A", 1),)).grade(Aggregate(), AS_OF)


@pytest.mark.parametrize(
    ("tiers", "fields"),
    [
        ([], ["tiers"]),
        ([Tier(f"T{index}", TIERS_MAX - index) for index in range(TIERS_MAX)] + [Tier("Rest")], ["tiers"]),
        ([Tier("A", 1), Tier("a"), Tier("F")], ["tiers[1].name", "tiers[2]"]),
        ([Tier("A+", 2), Tier("A plus", 1), Tier("F")], ["tiers[1].name"]),
        ([Tier("A", 1), Tier("B", 2), Tier("F")], ["tiers[1].minimum_volume"]),
        ([Tier("A", 2), Tier("B", 1, 1), Tier("F")], ["tiers[1].minimum_sides"]),
        ([Tier("A", 2), Tier("B", 1, None, 1), Tier("F")], ["tiers[1].minimum_active_listings"]),
        ([Tier("A", 2), Tier("B", 1, None, None, 9), Tier("F")], ["tiers[1].maximum_days_since_last_sale"]),
        (
            [Tier("A", 2, None, None, 9), Tier("B", 1, None, None, 8), Tier("F")],
            ["tiers[1].maximum_days_since_last_sale"],
        ),
        ([Tier("A", 1), Tier("B", 1), Tier("F")], ["tiers[1]"]),
        ([Tier("A", 1), Tier("B", 1, 0), Tier("F")], ["tiers[1]"]),
        ([Tier("A", 2), Tier("B", 1)], ["tiers[1]"]),
        (
            [Tier("A", 1), Tier("a", 2, 3, 4, 5), Tier("F", 3)],
            [
                "tiers[1].name",
                "tiers[1].minimum_volume",
                "tiers[1].minimum_sides",
                "tiers[1].minimum_active_listings",
                "tiers[1].maximum_days_since_last_sale",
                "tiers[2].minimum_volume",
                "tiers[2]",
            ],
        ),
    ],
    ids=range(13),
)
def test_everything_that_makes_tiers_no_rubric_is_named_at_once(tiers: Sequence[Tier], fields: list[str]) -> None:
    assert fields == [problem.field for problem in rubric_problems(tiers)]


@pytest.mark.parametrize("rubric", [DEFAULT_RUBRIC, FOUR_CRITERIA, Rubric((Tier("Everybody"),))], ids=range(3))
def test_a_sound_rubric_has_no_problems(rubric: Rubric) -> None:
    assert [] == list(rubric_problems(rubric.tiers))


@pytest.mark.parametrize(
    ("name", "slug"), [("A+", "a_plus"), ("A-", "a_minus"), ("B", "b"), ("Top 10", "top_10"), ("top_10", "top_10")]
)
def test_a_tiers_name_is_spelt_for_a_file(name: str, slug: str) -> None:
    assert slug == tier_slug(name)


figures = st.builds(
    Aggregate,
    half_cents=st.integers(0, 130),
    half_sides=st.integers(0, 14),
    active_count=st.integers(0, 4),
    last_close=st.none() | st.integers(0, 45).map(lambda days: AS_OF - timedelta(days=days)),
)


@given(rubrics(), figures, figures)
def test_doing_better_in_any_way_never_worsens_the_grade(rubric: Rubric, one: Aggregate, more: Aggregate) -> None:
    closes = [close for close in (one.last_close, more.last_close) if close is not None]
    better = replace(
        one,
        half_cents=one.half_cents + more.half_cents,
        half_sides=one.half_sides + more.half_sides,
        active_count=one.active_count + more.active_count,
        last_close=max(closes, default=None),
    )

    assert rubric.grade(better, AS_OF).tier <= rubric.grade(one, AS_OF).tier


@given(rubrics())
def test_the_random_rubrics_of_these_tests_have_no_problems(rubric: Rubric) -> None:
    assert [] == list(rubric_problems(rubric.tiers))


@given(st.data(), rubrics(), st.sampled_from(Attribution))
def test_what_is_decided_no_further_page_changes(data: st.DataObject, rubric: Rubric, attribution: Attribution) -> None:
    pages = data.draw(paged(data.draw(markets())))
    aggregate = Aggregate()
    decided: list[str] = []
    for page in pages:
        aggregate = add_active(aggregate, page, ME)
        if rubric.is_decided(aggregate, AS_OF, active_is_known=False):
            decided.append(rubric.grade(aggregate, AS_OF).name)
    for page in pages:
        aggregate = add_sold(aggregate, page, ME, attribution, PARAMETERS.window)
        if rubric.is_decided(aggregate, AS_OF, active_is_known=True):
            decided.append(rubric.grade(aggregate, AS_OF).name)

    assert set(decided) <= {rubric.grade(aggregate, AS_OF).name}


def test_a_volume_rubric_is_decided_at_its_top_threshold_and_not_a_cent_before() -> None:
    top = DEFAULT_RUBRIC.tiers[0].minimum_cents

    decided = [DEFAULT_RUBRIC.is_decided(of_volume(cents), AS_OF, active_is_known=True) for cents in (0, top - 1, top)]

    assert [False, False, True] == decided


def test_a_tier_out_of_reach_for_want_of_active_listings_leaves_the_next_to_decide() -> None:
    aggregate = Aggregate(half_cents=2 * 500_00, half_sides=5, active_count=1)

    assert FOUR_CRITERIA.is_decided(aggregate, AS_OF, active_is_known=True)
    assert not FOUR_CRITERIA.is_decided(aggregate, AS_OF, active_is_known=False)


def test_the_tiers_that_ask_for_active_listings_are_named() -> None:
    assert ("Top",) == FOUR_CRITERIA.asks_for_active_listings
    assert () == DEFAULT_RUBRIC.asks_for_active_listings

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.counter import VOLUME_EDGES
from prograde.domain.grading import Rubric, Tier
from prograde.entrypoints.web.charts import LABEL_WIDTH, TOP, WIDTH, stacked, volume_histogram
from tests.contracts.specimens import PARAMETERS

counts = st.dictionaries(st.sampled_from(VOLUME_EDGES), st.integers(0, 10**6), max_size=len(VOLUME_EDGES))


@given(counts)
def test_a_histogram_counts_everybody_and_stays_in_its_frame(by_volume: dict[int, int]) -> None:
    drawing = volume_histogram(by_volume, PARAMETERS)

    if drawing is None:
        assert not any(by_volume.values())
        return
    assert sum(by_volume.values()) == sum(column.count for column in drawing.columns)
    for column in drawing.columns:
        assert 0 <= column.x <= column.x + column.width <= WIDTH
        assert TOP <= column.y <= column.y + column.height <= drawing.floor + 0.01
        assert (column.count > 0) is (column.height > 0)


def test_a_threshold_stands_in_the_column_that_holds_its_amount() -> None:
    drawing = volume_histogram(
        {0: 1, 50_000_000: 1}, replace(PARAMETERS, rubric=Rubric((Tier("A", 5_500_000_00), Tier("F"))))
    )

    assert drawing is not None
    [mark] = drawing.thresholds
    [holding] = [column for column in drawing.columns if column.x - 1 <= mark.x < column.x + column.width + 1]
    assert holding.text.startswith("$5M to $10M")


def test_names_of_thresholds_near_to_each_other_stand_on_two_heights() -> None:
    tiers = (Tier("A", 5_000_000_00), Tier("B", 4_000_000_00), Tier("C", 3_000_000_00), Tier("F"))
    drawing = volume_histogram({0: 1}, replace(PARAMETERS, rubric=Rubric(tiers)))

    assert drawing is not None
    for left, right in pairwise(drawing.thresholds):
        assert right.x - left.x >= LABEL_WIDTH or right.y != left.y


def test_the_parts_of_a_bar_lie_side_by_side_and_fill_their_share() -> None:
    parts = stacked([("done", "", 30), ("failed", "failed", 10)], 80)

    assert [(0, 37.5), (37.5, 12.5)] == [(part.x, part.width) for part in parts]
    assert [0.0] == [part.width for part in stacked([("done", "", 0)], 0)]

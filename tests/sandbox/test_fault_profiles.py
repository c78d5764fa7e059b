import http.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.sandbox import FAULT_SOURCES, FaultProfile, Market, Outage, SandboxServer, fault_sources
from prograde.sandbox.draws import draw
from prograde.sandbox.fault_profiles import FAULTS_IN_A_ROW_MAX
from prograde.sandbox.fault_schedule import URLS_REMEMBERED, FaultSchedule
from tests.sandbox.client import ask

PROFILES = [source for source in FAULT_SOURCES.values() if isinstance(source, FaultProfile)]
URLS = [f"/reso/odata/Property?$skip={skip}" for skip in range(0, 40_000, 50)]
FAILURE_LIMIT = 5


def kinds(schedule: FaultSchedule, url: str, calls: int) -> list[str | None]:
    faults = [schedule.next_fault(url) for _ in range(calls)]
    return [fault.kind if fault else None for fault in faults]


@given(
    st.integers(),
    st.text(max_size=20),
    st.lists(st.sampled_from(PROFILES), min_size=1, unique_by=lambda profile: profile.name),
)
def test_no_url_has_more_than_three_faults_in_a_row(seed: int, url: str, profiles: list[FaultProfile]) -> None:
    faulty = ["x" if kind else " " for kind in kinds(FaultSchedule(profiles, seed), url, 200)]

    assert "x" * 4 not in "".join(faulty)
    assert FAULTS_IN_A_ROW_MAX == 3 < FAILURE_LIMIT


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_profile_strikes_as_often_and_as_long_as_it_says(profile: FaultProfile) -> None:
    rows = [kinds(FaultSchedule([profile], 7), url, 4).index(None) for url in URLS]
    struck = [row for row in rows if row]

    assert abs(len(struck) / len(rows) - profile.share) < 0.05
    assert set(range(profile.in_a_row_min, profile.in_a_row_max + 1)) == set(struck)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_url_that_has_healed_may_fail_again(profile: FaultProfile) -> None:
    later = [kinds(FaultSchedule([profile], 7), url, 8)[4:].index(None) for url in URLS]

    assert later != [kinds(FaultSchedule([profile], 7), url, 4).index(None) for url in URLS]
    assert any(later)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_profile_strikes_with_every_fault_that_it_has(profile: FaultProfile) -> None:
    schedule = FaultSchedule([profile], 7)
    struck = {kind for url in URLS for kind in kinds(schedule, url, 4) if kind}

    assert {fault.kind for fault in profile.faults} == struck


def test_everything_is_all_but_outage() -> None:
    others = {fault.kind for profile in PROFILES if profile.name != "everything" for fault in profile.faults}

    assert others == {fault.kind for fault in FAULT_SOURCES["everything"].faults}


def test_faults_depend_on_the_seed_the_url_and_the_calls_before_and_on_nothing_else() -> None:
    profiles = [source for source in fault_sources("throttling", "malformed") if isinstance(source, FaultProfile)]
    one, other, another = (FaultSchedule(profiles, seed) for seed in (3, 3, 4))

    # The same calls, URL by URL and round by round.
    by_url = [kinds(one, url, 8) for url in URLS[:100]]
    by_round = [[kinds(other, url, 1)[0] for url in URLS[:100]] for _ in range(8)]

    assert by_url == [list(column) for column in zip(*by_round, strict=True)]
    assert by_url != [kinds(another, url, 8) for url in URLS[:100]]


def test_the_draws_are_the_same_on_every_machine() -> None:
    """A change here changes the runs that people have noted down by their seed."""
    assert 0.6144421653035912 == draw(7, "latency", 0)
    assert 0.23147281850812373 == draw(7, "bursts", "/reso/odata/Member", 0)


def test_a_forgotten_url_begins_anew() -> None:
    schedule = FaultSchedule([FaultProfile("always", "", PROFILES[0].faults, share=1, in_a_row_max=1)], 7)
    assert schedule.next_fault("first") is not None
    assert schedule.next_fault("first") is None
    for number in range(URLS_REMEMBERED):
        schedule.next_fault(f"other {number}")

    assert schedule.next_fault("first") is not None


def test_two_servers_with_the_same_seed_spoil_the_same_answers(market: Market) -> None:
    def statuses(seed: int) -> list[int]:
        with SandboxServer(market, faults=fault_sources("bursts"), seed=seed) as server:
            return [ask(f"{server.plain_url}/agents/{agent.key}").status for agent in market.agents for _ in range(4)]

    assert statuses(11) == statuses(11) != statuses(12)


def test_every_url_of_a_server_heals_within_three_retries(market: Market) -> None:
    names = [name for name in FAULT_SOURCES if name not in {"everything", "outage", "slow_drip"}]
    with SandboxServer(market, faults=fault_sources(*names), seed=5) as server:
        for agent in market.agents:
            for _ in range(4):
                try:
                    answer = ask(f"{server.plain_url}/agents/{agent.key}/sold")
                except (OSError, ValueError, http.client.HTTPException):
                    continue
                if answer.status == 200 and isinstance((answer.body or {}).get("data", {}).get("items"), list):
                    break
            else:
                pytest.fail(f"{agent.key} did not heal")
        assert sum(server.stats().faults.values()) > 10


@pytest.mark.parametrize("names", ["", "none", "bursts,", "Bursts"])
def test_an_unknown_profile_is_refused_with_the_known_ones(names: str) -> None:
    with pytest.raises(ValueError, match="is no fault profile: use throttling, bursts"):
        fault_sources(names)


def test_profiles_are_named_once_however_often_they_are_given() -> None:
    assert ("html", "resets") == tuple(source.name for source in fault_sources("html, resets", "html"))


@pytest.mark.parametrize(("least", "most", "share"), [(0, 1, 0.5), (1, 4, 0.5), (3, 2, 0.5), (1, 1, 1.5)])
def test_a_profile_that_would_never_heal_is_refused(least: int, most: int, share: float) -> None:
    with pytest.raises(ValueError, match="mine: "):
        FaultProfile("mine", "", (), share, in_a_row_min=least, in_a_row_max=most)


def test_a_profile_can_leave_faults_out() -> None:
    bursts = next(profile for profile in PROFILES if profile.name == "bursts")

    assert ["status_500", "status_504"] == [it.kind for it in bursts.without("status_502", "status_503").faults]


def test_an_outage_is_written_as_two_moments() -> None:
    assert Outage(5, 20.5) == Outage.parse("5..20.5")


@pytest.mark.parametrize("text", ["", "5", "5..", "20..5", "5..5", "-1..5", "0..100000"])
def test_what_is_no_outage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"an outage lies|write it as 5\.\.20"):
        Outage.parse(text)

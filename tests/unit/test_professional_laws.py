"""Whatever a source answers, in whatever order: the laws that every professional keeps."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from prograde.domain.advancing import advance
from prograde.domain.aggregation import Attribution
from prograde.domain.batch import Parameters
from prograde.domain.blame import TROUBLES_LIMIT
from prograde.domain.listing import Listing, Rejection
from prograde.domain.outcome import (
    Cancelled,
    Denied,
    Failure,
    GivenUp,
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Refusal,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.professional import CountedPage, Professional, Stage, State, StopReason, begun_anew
from prograde.domain.profile import Profile, Statistics
from prograde.domain.source_health import Answer
from tests.unit.examples import NEWCOMER, NOW, PARAMETERS
from tests.unit.recount import recount
from tests.unit.strategies import record_pages, rubrics

profiles = st.builds(
    Profile,
    agent_key=st.sampled_from(["", "K2"]),
    statistics=st.builds(Statistics, half_cents=st.none() | st.integers(0, 60)),
)


@st.composite
def parameters_of_a_run(draw: st.DrawFn) -> Parameters:
    include_active = draw(st.booleans())
    rubric = draw(rubrics(with_active=include_active))
    return replace(
        PARAMETERS,
        rubric=rubric,
        attribution=draw(st.sampled_from(Attribution)),
        include_active=include_active,
        tiers_to_process=tuple(draw(st.lists(st.sampled_from([tier.name for tier in rubric.tiers]), max_size=2))),
        early_stop=draw(st.booleans()),
        failure_limit=draw(st.integers(1, 3)),
        page_limit=draw(st.integers(1, 4)),
    )


class AnySource(RuleBasedStateMachine):
    """
    A source that answers anything, and beside the professional a plain account of what it was given.

    Each step comes a second after the one before it. `row` are the failures in a row that count, `troubles` those
    of all kinds, `unproven` those since then of which nobody knows whose they are, and `is_proven` tells whether
    anybody was answered since the last of them; `is_refused`, `is_refusal_proven` likewise of the first refusal of the
    kind that `cause`, which came last, says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parameters = PARAMETERS
        self.professional: Professional = NEWCOMER
        self.now: datetime = NOW
        self.answered: Answer | None = None
        self.row = 0
        self.unproven = 0
        self.is_proven = False
        self.troubles = 0
        self.is_refused = False
        self.is_refusal_proven = False
        self.cause = ""
        self.uncounted = 0
        self.epochs = 0
        self.ledger: list[CountedPage] = []
        self.records: dict[Stage, list[Listing]] = {stage: [] for stage in Stage}
        self.rejected = 0

    @initialize(parameters=parameters_of_a_run())
    def begin(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def answer(self, outcome: Outcome) -> None:
        before = self.professional
        self.now += timedelta(seconds=1)
        self.professional = after = advance(
            before, outcome, self.parameters, self.now, f"raw-{before.step}", self.answered
        )
        if before.is_final or isinstance(outcome, Denied):
            assert before == after
            return
        assert before.step + 1 == after.step
        assert before.calls + 1 == after.calls
        assert self.now <= after.due_at
        assert (before.wake, before.epoch) == (after.wake, after.epoch)
        self.account(before, outcome)
        self.account_cause(outcome)
        self.account_failures(outcome)

    def account(self, before: Professional, outcome: Outcome) -> None:
        if isinstance(outcome, ProfilePage | ListingPage):
            self.ledger.append(CountedPage(before.step, before.stage, before.page, f"raw-{before.step}"))
        if isinstance(outcome, ListingPage):
            listings = [record for record in outcome.records if isinstance(record, Listing)]
            self.records[before.stage] += listings
            self.rejected += len(outcome.records) - len(listings)

    def account_cause(self, outcome: Outcome) -> None:
        if isinstance(outcome, Refused) and outcome.kind != self.cause:
            self.is_refused = self.is_refusal_proven = False
        match outcome:
            case ProfilePage() | ListingPage():
                self.cause = ""
            case Throttled():
                self.cause = "throttled"
            case Failure(cause) | Refused(cause):
                self.cause = cause
            case _:
                pass

    def account_failures(self, outcome: Outcome) -> None:
        is_trouble = isinstance(outcome, Failure | Refused | Throttled)
        is_counted = is_trouble and (self.is_proven or self.troubles == self.unproven == 0)
        self.troubles += is_counted
        match outcome:
            case ProfilePage() | ListingPage():
                self.forgive()
            case Proven():
                self.unproven = 0
                self.uncounted += 1
            case Throttled() if is_counted:
                self.unproven = 0
                self.uncounted += 1
                self.is_proven = False
            case Failure(is_terminal=False) if self.is_proven or self.row == self.unproven == 0:
                self.row += 1
                self.unproven = 0
                self.is_proven = False
            case Failure(is_terminal=True):
                pass
            case Refused() if self.is_refusal_proven:
                pass
            case Unproven() | Throttled() | Refused() | Failure(is_terminal=False):
                self.unproven += 1
                self.uncounted += 1
                self.is_proven = False
                self.is_refused |= isinstance(outcome, Refused)
            case _:
                pass

    def forgive(self) -> None:
        self.row = self.unproven = self.troubles = 0
        self.is_refused = self.is_refusal_proven = False

    @rule()
    def somebody_else_is_answered(self) -> None:
        self.now += timedelta(seconds=1)
        self.answered = Answer(self.now, "K2")
        self.is_proven = True
        self.is_refusal_proven = self.is_refused

    @rule()
    def a_new_epoch_begins(self) -> None:
        if not self.professional.is_final:
            self.epochs += 1
            self.professional = begun_anew(self.professional, self.now, 0)
            self.forgive()

    @precondition(lambda self: self.professional.needs_proof(self.answered, self.now) and self.answered is not None)
    @rule(is_answered=st.booleans())
    def ask_for_a_proof(self, is_answered: bool) -> None:  # noqa: FBT001  # Hypothesis calls rules by keyword
        self.answer(Proven("K2") if is_answered else Unproven("K2"))
        if is_answered:
            self.somebody_else_is_answered()

    @precondition(lambda self: self.professional.stage is Stage.PROFILE)
    @rule(profile=profiles)
    def profile_page(self, profile: Profile) -> None:
        self.answer(ProfilePage(profile))

    @precondition(lambda self: self.professional.stage is not Stage.PROFILE)
    @rule(records=record_pages(), next_cursor=st.sampled_from(["next", "next", None]), is_newest_first=st.booleans())
    def listing_page(
        self,
        records: tuple[Listing | Rejection, ...],
        next_cursor: str | None,
        is_newest_first: bool,  # noqa: FBT001  # Hypothesis calls rules by keyword
    ) -> None:
        self.answer(ListingPage(records, next_cursor, is_newest_first))

    @rule(wait=st.none() | st.floats())
    def throttle(self, wait: float | None) -> None:
        self.answer(Throttled(wait))

    @rule()
    def fail(self) -> None:
        self.answer(Failure("timeout", "no answer"))

    @rule(kind=st.sampled_from(Refusal))
    def refuse(self, kind: Refusal) -> None:
        self.answer(Refused(kind, "status"))

    @precondition(lambda self: self.professional.stage is Stage.PROFILE)
    @rule(odds=st.integers(0, 9))
    def find_nobody(self, odds: int) -> None:
        if odds == 0:
            self.answer(NotFound())

    @rule()
    def deny(self) -> None:
        self.answer(Denied("401"))

    @rule(
        outcome=st.sampled_from([Failure("broken", "", is_terminal=True), Cancelled(), GivenUp()]),
        odds=st.integers(0, 9),
    )
    def end(self, outcome: Outcome, odds: int) -> None:
        # Seldom, so that most runs come further than their first steps.
        if odds == 0:
            self.answer(outcome)

    @invariant()
    def the_ledger_is_what_was_counted_in_rising_steps(self) -> None:
        assert tuple(self.ledger) == self.professional.ledger
        steps = [line.step for line in self.ledger]
        assert sorted(set(steps)) == steps

    @invariant()
    def the_figures_are_a_recount_of_the_counted_pages(self) -> None:
        counted = recount(
            self.records[Stage.ACTIVE],
            self.records[Stage.HISTORICAL],
            self.professional.agent_key,
            self.parameters.attribution,
            self.parameters.window,
        )
        expected = replace(counted, rejected_records=self.rejected)
        assert expected == replace(self.professional.aggregate, seen=b"")

    @invariant()
    def calls_are_bounded(self) -> None:
        pages = 1 + 2 * self.parameters.page_limit
        # A first failure ends nobody, so that even with a limit of one a page may be asked for twice.
        failures = max(2, self.parameters.failure_limit) - 1
        assert self.professional.calls - self.uncounted <= pages * (1 + failures) + self.epochs * failures
        assert self.professional.page <= self.parameters.page_limit

    @invariant()
    def an_end_has_a_reason_and_an_open_professional_has_none(self) -> None:
        assert self.professional.is_final == (self.professional.stop_reason is not None)
        assert not (self.professional.volume_is_floor and self.professional.state is State.OPEN)

    @invariant()
    def only_proven_failures_in_a_row_reach_the_limit(self) -> None:
        limit = self.parameters.failure_limit
        is_failed = self.professional.stop_reason is StopReason.FAILURE_LIMIT
        is_told = self.professional.stop_reason in (StopReason.TERMINAL_FAILURE, StopReason.NOT_FOUND)
        assert (self.row, self.unproven, self.troubles) == (
            self.professional.failures_in_a_row,
            self.professional.unproven_failures,
            self.professional.troubles_in_a_row,
        )
        is_enough = self.row >= max(2, limit) or self.troubles >= TROUBLES_LIMIT
        assert is_failed == (is_enough and not is_told)

    @invariant()
    def a_refusal_decides_only_if_the_source_answered_since_the_first(self) -> None:
        is_missing = self.professional.stop_reason in (StopReason.TERMINAL_FAILURE, StopReason.NOT_FOUND)
        is_refusal = self.professional.failure_cause in set(Refusal) and "status" in self.professional.last_failure
        assert self.is_refusal_proven or not (is_missing and is_refusal)

    @invariant()
    def a_stage_that_is_left_out_is_never_asked(self) -> None:
        assert self.parameters.include_active or self.professional.stage is not Stage.ACTIVE

    @override
    def teardown(self) -> None:
        for _ in range(1 + 2 * self.parameters.page_limit):
            if self.professional.is_final:
                break
            is_new = self.professional.stage is Stage.PROFILE
            self.answer(ProfilePage(Profile()) if is_new else ListingPage((), "next"))
        assert self.professional.is_final, "a source that answers ends every professional within the page limits"


TestAnySource = AnySource.TestCase
TestAnySource.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)

"""What a professional's change must rest on: raw rows kept before, handlers that died, a batch that drains."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.professional import CountedPage, Professional, State, StopReason
from prograde.domain.raw_page import RawPage
from tests.simulation.memory_warehouse import differences_of

DEATHS_MAX = 3
WAIT_BELIEVED_MAX = 3600.0
EARLY_SECONDS = 5.0
"""How much sooner than it asked the source may be called again: its answer was on its way, and clocks are not exact."""
TROUBLE = {"Throttled", "Failure", "Refused", "NotFound"}
WELL = {"ProfilePage", "ListingPage", "NotFound"}
TROUBLES_LIMIT = 30
TROUBLES_MAX = 3 * TROUBLES_LIMIT
"""So often nobody meets trouble in a row without being given up: one's own is every second at least."""


class Evidence:
    """The raw rows of a run, as they were kept, and what they allow a professional to become."""

    def __init__(self, now: Callable[[], float], saw: Callable[[str], None]) -> None:
        self._now = now
        self._saw = saw
        self._raw_pages: dict[str, RawPage] = {}
        self._rows_of: dict[tuple[str, int], list[RawPage]] = defaultdict(list)
        self._kept_at: dict[str, float] = {}
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._well_at: dict[str, float] = defaultdict(lambda: -1.0)
        self._failed_at: dict[str, float] = {}
        self._refused_at: dict[str, float] = {}
        self._troubles: dict[str, Counter[str]] = defaultdict(Counter)
        self._troubled_at: dict[str, float] = {}
        self._well_troubled: Counter[str] = Counter()
        self.died: set[tuple[str, int]] = set()
        self.are_clocks_right = True
        self._not_before: dict[str, tuple[int, float]] = {}

    def keep(self, page: RawPage) -> None:
        """Take note of a raw row."""
        self._raw_pages[page.raw_id] = page
        self._rows_of[page.professional_id, page.step].append(page)
        self._kept_at[page.raw_id] = self._now()

    def see_deaths(self, professional_id: str, step: int, deaths: int) -> None:
        """
        Take note of how often a task had no answer before this delivery.

        Every delivery counts: nobody can tell from outside under which names the step has died before.
        """
        self._deaths[professional_id, step] += deaths
        if self._deaths[professional_id, step] >= DEATHS_MAX:
            self.died.add((professional_id, step))

    def reopen(self, professional_id: str) -> None:
        """Take note of a replay: what went before no longer counts against the professional."""
        self._forgive(professional_id)
        self._not_before.pop(professional_id, None)

    def _forgive(self, professional_id: str) -> None:
        """A row of failures is over."""
        self._failed_at.pop(professional_id, None)
        self._refused_at.pop(professional_id, None)
        self._troubled_at.pop(professional_id, None)
        self._troubles.pop(professional_id, None)
        self._well_troubled.pop(professional_id, None)

    def has_died(self, professional_id: str) -> bool:
        """Whether a page of a professional was given up because its handlers died."""
        return any(who == professional_id for who, _ in self.died)

    def seconds_early(self, professional_id: str, step: int) -> float:
        """Tell how much longer the source had asked to wait before a professional is asked for at this step."""
        since, free_at = self._not_before.get(professional_id, (0, 0.0))
        return free_at - self._now() if step >= since and self.are_clocks_right else 0.0

    def problems(self, old: Professional, new: Professional, batch: Batch) -> list[str]:
        """Say what is wrong with a professional's change."""
        problems = [*self._order_problems(old, new)]
        if new.epoch > old.epoch:
            self._well_troubled.pop(old.professional_id, None)
        added = new.ledger[len(old.ledger) :]
        for line in added:
            problems += self._line_problems(old, line)
            self._well_at[old.stage] = self._now()
            self._forgive(old.professional_id)
        if new.step > old.step and not added:
            problems += self._trouble_problems(old, new, batch)
        if new.state is State.DONE is not old.state:
            problems += [
                f"{difference.field} is {difference.stored}, the raw rows say {difference.recomputed}"
                for difference in differences_of(new, self._raw_pages, batch)
            ]
        return problems

    def _order_problems(self, old: Professional, new: Professional) -> Iterator[str]:
        if (new.step, new.wake) < (old.step, old.wake) or new.wake < old.wake or new.epoch < old.epoch:
            yield f"went back from {old.step}.{old.wake} of epoch {old.epoch}"
        if old.state is not State.OPEN and (new.state, new.step, new.ledger) != (old.state, old.step, old.ledger):
            yield f"left the final state {old.state}"
        if new.step > old.step + 1:
            yield f"{new.step - old.step} steps at once"
        if new.ledger[: len(old.ledger)] != old.ledger or len(new.ledger) - len(old.ledger) > (new.step > old.step):
            yield "the ledger was rewritten"
        if len({(line.stage, line.page) for line in new.ledger}) < len(new.ledger):
            yield "a page was counted twice"

    def _line_problems(self, old: Professional, line: CountedPage) -> Iterator[str]:
        """A counted page has its raw row, kept before, of this step, stage and page, and a page it was."""
        row = self._raw_pages.get(line.raw_id)
        if row is None:
            yield f"counted {line.stage} {line.page}, which has no raw row"
        elif (row.step, row.stage, row.page) != (old.step, old.stage, old.page):
            yield f"counted the raw row of {row.step} {row.stage} {row.page} at {old.step} {old.stage} {old.page}"
        elif row.outcome not in ("ProfilePage", "ListingPage") or not _is_own(row):
            yield f"counted a {row.outcome}{'' if _is_own(row) else ' of somebody else'}"

    def _trouble_problems(self, old: Professional, new: Professional, batch: Batch) -> Iterator[str]:
        """A step without a page has its reason: a raw row that says so, a dead handler, a batch that drains."""
        if new.state is State.CANCELLED or new.stop_reason is StopReason.SOURCE_OUTAGE:
            is_draining = batch.status in (BatchStatus.DRAINING, BatchStatus.FINALIZING)
            if not is_draining or (new.state is State.CANCELLED) is not batch.is_cancelled:
                yield f"{new.state} while the batch is {batch.status}"
            return
        rows = self._rows_of[old.professional_id, old.step]
        # The one who was answered last may be the professional itself: then its first page is the proof.
        is_open = old.unproven_failures > 0
        outcomes = {row.outcome for row in rows if _is_own(row)}
        proofs = {row.outcome for row in rows if not _is_own(row) or (is_open and row.page == 1)}
        has_died = (old.professional_id, old.step) in self.died
        if not outcomes & TROUBLE and not proofs - {"Denied"} and not has_died:
            yield f"a step without a page, a failure or a death: {sorted(outcomes | proofs)}"
        if outcomes == {"Throttled"} and not has_died:
            free_at = min(self._free_at(row) for row in rows) - EARLY_SECONDS
            self._not_before[old.professional_id] = new.step, free_at
        if outcomes & TROUBLE:
            self._troubles[old.professional_id] += Counter({min(outcomes & TROUBLE): 1})
            self._troubled_at.setdefault(old.professional_id, self._told_at(old, TROUBLE))
            self._well_troubled[old.professional_id] += 1
        if batch.outage is not None:
            self._well_troubled.pop(old.professional_id, None)
        if self._well_troubled[old.professional_id] > TROUBLES_MAX:
            yield f"in trouble for the {TROUBLES_MAX + 1}th time in a row, and no outage"
        yield from self._failure_problems(old, new, batch)
        yield from self._refusal_problems(old, new, outcomes)
        if "NotFound" in outcomes or proofs & WELL:
            self._well_at[old.stage] = self._now()
        if new.epoch > old.epoch:
            self._forgive(old.professional_id)

    def _failure_problems(self, old: Professional, new: Professional, batch: Batch) -> Iterator[str]:
        """Failures in a row have as many raw rows, and none decides unless the source answered others meanwhile."""
        who = old.professional_id
        if new.failures_in_a_row > old.failures_in_a_row:
            self._failed_at.setdefault(who, self._told_at(old, TROUBLE))
        elif new.failures_in_a_row == old.failures_in_a_row and new.unproven_failures > old.unproven_failures:
            self._saw("failure without proof")
        failures = self._failures(old)
        if new.failures_in_a_row > failures:
            yield f"{new.failures_in_a_row} failures in a row, the raw rows know {failures}"
        is_at_failure_limit = failures >= batch.parameters.failure_limit and not new.is_throttled
        if new.stop_reason is StopReason.FAILURE_LIMIT and not is_at_failure_limit:
            times, is_well = self._troubles[who].total(), self._well_at[old.stage] > self._troubled_at.get(who, 0.0)
            kinds = "throttled" if set(self._troubles[who]) == {"Throttled"} else "troubled by turns"
            self._saw(f"professional {kinds} to its end")
            if times < TROUBLES_LIMIT or (self.are_clocks_right and not is_well):
                yield f"given up after {times} troubles, others being answered: {is_well}"
        elif new.stop_reason is StopReason.FAILURE_LIMIT:
            self._saw("professional failed at the failure limit")
            if failures < batch.parameters.failure_limit:
                yield f"failed after {failures} failures"
            if self.are_clocks_right and self._well_at[old.stage] <= self._failed_at.get(who, 0.0):
                yield f"failed, though nobody was answered in stage {old.stage} since its first failure"

    def _refusal_problems(self, old: Professional, new: Professional, outcomes: set[str]) -> Iterator[str]:
        """A refusal decides only after another one, and somebody who was answered between the two."""
        who, is_refused = old.professional_id, "Refused" in outcomes
        if new.stop_reason in (StopReason.TERMINAL_FAILURE, StopReason.NOT_FOUND) and outcomes == {"Refused"}:
            self._saw(f"ended by a refusal: {new.failure_cause}")
            is_between = self._refused_at.get(who, self._now()) < self._well_at[old.stage]
            if self.are_clocks_right and not is_between:
                yield f"refused, though nobody was answered in stage {old.stage} since it first was"
        elif is_refused:
            self._saw("refusal without proof")
            self._refused_at.setdefault(who, self._told_at(old, {"Refused"}))

    def are_credentials_refused(self, professional_id: str, step: int) -> bool:
        """Whether what was answered at a step says more than that one professional is forbidden a page."""
        rows = self._rows_of[professional_id, step]
        forbidden = [row for row in rows if row.outcome == "Refused" and b"forbidden" in row.exchange.body]
        is_somebody_else = any(not _is_own(row) for row in forbidden)
        is_nobody_answered = any(self._well_at[row.stage] < 0 for row in forbidden)
        # Who was answered last may be the professional itself: its first page is the proof then.
        is_proof = any(row.page == 1 for row in forbidden) and len(self._refused_at) > 0
        return any(row.outcome == "Denied" for row in rows) or is_somebody_else or is_nobody_answered or is_proof

    def _free_at(self, row: RawPage) -> float:
        """Tell when the source may be called again after it throttled."""
        wait = float(dict(row.exchange.headers).get("Retry-After", 0.0))
        return self._kept_at[row.raw_id] + min(WAIT_BELIEVED_MAX, wait)

    def _told_at(self, professional: Professional, outcomes: set[str]) -> float:
        """Tell when the first row of a step said so: its commit may have come much later."""
        rows = self._rows_of[professional.professional_id, professional.step]
        return min((self._kept_at[row.raw_id] for row in rows if row.outcome in outcomes), default=self._now())

    def _failures(self, professional: Professional) -> int:
        """Count the steps since the last counted page that failed."""
        first = professional.ledger[-1].step + 1 if professional.ledger else 0
        who = professional.professional_id
        return sum(
            (who, step) in self.died
            or any(row.outcome == "Failure" and _is_own(row) for row in self._rows_of[who, step])
            for step in range(first, professional.step + 1)
        )


def _is_own(row: RawPage) -> bool:
    """Whether the row's call asked for the professional's own page, and not for somebody's as a proof."""
    return f"agent={row.professional_id}&" in row.exchange.url

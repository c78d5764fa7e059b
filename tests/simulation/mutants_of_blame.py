"""Breakages of how it is told whose fault a failure is, and of what follows for the source."""

from tests.simulation.mutant import FETCH, mutant

WHOSE_FAULT = (
    mutant(
        "a page that kills its handlers is asked for ever",
        FETCH,
        ("elif deaths + professional.deaths >=", "elif -deaths >"),
    ),
    mutant(
        "what died under a retired name is forgotten",
        FETCH,
        ("if deaths and task.step == professional.step:", "if deaths < 0:"),
    ),
    mutant(
        "throttling counts as a failure",
        "domain.advancing",
        (
            "return throttled(here, outcome, parameters, now, answer)",
            'return failed(here, Failure("throttled", ""), parameters, now, answer)',
        ),
    ),
    mutant(
        "refused credentials count against the professional",
        FETCH,
        (
            "            _deny(services, batch, step.outcome.detail)",
            '            _commit(services, batch, professional, Step(Failure("denied", ""), step.raw_id))',
        ),
    ),
    mutant(
        "failures of an outage are the professional's",
        "domain.blame",
        (
            "    if not is_own and not _is_first(here, here.failures_in_a_row):",
            "    is_own = True\n    if not is_own:",
        ),
    ),
    mutant(
        "everybody calls during an outage",
        "domain.batch",
        ("return is_running and (self.outage is None or self.outage.probe_id == professional_id)", "return is_running"),
    ),
    mutant(
        "the end of an outage wakes nobody",
        "domain.learning",
        (
            "return waking_everybody(replace(batch, outage=None, pace=Pace(SHARE_AFTER_OUTAGE, now)), now)",
            "return replace(batch, outage=None, pace=Pace(SHARE_AFTER_OUTAGE, now))",
        ),
    ),
    mutant(
        "an answer from before a failure proves it",
        "domain.source_health",
        ("return failed_at < self.at <= now", "return self.at <= now"),
    ),
    mutant(
        "the page of somebody else is counted",
        FETCH,
        ("return replace(step, outcome=Proven(witness.professional_id))", "return step"),
    ),
    mutant(
        "a refusal decides at once",
        "domain.blame",
        ("    if not is_proven(refused_at, answer, now):\n", "    if outcome is None:\n"),
    ),
    mutant(
        "a second refusal decides though nobody was answered",
        "domain.blame",
        ("    if not is_proven(refused_at, answer, now):\n", "    if refused_at is None:\n"),
    ),
    mutant(
        "a gateway's refusal passes for the professional's second",
        "domain.blame",
        ("here.refused_at if here.failure_cause == outcome.kind else None", "here.refused_at"),
    ),
    mutant(
        "a status that knows nobody is an answer",
        "domain.learning",
        ("| ListingPage() | NotFound():", "| ListingPage() | NotFound() | Refused():"),
    ),
    mutant(
        "a refusal is a proof",
        FETCH,
        ("| ListingPage() | NotFound():", "| ListingPage() | NotFound() | Refused():"),
    ),
    mutant(
        "one who is forbidden pauses the batch",
        "domain.learning",
        (
            " if before.stage not in batch.answers:\n            return _forbidden(batch, after, detail, now)",
            ":\n            return denied(batch, detail)",
        ),
    ),
    mutant(
        "credentials that are forbidden are not noticed",
        FETCH,
        ("if professional.is_forbidden:", "if professional.is_final:"),
        (
            "        case Failure() | Refused():\n",
            (
                "        case Refused():\n"
                "            return replace(step, outcome=Proven(witness.professional_id))\n"
                "        case Failure():\n"
            ),
        ),
    ),
    mutant(
        "one who is throttled without end is waited for without end",
        "domain.blame",
        (
            "    if is_own and troubles >= _troubles_limit(parameters):\n        return",
            "    if troubles < 0:\n        return",
        ),
    ),
    mutant(
        "throttling by an outage is the professional's own",
        "domain.blame",
        ("(is_own or _is_first(here, here.troubles_in_a_row))", "1"),
        (
            "    if is_own and troubles >= _troubles_limit(parameters):\n        return",
            "    if troubles >= TROUBLES_LIMIT:\n        return",
        ),
    ),
    mutant(
        "a refusal makes the troubles before it forgotten",
        "domain.blame",
        (
            'outcome.detail}", troubles_in_a_row=troubles)',
            'outcome.detail}", troubles_in_a_row=0)',
        ),
        (
            "        if is_own and troubles >= _troubles_limit(parameters):\n            return",
            "        if troubles < 0:\n            return",
        ),
    ),
    mutant(
        "throttling opens no outage",
        "domain.learning",
        ("case Failure() | Refused() | Throttled():", "case Failure() | Refused():"),
    ),
    mutant(
        "a probe asks for whom the source answered last, and for nobody else",
        "use_cases.witness",
        ('_TURNS = ("last", "own", "next")', '_TURNS = ("last",)'),
    ),
    mutant(
        "whose turn it was is forgotten",
        "domain.learning",
        ("return replace(batch, outage=replace(outage, turn_id=asked_id))", "return batch"),
    ),
    mutant(
        "an outage is given up at once",
        "domain.learning",
        ("if now - since < patience", "if now - since < 0 * patience"),
    ),
)

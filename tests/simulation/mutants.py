"""
Deliberate breakages of the protocol, as changes of source text: the simulation must notice each of them.

Read only by `hunting`; a snippet that no longer stands in its module exactly once makes the hunt fail loudly.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """In a module, `old` becomes `new`."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One breakage."""

    name: str
    changes: tuple[Change, ...]


def _mutant(name: str, module: str, *pairs: tuple[str, str]) -> Mutant:
    return Mutant(name, tuple(Change(f"prograde.{module}", old, new) for old, new in pairs))


_FETCH = "use_cases.fetch_page"
_COMMIT = """        transaction.put_professional(advanced)
        return advanced, after

    professional, after = services.store.transact(commit)
"""

MUTANTS = (
    # --- what supervise must see
    _mutant(
        "empty counters are not drained from the start",
        "use_cases.start_batch",
        ("empty = max(0, batch.counters - batch.roster.professionals)", "empty = 0"),
    ),
    _mutant(
        "seeding is invisible to supervise",
        "use_cases.supervise",
        ("(is_finalizing or batch.op is not None)", "is_finalizing"),
    ),
    _mutant(
        "finalize is invisible to supervise",
        "use_cases.supervise",
        ("(is_finalizing or batch.op is not None)", "batch.op is not None"),
    ),
    _mutant(
        "a backlog is taken for standing still",
        "use_cases.supervise",
        ("watermark = services.store.watermark(batch.source)", "watermark = now"),
    ),
    _mutant(
        "supervise wakes nobody",
        "use_cases.supervise",
        ("in _overdue(services, batch, watermark - GRACE):", "in ():"),
    ),
    _mutant(
        "supervise looks for the probe alone, outage or not",
        "use_cases.supervise",
        (
            "    if batch.outage is None:\n        return services",
            "    if batch.outage is not None:\n        return services",
        ),
        ("batch.outage.probe_id)", 'batch.outage.probe_id if batch.outage else "")'),
    ),
    # --- names and wakes
    _mutant(
        "a wake does not make a new name",
        "domain.effects",
        ("wake=professional.wake + 1", "wake=professional.wake"),
    ),
    _mutant(
        "finalize has one name for ever",
        "domain.effects",
        ('digest("finalize", task.batch_id, task.grading_run, task.wake)', 'digest("finalize", task.batch_id)'),
    ),
    _mutant(
        "the seed chain has one name a chunk",
        "domain.effects",
        ('digest("seed", task.batch_id, task.wake, task.offset)', 'digest("seed", task.batch_id, task.offset)'),
    ),
    _mutant(
        "the waking chain has one name an epoch",
        "domain.effects",
        ('digest("wake", task.batch_id, task.epoch, task.turn)', 'digest("wake", task.batch_id, task.epoch)'),
    ),
    _mutant(
        "a repeated chunk wakes everybody again",
        "use_cases.wake",
        (" and professional.epoch < batch.epoch", ""),
    ),
    _mutant(
        "a repeated chunk forgets whom it woke before it died",
        "use_cases.wake",
        (
            "            if professional is not None:\n                awake.append(professional)",
            "                awake.append(professional)",
        ),
    ),
    _mutant(
        "retired deliveries are worked",
        _FETCH,
        (
            "is_behind = (task.step, task.wake) < (professional.step, professional.wake)",
            "is_behind = task.step < professional.step",
        ),
    ),
    # --- effects
    _mutant(
        "a delivery that comes too late derives nothing",
        _FETCH,
        (
            "        services.queue.enqueue(tuple(effects(batch, professional)))\n    elif not",
            "        return\n    elif not",
        ),
    ),
    _mutant(
        "only the winner of a step derives what follows",
        _FETCH,
        (
            "return professional, _read_batch(transaction, batch.batch_id)",
            "return replace(professional, state=State.DONE), _read_batch(transaction, batch.batch_id)",
        ),
    ),
    _mutant(
        "the seeder that lost derives nothing",
        "use_cases.seed",
        ("    else:\n        services.queue.enqueue(tuple(effects(batch)))", "    else:\n        return"),
    ),
    _mutant(
        "what follows is enqueued before the commit",
        _FETCH,
        (
            (
                "    professional, after = services.store.transact(commit)\n"
                "    services.queue.enqueue(tuple(effects(after, professional)))\n"
            ),
            (
                "    services.queue.enqueue(tuple(effects(*reversed(_stepped(seen, batch, step, now)))))\n"
                "    professional, after = services.store.transact(commit)\n"
            ),
        ),
    ),
    _mutant(
        "a page that ends an outage does not begin the waking",
        "domain.effects",
        ("if batch.waking is not None:", "if batch.waking is not None and professional is None:"),
    ),
    # --- the step's transaction
    _mutant(
        "the step is not checked in the transaction",
        _FETCH,
        ("if professional.step != seen.step:", "if professional.is_final:"),
    ),
    _mutant(
        "late failures leave final states",
        _FETCH,
        ("if professional.step != seen.step:", "if professional.step != seen.step and not professional.is_final:"),
    ),
    _mutant(
        "the result is written after the counter",
        _FETCH,
        (
            _COMMIT,
            (
                "        return advanced, after\n\n"
                "    professional, after = services.store.transact(commit)\n"
                "    services.store.transact(lambda transaction: transaction.put_professional(professional))\n"
            ),
        ),
    ),
    _mutant(
        "the counter is written outside the transaction",
        _FETCH,
        ("            transaction.put_counter(batch.batch_id, counter)\n", "            closed.append(counter)\n"),
        ("    def commit(transaction", "    closed: list[Counter] = []\n\n    def commit(transaction"),
        (
            "    professional, after = services.store.transact(commit)\n",
            (
                "    professional, after = services.store.transact(commit)\n"
                "    for counter in closed[-1:]:\n"
                "        services.store.transact(lambda each: each.put_counter(batch.batch_id, counter))\n"
            ),
        ),
    ),
    _mutant(
        "a step is committed on the batch as it was first read",
        _FETCH,
        ("            stored = _read_batch(transaction, batch.batch_id)\n", ""),
    ),
    _mutant(
        "due_at is not stored",
        "domain.professional",
        (
            "return replace(here, throttled_in_a_row=in_a_row, due_at=now + timedelta(seconds=wait))",
            "return replace(here, throttled_in_a_row=in_a_row)",
        ),
    ),
    _mutant(
        "the raw row is kept after the commit",
        _FETCH,
        ("    services.warehouse.insert_raw_page(\n", "    _LATER.pages.append(\n"),
        ("DEATHS_MAX = 3\n", "import threading\n_LATER = threading.local()\nDEATHS_MAX = 3\n"),
        ("    share = batch.pace", "    _LATER.pages = []\n    share = batch.pace"),
        (
            "    professional, after = services.store.transact(commit)\n",
            (
                "    professional, after = services.store.transact(commit)\n"
                "    for page in getattr(_LATER, 'pages', ()):\n"
                "        services.warehouse.insert_raw_page(page)\n"
            ),
        ),
    ),
    _mutant(
        "listings are not told apart",
        "domain.aggregation",
        ('share == 0 or not seen.is_new("s", listing.key)', "share == 0"),
    ),
    # --- whose fault it is
    _mutant(
        "a page that kills its handlers is asked for ever",
        _FETCH,
        ("elif deaths + professional.deaths >=", "elif -deaths >"),
    ),
    _mutant(
        "what died under a retired name is forgotten",
        _FETCH,
        ("if deaths and task.step == professional.step:", "if deaths < 0:"),
    ),
    _mutant(
        "throttling counts as a failure",
        "domain.professional",
        (
            "        case Throttled() | Proven() | Unproven():\n",
            (
                "        case Throttled():\n"
                '            return _failed(here, Failure("throttled", ""), parameters, now, answer)\n'
                "        case Proven() | Unproven():\n"
            ),
        ),
    ),
    _mutant(
        "refused credentials count against the professional",
        _FETCH,
        (
            "            _deny(services, batch, step.outcome.detail)",
            '            _commit(services, batch, professional, Step(Failure("denied", ""), step.raw_id))',
        ),
    ),
    _mutant(
        "failures of an outage are the professional's",
        "domain.professional",
        ("    is_own = _is_proven(here, answer, now)\n", "    is_own = True\n"),
    ),
    _mutant(
        "everybody calls during an outage",
        "domain.batch",
        ("return is_open and (self.outage is None or self.outage.probe_id == professional_id)", "return is_open"),
    ),
    _mutant(
        "the end of an outage wakes nobody",
        "domain.learning",
        (
            "return waking_everybody(replace(batch, outage=None, pace=Pace(SHARE_AFTER_OUTAGE, now)), now)",
            "return replace(batch, outage=None, pace=Pace(SHARE_AFTER_OUTAGE, now))",
        ),
    ),
    _mutant(
        "an answer from before a failure proves it",
        "domain.source_health",
        ("return failed_at < self.at <= now", "return self.at <= now"),
    ),
    _mutant(
        "the page of somebody else is counted",
        _FETCH,
        ("return replace(step, outcome=Proven(answered_id))", "return step"),
    ),
    _mutant(
        "an outage goes on though its probe has ended",
        "domain.learning",
        ("return _recovered(batch, before, now) if after.is_final else batch", "return batch"),
    ),
    _mutant(
        "an outage is given up at once",
        "domain.learning",
        ("if now - outage.since < timedelta(", "if now - outage.since < 0 * timedelta("),
    ),
    # --- pause, resume, cancel, replay
    _mutant(
        "whether the batch lets anybody work is read from a cache",
        _FETCH,
        ("not batch.lets_work(", 'not services.store.__dict__.setdefault("kept", batch).lets_work('),
    ),
    _mutant(
        "a paused batch goes on calling",
        "domain.batch",
        ("is_open = self.status in (", "is_open = self.status in (BatchStatus.PAUSED, "),
    ),
    _mutant(
        "a resume wakes nobody",
        "domain.batch",
        (
            'settled(waking_everybody(replace(batch, status=BatchStatus.RUNNING, reason=""), now), now)',
            'settled(replace(batch, status=BatchStatus.RUNNING, reason="", epoch=batch.epoch + 1), now)',
        ),
    ),
    _mutant(
        "a cancel stops seeding",
        "domain.effects",
        ("batch.op is not None and not batch.status.is_over", "batch.op is not None and not batch.is_cancelled"),
    ),
    _mutant(
        "a replay leaves the counters",
        "use_cases.dead_letters",
        ("                transaction.put_counter(batch_id, counter)\n", "                pass\n"),
    ),
    _mutant(
        "a replay leaves the batch drained",
        "use_cases.dead_letters",
        ("drained=stored.drained - were_drained", "drained=stored.drained"),
    ),
    _mutant(
        "a replay goes on at the same step",
        "domain.professional",
        ("        step=professional.step + 1,\n        state=State.OPEN", "        state=State.OPEN"),
    ),
    # --- seeding and finalize
    _mutant(
        "a repeated chunk overwrites progress",
        "use_cases.seed",
        (
            "    services.store.create_professionals(professionals)\n",
            "    services.store.transact(lambda each: [each.put_professional(one) for one in professionals])\n",
        ),
    ),
    _mutant(
        "the cursor moves before the chunk is there",
        "use_cases.seed",
        ("    services.store.create_professionals(professionals)\n", ""),
        (
            "    return _moved(services, batch, Seeding(end, op.seeded + len(ids)), now)\n",
            (
                "    moved = _moved(services, batch, Seeding(end, op.seeded + len(ids)), now)\n"
                "    services.store.create_professionals(professionals)\n    return moved\n"
            ),
        ),
    ),
    _mutant(
        "a seeder that was overtaken moves the cursor back",
        "use_cases.seed",
        ("if (stored.op, stored.wake) != (seen.op, seen.wake):", "if stored.op is None:"),
    ),
    _mutant(
        "finalize begins for any grading run",
        "use_cases.finalize",
        (
            "if batch.status is not BatchStatus.FINALIZING or batch.grading_run != task.grading_run:",
            "if batch.status is BatchStatus.PAUSED:",
        ),
        ("    if task.wake != batch.wake:\n", "    if task.wake > batch.wake:\n"),
    ),
    _mutant(
        "finalize ends any grading run",
        "use_cases.finalize",
        (
            "if (stored.status, stored.grading_run) != (BatchStatus.FINALIZING, batch.grading_run):",
            "if stored.status is BatchStatus.PAUSED:",
        ),
    ),
    _mutant("finalize does not wait for its rows", "use_cases.finalize", ("VISIBLE_TRIES = 10", "VISIBLE_TRIES = 0")),
)

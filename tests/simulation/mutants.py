"""Deliberate breakages of the protocol: the simulation must notice each of them."""

from tests.simulation.mutant import FETCH, mutant
from tests.simulation.mutants_of_blame import WHOSE_FAULT

_COMMIT = """        transaction.put_professional(advanced)
        return advanced, after, stored.status

    professional, after, before = services.store.transact(commit)
"""

MUTANTS = (
    # --- what supervise must see
    mutant(
        "empty counters are not drained from the start",
        "use_cases.start_batch",
        ("empty = max(0, batch.counters - batch.roster.professionals)", "empty = 0"),
    ),
    mutant(
        "seeding is invisible to supervise",
        "use_cases.supervise",
        ("(is_finalizing or batch.op is not None)", "is_finalizing"),
    ),
    mutant(
        "finalize is invisible to supervise",
        "use_cases.supervise",
        ("(is_finalizing or batch.op is not None)", "batch.op is not None"),
    ),
    mutant(
        "a backlog is taken for standing still",
        "use_cases.supervise",
        ("watermark = services.store.watermark(batch.source)", "watermark = now"),
    ),
    mutant(
        "supervise wakes nobody",
        "use_cases.supervise",
        ("in _overdue(services, batch, watermark - GRACE):", "in ():"),
    ),
    mutant(
        "supervise looks for the probe alone, outage or not",
        "use_cases.supervise",
        (
            "    if batch.outage is None:\n        return services",
            "    if batch.outage is not None:\n        return services",
        ),
        ("batch.outage.probe_id)", 'batch.outage.probe_id if batch.outage else "")'),
    ),
    # --- names and wakes
    mutant(
        "a wake does not make a new name",
        "domain.effects",
        ("wake=professional.wake + 1", "wake=professional.wake"),
    ),
    mutant(
        "finalize has one name for ever",
        "domain.effects",
        ('digest("finalize", task.batch_id, task.grading_run, task.wake)', 'digest("finalize", task.batch_id)'),
    ),
    mutant(
        "the seed chain has one name a chunk",
        "domain.effects",
        ('digest("seed", task.batch_id, task.wake, task.offset)', 'digest("seed", task.batch_id, task.offset)'),
    ),
    mutant(
        "the waking chain has one name an epoch",
        "domain.effects",
        ('digest("wake", task.batch_id, task.epoch, task.turn)', 'digest("wake", task.batch_id, task.epoch)'),
    ),
    mutant(
        "a repeated chunk wakes everybody again",
        "use_cases.wake",
        (" and professional.epoch < batch.epoch", ""),
    ),
    mutant(
        "a repeated chunk forgets whom it woke before it died",
        "use_cases.wake",
        (
            "            if professional is not None:\n                awake.append(professional)",
            "                awake.append(professional)",
        ),
    ),
    mutant(
        "retired deliveries are worked",
        FETCH,
        (
            "is_behind = (task.step, task.wake) < (professional.step, professional.wake)",
            "is_behind = task.step < professional.step",
        ),
    ),
    # --- effects
    mutant(
        "a delivery that comes too late derives nothing",
        FETCH,
        (
            "        services.queue.enqueue(tuple(effects(batch, professional)))\n        # Last",
            "        # Last",
        ),
    ),
    mutant(
        "only the winner of a step derives what follows",
        FETCH,
        (
            "return professional, latest, latest.status",
            "return replace(professional, state=State.DONE), latest, latest.status",
        ),
    ),
    mutant(
        "the seeder that lost derives nothing",
        "use_cases.seed",
        ("    else:\n        services.queue.enqueue(tuple(effects(batch)))", "    else:\n        return"),
    ),
    mutant(
        "what follows is enqueued before the commit",
        FETCH,
        (
            (
                "    professional, after, before = services.store.transact(commit)\n"
                "    services.queue.enqueue(tuple(effects(after, professional)))\n"
            ),
            (
                "    answer = batch.answers.get(seen.stage)\n"
                "    services.queue.enqueue(tuple(effects(*reversed(_stepped(seen, batch, step, now, answer)))))\n"
                "    professional, after, before = services.store.transact(commit)\n"
            ),
        ),
    ),
    mutant(
        "a page that ends an outage does not begin the waking",
        "domain.effects",
        ("if batch.waking is not None:", "if batch.waking is not None and professional is None:"),
    ),
    # --- the step's transaction
    mutant(
        "the step is not checked in the transaction",
        FETCH,
        ("if professional.step != seen.step:", "if professional.is_final:"),
    ),
    mutant(
        "late failures leave final states",
        FETCH,
        ("if professional.step != seen.step:", "if professional.step != seen.step and not professional.is_final:"),
    ),
    mutant(
        "the result is written after the counter",
        FETCH,
        (
            _COMMIT,
            (
                "        return advanced, after, stored.status\n\n"
                "    professional, after, before = services.store.transact(commit)\n"
                "    services.store.transact(lambda transaction: transaction.put_professional(professional))\n"
            ),
        ),
    ),
    mutant(
        "the counter is written outside the transaction",
        FETCH,
        ("            transaction.put_counter(batch.batch_id, counter)\n", "            closed.append(counter)\n"),
        ("    def commit(transaction", "    closed: list[Counter] = []\n\n    def commit(transaction"),
        (
            "    professional, after, before = services.store.transact(commit)\n",
            (
                "    professional, after, before = services.store.transact(commit)\n"
                "    for counter in closed[-1:]:\n"
                "        services.store.transact(lambda each: each.put_counter(batch.batch_id, counter))\n"
            ),
        ),
    ),
    mutant(
        "a step is committed on the batch as it was first read",
        FETCH,
        ("            stored = stored_batch(transaction, batch.batch_id)\n", ""),
    ),
    mutant(
        "due_at is not stored",
        "domain.blame",
        ("return replace(known, due_at=now + timedelta(seconds=wait))", "return known"),
    ),
    mutant(
        "the raw row is kept after the commit",
        FETCH,
        ("    services.warehouse.insert_raw_page(\n", "    _LATER.pages.append(\n"),
        ("DEATHS_MAX = 3\n", "import threading\n_LATER = threading.local()\nDEATHS_MAX = 3\n"),
        ("    share = batch.pace", "    _LATER.pages = []\n    share = batch.pace"),
        (
            "    professional, after, before = services.store.transact(commit)\n",
            (
                "    professional, after, before = services.store.transact(commit)\n"
                "    for page in getattr(_LATER, 'pages', ()):\n"
                "        services.warehouse.insert_raw_page(page)\n"
            ),
        ),
    ),
    mutant(
        "listings are not told apart",
        "domain.aggregation",
        ("new = met.keys() - set(before)", "new = met.keys()"),
    ),
    *WHOSE_FAULT,
    # --- pause, resume, cancel, replay
    mutant(
        "whether the batch lets anybody work is read from a cache",
        FETCH,
        ("not batch.lets_work(", 'not services.store.__dict__.setdefault("kept", batch).lets_work('),
    ),
    mutant(
        "a paused batch goes on calling",
        "domain.batch",
        (
            "is_running = self.status is BatchStatus.RUNNING",
            "is_running = self.status in (BatchStatus.RUNNING, BatchStatus.PAUSED)",
        ),
    ),
    mutant(
        "a resume wakes nobody",
        "domain.batch",
        (
            'settled(waking_everybody(replace(batch, status=BatchStatus.RUNNING, reason="", strangers={}), now), now)',
            'settled(replace(batch, status=BatchStatus.RUNNING, reason="", epoch=batch.epoch + 1), now)',
        ),
    ),
    mutant(
        "a cancel stops seeding",
        "domain.effects",
        ("batch.op is not None and not batch.status.is_over", "batch.op is not None and not batch.is_cancelled"),
    ),
    mutant(
        "who is seeded behind the chain of a batch that drains is left open",
        "domain.batch",
        ("    if is_done and batch.status is BatchStatus.DRAINING:\n", "    if is_done < 0:\n"),
    ),
    mutant(
        "who was ended is not counted",
        "use_cases.wake",
        ("        counters[index] = counters[index].closed_one(professional, None, now)\n", "        pass\n"),
    ),
    mutant(
        "a replay leaves the counters",
        "use_cases.dead_letters",
        ("        transaction.put_counter(batch_id, counter)\n", "        pass\n"),
    ),
    mutant(
        "a replay leaves the batch drained",
        "use_cases.dead_letters",
        ("drained=batch.drained - were_drained", "drained=batch.drained"),
    ),
    mutant(
        "a replay goes on at the same step",
        "domain.professional",
        ("        step=professional.step + 1,\n        due_at=now,", "        due_at=now,"),
    ),
    # --- seeding and finalize
    mutant(
        "a repeated chunk overwrites progress",
        "use_cases.seed",
        (
            "    services.store.create_professionals(professionals)\n",
            "    services.store.transact(lambda each: [each.put_professional(one) for one in professionals])\n",
        ),
    ),
    mutant(
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
    mutant(
        "a seeder that was overtaken moves the cursor back",
        "use_cases.seed",
        ("if (stored.op, stored.wake) != (seen.op, seen.wake):", "if stored.op is None:"),
    ),
    mutant(
        "finalize begins for any grading run",
        "use_cases.finalize",
        (
            "return batch.status is BatchStatus.FINALIZING and batch.grading_run == task.grading_run",
            "return batch.status is not BatchStatus.PAUSED",
        ),
        ("    if task.wake != batch.wake:\n", "    if task.wake > batch.wake:\n"),
    ),
    mutant(
        "finalize ends any grading run",
        "use_cases.finalize",
        (
            "if (stored.status, stored.grading_run) != (BatchStatus.FINALIZING, batch.grading_run):",
            "if stored.status is BatchStatus.PAUSED:",
        ),
    ),
    mutant(
        "finalize publishes what a replay has changed meanwhile",
        "use_cases.finalize",
        ("    return _is_of(read_batch(services.store, task.batch_id), task)", "    return task is not None"),
    ),
    mutant("finalize does not wait for its rows", "use_cases.finalize", ("VISIBLE_TRIES = 10", "VISIBLE_TRIES = 0")),
)

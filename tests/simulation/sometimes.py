"""What must have happened at least once over the seeds that CI runs: a fault that never struck proves nothing."""

from collections import Counter
from collections.abc import Iterator
from re import compile as pattern

from tests.simulation.chance import Fault

INTERESTING = {
    "crash between commit and enqueue": "died between store.commit and queue.enqueue",
    "crash between raw row and commit": "died between warehouse.insert_raw_page and store.transact",
    "crash between call and raw row": "died between source.answer and warehouse.insert_raw_page",
    "crash between created professionals and their tasks": "died between store.create_professionals and queue.enqueue",
    "crash between a chunk's tasks and the cursor": "died between queue.enqueue and store.transact",
    "finalize died half-way": "died between (warehouse.load_results|warehouse.reconcile|warehouse.load_grades) and .*",
    "finalize died after publishing": "died between (blobs.publish|warehouse.append_run) and .*",
    "waking died half-way": "died between .* and store.in_state",
    "waking woken by supervise": "waking renewed by supervise",
    "transaction aborted by another one": "transaction met another one and ran again",
    "two deliveries of one step interleaved": "step called more than once",
    "page task after the batch was over": "PageTask delivered after the batch was over",
    "seed task after the batch was over": "SeedTask delivered after the batch was over",
    "finalize task after the batch was over": "FinalizeTask delivered after the batch was over",
    "professional woken by supervise": "professional woken by supervise",
    "seeding woken by supervise": "batch woken by supervise while seeding",
    "finalize woken by supervise": "batch woken by supervise while finalizing",
    "task whose name was taken": "task whose name was taken",
    "paused while seeding": "batch paused while seeding",
    "cancelled while seeding": "batch draining while seeding",
    "outage opened by failures": "outage opened by (http_5.*|timeout|malformed|cut_short)",
    "outage opened by refusals": "outage opened by (client_error|redirect)",
    "outage opened by missing paths": "outage opened by not_found",
    "outage opened by throttling": "outage opened by throttled",
    "outage ended": "outage ended",
    "outage given up": "outage given up",
    "outage during a pause's answers": "outage ended by a pause",
    "outage ended by one whose turn it was": "outage ended by one whose turn it was",
    "failure not counted for want of proof": "failure without proof",
    "refusal that decided nothing": "refusal without proof",
    "professional not found by its status": "ended by a refusal: not_found",
    "professional forbidden alone": "ended by a refusal: forbidden",
    "professional throttled to its end": "professional throttled to its end",
    "professional answered by turns to its end": "professional troubled by turns to its end",
    "batch paused for what looks like a mistake": "batch paused for what looks like a mistake",
    "batch paused for its credentials": "batch paused for its credentials",
    "who was not found looked for again": "replayed who was not_found",
    "dead letter replayed while running": "replayed while running",
    "dead letter replayed after the batch was over": "replayed while (complete|incomplete)",
    "professional at its failure limit": "professional failed at the failure limit",
    "digest equal to the calm run's": "run whose digest equals the calm run's",
    "row changed by the fault that touched it": "row changed by its fault: done",
}


def times(seen: Counter[str]) -> Iterator[tuple[str, int]]:
    """Count each interesting thing and each fault."""
    for name, what in INTERESTING.items():
        wanted = pattern(what)
        yield name, sum(count for label, count in seen.items() if wanted.fullmatch(label))
    for fault in Fault:
        yield fault.value, seen[fault]


def never(seen: Counter[str]) -> list[str]:
    """Name what never happened."""
    return [name for name, count in times(seen) if count == 0]

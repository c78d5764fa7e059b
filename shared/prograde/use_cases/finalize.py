"""Finalize a grading run: reconcile with the raw rows, grade, order, export, publish."""

from collections.abc import Iterator, Sized
from dataclasses import asdict

from prograde.domain.batch import Batch, BatchStatus, Totals, finished
from prograde.domain.effects import FinalizeTask, effects
from prograde.domain.export import written_parameters
from prograde.domain.professional import Professional, State, StopReason
from prograde.ports import GradedRow, Reconciliation, Run, Transaction
from prograde.replacing import replace
from prograde.use_cases.announce import announce_losses, announce_status
from prograde.use_cases.dead_letters import dead_letters
from prograde.use_cases.export_files import Export, write_export, write_manifest
from prograde.use_cases.read_batch import read_batch, stored_batch
from prograde.use_cases.services import Services

VISIBLE_TRIES = 10
VISIBLE_WAIT_SECONDS = 3.0
NAMED_MAX = 100
"""Differences and missing raw rows that are named; the rest is only known to be there."""


def finalize(services: Services, task: FinalizeTask) -> None:
    """
    Run a grading run to completion once; a late or repeated task does nothing.

    Every part is repeatable and lands on the same name: the same bytes, published under the run's own prefix.
    """
    batch = read_batch(services.store, task.batch_id)
    if not _is_of(batch, task):
        if batch.status.is_over:
            # Whoever finished it may have died before telling the warehouse.
            announce_status(services, batch, services.clock.now())
        return
    if task.wake != batch.wake:
        services.queue.enqueue(tuple(effects(batch)))
        return
    started_at = services.clock.now()
    professionals = services.warehouse.load_results(batch, services.store.professionals(batch.batch_id))
    reconciliation = _reconciled(services, batch)
    if not _is_still(services, task):
        return
    services.warehouse.load_grades(batch, _grades(services, batch))
    prefix = f"exports/{batch.batch_id}/{batch.grading_run:03}"
    with services.blobs.staging() as folder:
        export = write_export(folder, batch, services.warehouse.ranked(batch))
        run = Run(
            batch_id=batch.batch_id,
            grading_run=batch.grading_run,
            source=batch.source,
            source_sha256=batch.source_sha256,
            roster_sha256=batch.roster.sha256,
            parameters=batch.parameters,
            code_version=services.code_version,
            started_at=started_at,
            finished_at=services.clock.now(),
            professionals=professionals,
            raw_pages=reconciliation.raw_pages,
            calls=export.calls,
            differences=len(reconciliation.differences) + len(reconciliation.missing_raw_ids),
            export_prefix=prefix,
            export_digest=export.digest,
        )
        if not _is_still(services, task):
            return
        write_manifest(folder, _manifest(batch, run, export, reconciliation))
        services.blobs.publish(prefix, folder)
    services.warehouse.append_run(run)
    reason = "; ".join(filter(None, (_given_up(services, batch), _reason(reconciliation))))
    _finish(services, batch, export, reason)


def _is_of(batch: Batch, task: FinalizeTask) -> bool:
    """Tell whether the batch is in the task's grading run."""
    return batch.status is BatchStatus.FINALIZING and batch.grading_run == task.grading_run


def _is_still(services: Services, task: FinalizeTask) -> bool:
    """
    Tell whether the batch is in the task's grading run yet; asked again before what is written later.

    Else another delivery was quicker, and a replay may have changed what is read here.
    """
    return _is_of(read_batch(services.store, task.batch_id), task)


def _reconciled(services: Services, batch: Batch) -> Reconciliation:
    """Reconcile once every counted raw row can be seen; the wait is bounded, and what stays missing is named."""
    for _ in range(VISIBLE_TRIES):
        reconciliation = services.warehouse.reconcile(batch, NAMED_MAX)
        if not reconciliation.missing_raw_ids:
            return reconciliation
        services.clock.sleep(VISIBLE_WAIT_SECONDS)
    return services.warehouse.reconcile(batch, NAMED_MAX)


def _grades(services: Services, batch: Batch) -> Iterator[GradedRow]:
    """Grade everybody who came to a decision; grades come only from the rubric."""
    return (_graded(batch, professional) for professional in services.store.professionals(batch.batch_id))


def _graded(batch: Batch, professional: Professional) -> GradedRow:
    if professional.state is not State.DONE:
        # Only a failure's own words: what a professional met on its way to another end depends on how the run went.
        is_failed = professional.state is State.FAILED
        reason = professional.last_failure if is_failed else str(professional.stop_reason or "")
        return GradedRow(professional.professional_id, "", -1, (reason,))
    grade = batch.parameters.rubric.grade(professional.aggregate, batch.parameters.as_of)
    return GradedRow(professional.professional_id, grade.name, grade.tier, grade.reasons)


def _manifest(batch: Batch, run: Run, export: Export, reconciliation: Reconciliation) -> dict[str, object]:
    return {
        "batch_id": batch.batch_id,
        "grading_run": batch.grading_run,
        "is_cancelled": batch.is_cancelled,
        "source": batch.source,
        "source_sha256": batch.source_sha256,
        "roster_sha256": batch.roster.sha256,
        "as_of": batch.parameters.as_of,
        "parameters": written_parameters(batch.parameters),
        "code_version": run.code_version,
        "created_at": batch.created_at,
        "finalized_at": run.finished_at,
        "professionals": {"total": run.professionals, "by_state": export.by_state, "by_grade": export.by_grade},
        "raw_pages": run.raw_pages,
        "calls": run.calls,
        "reconciliation": {
            "missing_raw_ids": list(reconciliation.missing_raw_ids),
            "differences": [asdict(difference) for difference in reconciliation.differences],
        },
        "files": export.files,
        "export_digest": export.digest,
    }


def _given_up(services: Services, batch: Batch) -> str:
    """Say who is left of an earlier outage; "" when nobody is, all were looked at, or the reason is this outage."""
    if batch.reason:
        return ""
    count = sum(1 for _ in dead_letters(services.store, batch.batch_id, StopReason.SOURCE_OUTAGE))
    return f"{count:,} professionals were given up in an outage of the source" if count else ""


def _reason(reconciliation: Reconciliation) -> str:
    """Say what did not reconcile; "" when everything did."""
    parts = []
    missing, differences = reconciliation.missing_raw_ids, reconciliation.differences
    if missing:
        parts.append(f"{named_count(missing)} raw rows that were counted are missing ({missing[0]} …)")
    if differences:
        who = differences[0]
        parts.append(
            f"{named_count(differences)} figures are not what the raw rows say "
            f"({who.professional_id}: {who.field} {who.stored}, recomputed {who.recomputed} …)"
        )
    return "; ".join(parts)


def named_count(named: Sized) -> str:
    """Count what is named of something, of which there may be more than is named."""
    return f"{len(named)} or more" if len(named) >= NAMED_MAX else str(len(named))


def _finish(services: Services, batch: Batch, export: Export, reason: str) -> None:
    totals = Totals(export.by_state, export.by_grade, export.calls)

    def finish(transaction: Transaction) -> Batch:
        stored = stored_batch(transaction, batch.batch_id)
        if (stored.status, stored.grading_run) != (BatchStatus.FINALIZING, batch.grading_run):
            return stored
        reasons = "; ".join(filter(None, (stored.reason, reason)))
        done = finished(replace(stored, reason=reasons), services.clock.now(), export.digest, totals)
        transaction.put_batch(done)
        return done

    announce_losses(services, batch)
    announce_status(services, services.store.transact(finish), services.clock.now())

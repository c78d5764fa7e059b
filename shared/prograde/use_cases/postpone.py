"""Give a page a later time, before which the source's limits allow no call."""

from datetime import datetime

from prograde.domain.effects import PageTask, effects, woken
from prograde.domain.professional import Professional
from prograde.errors import CorruptionError
from prograde.ports import Transaction
from prograde.replacing import replace
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services


def postpone(services: Services, task: PageTask, until: datetime, deaths: int) -> None:
    """
    Let a delivered page task, whose call was not made, come again at a moment, under a new name.

    The professional itself then says when it is due: a sounding that passes it meanwhile tells nothing of it.
    `deaths` are those under the old name.
    """

    def move(transaction: Transaction) -> Professional:
        professional = transaction.professional(task.batch_id, task.professional_id)
        if professional is None:
            raise CorruptionError(f"professional {task.professional_id} of batch {task.batch_id} is gone")
        if (professional.step, professional.wake) == (task.step, task.wake) and not professional.is_final:
            professional = replace(woken(professional, until, professional.epoch), deaths=professional.deaths + deaths)
            transaction.put_professional(professional)
        return professional

    professional = services.store.transact(move)
    services.queue.enqueue(tuple(effects(read_batch(services.store, task.batch_id), professional)))

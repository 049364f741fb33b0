"""When a learner may draw a batch: enough transitions are there, and they have not been drawn often enough yet."""

import numpy as np
from numpy.typing import NDArray

from ...policies.learning.losses import Batch
from ...policies.learning.settings import LearningSettings
from .replay import ReplayStore

__all__ = ["LEAST_PRIORITY", "BatchDrawer", "is_due"]

LEAST_PRIORITY = 1e-3
"""Added to the priority of a transition, so that one whose value is right is still drawn now and then."""


def is_due(written: int, available: int, batches: int, settings: LearningSettings) -> bool:
    """Tell whether another batch may be drawn.

    Parameters
    ----------
    written, available
        Transitions written so far, and those that can be drawn.
    batches
        Batches drawn so far in this run, by all learners.
    settings
        Size of a batch and the replay ratio.

    Examples
    --------
    One batch of 4 for each transition, once there are 4:

    >>> settings = LearningSettings(batch=4, replay_ratio=4)
    >>> [is_due(written, written, 0, settings) for written in (3, 4)]
    [False, True]
    >>> is_due(10, 10, 10, settings), is_due(11, 11, 10, settings)
    (False, True)
    """
    if available < 1 or written < settings.first_batch:
        return False
    return (batches + 1) * settings.batch <= written * settings.draws_per_transition


class BatchDrawer:
    """Draws the batches of one learner.

    Parameters
    ----------
    store
        Where from.
    settings
        Size of a batch and the replay ratio.
    stream
        Seed of the draws, a few whole numbers.
    """

    def __init__(self, store: ReplayStore, settings: LearningSettings, stream: tuple[int, ...]) -> None:
        self._store, self._settings = store, settings
        self._generator = np.random.default_rng([*stream, 0xBA7C])

    def is_due(self, batches: int) -> bool:
        """Tell whether another batch may be drawn when all learners have drawn that many."""
        return is_due(self._store.written, self._store.available, batches, self._settings)

    def draw(self) -> Batch:
        """Return a batch."""
        settings = self._settings
        return self._store.draw(self._generator, settings.batch, settings.prioritisation, settings.importance)

    def learned(self, batch: Batch, differences: NDArray[np.float32]) -> None:
        """Note by how much the values of a batch were off, where that decides what is drawn next."""
        if self._settings.prioritisation:
            self._store.set_priorities(batch.rows, np.abs(differences) + LEAST_PRIORITY)

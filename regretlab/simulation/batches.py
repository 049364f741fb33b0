"""A run of batches on one accelerator, on frame boundaries, with the store of outputs that every clock uses."""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..rules import store
from ..theory.batching import Batches
from .events.engine import LONGEST_DELAY, Outputs
from .tallies._kernels import DISPATCHED, OVERWRITTEN

__all__ = ["BatchRun"]


class BatchRun:
    """Batches back to back: each on the first boundary at which the accelerator is idle, with all new observations.

    Nothing is random, so that the frames repeat once two batches have had the same size.

    Parameters
    ----------
    batches
        Their law and most items.
    outputs
        What becomes of outputs.
    """

    def __init__(self, batches: Batches, outputs: Outputs) -> None:
        if batches.frames(batches.most) > LONGEST_DELAY:
            raise InputError(f"a batch may take {LONGEST_DELAY} frames, not {batches.frames(batches.most)}")
        counts = np.zeros(store.COUNTS, np.int64)
        counts[store.MOST], counts[store.LIMIT] = outputs.most, outputs.limit
        counts[store.OLDEST] = outputs.oldest_first
        ranks = np.array(outputs.ranks, np.int64)
        room = 2 << batches.most.bit_length()
        waiting, kept = np.zeros((room, store.COLUMNS)), np.zeros((2 * room, store.COLUMNS))
        start, newest, size = 0, -1, 0
        due: list[int] = []  # observations of the batch that ends next
        while True:
            items = min(batches.most, start - newest)
            for observed in due:
                store.add(counts, waiting, start, observed, float(observed), 0, 0)
            due, newest = [start - item for item in range(items)], start
            end = start + batches.frames(items)
            served = np.zeros(end - start, np.int32)
            for frame in range(start, end):
                if store.take(counts, waiting, kept, ranks, frame) >= 0:
                    served[frame - start] = frame - counts[store.TAKEN]
            if items == size and start > 2 * (end - start):
                break
            start, size = end, items
        self._pattern, self._items = served, items
        self._served = np.zeros(0, np.int32)
        self._frame = 0
        self.reach = int(served.max(initial=0))

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next ``count`` frames; return their delays, 0 for the default."""
        cycle, first = len(self._pattern), self._frame
        self._frame += count
        batches = -(-self._frame // cycle) - -(-first // cycle)
        row[DISPATCHED] += batches * self._items
        row[OVERWRITTEN] += batches * (self._items - int(np.count_nonzero(self._pattern)))
        self._served = self._pattern[np.arange(first, self._frame) % cycle]
        return self._served

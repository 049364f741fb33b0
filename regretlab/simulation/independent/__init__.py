"""Workers that run independently of each other, back to back: the fast path of the simulator for the default rule."""

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import Law
from ...rules.store import MOST_KEPT
from ..events.engine import Outputs
from ._kernels import CONTROL, DONE, DRAWN, FAR, FIRST, LAST, OUT_OF_TIMES, TOGETHER, USED, serve

__all__ = ["MOST_WORKERS", "IndependentRun"]

MOST_WORKERS = 1024
"""Each is looked at once in 64 frames; more are played as events, whose cost does not depend on their number."""

MOST_EXACT = 64
"""Outputs kept, of stores with a limit of their own: all are looked at once in 64 frames."""

FEWEST_TIMES = 1 << 12
MOST_TIMES = 1 << 15
"""Inference times drawn at once; more cost twice as much each, since their memory is fetched anew from the system."""


class IndependentRun:
    """A run of workers that each start again at once when they finish, served a block of frames at a time.

    Parameters
    ----------
    law
        Of the inference times.
    frame_time
        Seconds of a frame.
    workers
        Their number; each begins at an independent uniform point of an inference time.
    seed
        Of the inference times and the beginnings.
    block
        Frames of the longest block.
    outputs
        What becomes of outputs: dropped, or kept, all or at most ``MOST_EXACT``, the freshest first.
    cancel_after
        Seconds after which an inference is given up.
    """

    def __init__(
        self,
        law: Law,
        frame_time: float,
        workers: int,
        seed: np.random.SeedSequence,
        block: int,
        outputs: Outputs,
        cancel_after: float,
    ) -> None:
        time_seed, phase_seed = seed.spawn(2)
        self._law, self._frame_time = law, frame_time
        self._most, self._limit = outputs.most, min(FAR, outputs.limit)
        self._rng = np.random.default_rng(time_seed)
        offsets = np.random.default_rng(phase_seed).random(workers) * min(law.mean(), cancel_after)
        self._starts = offsets / frame_time
        self._cancel_after = min(float(FAR), cancel_after / frame_time)
        self._times = np.empty(0)
        self._control = np.zeros(CONTROL, np.int64)
        self._new, self._rank = np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
        self._outputs = np.zeros(2 * TOGETHER, np.int64)
        self._counts = np.zeros(TOGETHER + 1, np.int64)
        few = outputs.most if outputs.most <= MOST_EXACT else 0
        self._few = np.zeros(max(few - 1, min(few, 1)).bit_length(), np.uint64)
        self._served = np.zeros(block + TOGETHER + 1, np.int32)
        self._frame, self.reach = 0, 1  # chains keep a frame before the first even where none is served

    @staticmethod
    def plays(workers: float, outputs: Outputs) -> bool:
        """Return whether it plays so many workers of an independent rule and what becomes of their outputs."""
        few = outputs.most <= MOST_EXACT
        freshest = not outputs.oldest_first and not outputs.ranks
        return workers <= MOST_WORKERS and (few or outputs.most == MOST_KEPT) and freshest

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next ``count`` frames; return their delays, 0 for the default, valid until the next call."""
        end = self._frame + count
        while True:
            outcome = serve(
                self._starts, self._times, self._control, self._cancel_after, self._most > 0,
                self._limit, self._most, self._new, self._rank, self._counts, self._outputs, self._few,
                self._served, self._frame, end, row,
            )  # fmt: skip
            if outcome == DONE:
                break
            if outcome == OUT_OF_TIMES:
                self._times, self._control[USED] = self._more_times(), 0
            else:
                self._make_room()
        self._frame = end
        self.reach = max(self.reach, int(self._served[:count].max(initial=0)))
        return self._served

    def _make_room(self) -> None:
        """Lengthen the arrays that are full; outputs that may still act move to the front of theirs."""
        first, last, drawn = (int(self._control[place]) for place in (FIRST, LAST, DRAWN))
        if drawn == len(self._new):
            self._new, self._rank = (np.concatenate([array, np.zeros_like(array)]) for array in (self._new, self._rank))
        length = len(self._outputs)
        if last + drawn == length:
            longer = np.zeros(length if 2 * (last - first + drawn) < length else 2 * length, np.int64)
            longer[: last - first] = self._outputs[first:last]
            self._outputs, self._control[FIRST], self._control[LAST] = longer, 0, last - first

    def _more_times(self) -> NDArray[np.float64]:
        times = self._law.sample(self._rng, min(MOST_TIMES, max(FEWEST_TIMES, 2 * len(self._times))))
        if not times.min() > 0:
            raise InputError(f"inference times must be positive: {self._law.text} gave {times.min():g}")
        times *= 1.0 / self._frame_time
        return times

"""Emulated inference times: a reproducible stream of a law for each worker, or the times a run recorded, in order."""

from collections.abc import Sequence

import numpy as np

from ..laws import Law

__all__ = ["LEARNER_STREAM", "LatencyStream", "ReplayedLatencies"]

LEARNER_STREAM = 1_000_000
"""Learner l draws its emulated times and its batches from stream ``LEARNER_STREAM + l``; workers have 0, 1, ..."""
_BLOCK = 256


class LatencyStream:
    """The inference times of one worker, drawn from a law.

    Parameters
    ----------
    law
        The law, seconds.
    seed, worker, attempt
        Name the stream: the same three give the same times on the real and on the virtual clock.
    """

    def __init__(self, law: Law, seed: int, worker: int, attempt: int = 0) -> None:
        self._law = law
        self._random = np.random.default_rng([seed, worker, attempt, 0x1A7E])
        self._block: list[float] = []
        self.warm_up = self.next()
        """A first time, drawn before the run: what a worker sees in its warm-up."""

    @classmethod
    def of(cls, law: Law | None, seed: int, worker: int, attempt: int = 0) -> "LatencyStream | None":
        """Return the stream of that law, or None for None."""
        return None if law is None else cls(law, seed, worker, attempt)

    def next(self) -> float:
        """Return the next inference time in seconds."""
        if not self._block:
            self._block = self._law.sample(self._random, _BLOCK)[::-1].tolist()
        return self._block.pop()


class ReplayedLatencies(LatencyStream):
    """The inference times one worker had in a recorded run, in their order, and after them times of their law.

    Parameters
    ----------
    times
        Seconds, in the order of their starts.
    first_estimate
        What the run's warm-up measured, seconds.
    law, seed, worker
        The stream that follows.
    """

    def __init__(self, times: Sequence[float], first_estimate: float, law: Law, seed: int, worker: int) -> None:
        super().__init__(law, seed, worker)
        self.warm_up = first_estimate
        self._block = list(times)[::-1]

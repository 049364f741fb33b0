r"""Frame pool of N workers with exponential times, exactly: the chain of how many are in service (D/M/N/N, Palm 1943).

Without memory each inference in service lasts another frame with probability q = e^{-mu}. The number in service just
after a boundary moves n -> min(N, Binomial(n, q) + 1). A dispatched inference is followed together with the numbers
of older and of fresher ones beside it; for what serves a frame under a hold of h frames, and for the age of
information, the argument is that of ``age_chain``. Derived in docs/theory.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from .frame_service import Ages, FrameService

__all__ = ["MOST_COUNTED", "exponential_pool"]

MOST_COUNTED = 100
"""Workers: larger chains take minutes."""

_END = 1e-15
_TINY = 1e-40


def exponential_pool(workers: int, rate: float, hold: int = 1, *, with_ages: bool = True) -> FrameService:
    """Return the stationary service of N exponential workers.

    Parameters
    ----------
    workers
        N, at least 1.
    rate
        mu, completions per frame of a busy worker.
    hold
        h in frames, at least 1.
    with_ages
        Whether to work out the ages too.

    Examples
    --------
    >>> exponential_pool(4, 0.4).inaction_fraction
    0.34040217518...
    """
    from scipy.stats import binom

    stay = math.exp(-rate)
    numbers = np.arange(workers + 1)
    survivors = _flushed(np.asarray(binom.pmf(numbers[None, :], numbers[:, None], stay), dtype=np.float64))
    before = _before_dispatch(survivors)
    delays = _delays(before, survivors, stay, hold)
    phi = 1.0 - float(delays.sum())
    if hold == 1:  # without the rounding of a sum over delays
        after = np.concatenate([[0.0], before[:-1]])
        after[-1] += before[-1]
        phi = float(after @ stay**numbers)
    service = FrameService(max(0.0, phi), delays, "exact", blocking=float(before[-1]))
    return service.aged(_ages(before, survivors, stay, hold)) if with_ages else service


def _before_dispatch(survivors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the stationary law of the number in service just before a dispatch, shape (N+1,)."""
    workers = len(survivors) - 1
    transition = survivors[np.minimum(np.arange(workers + 1) + 1, workers)]
    system = np.vstack([(transition.T - np.eye(workers + 1))[:-1], np.ones(workers + 1)])
    right = np.zeros(workers + 1)
    right[-1] = 1.0
    return np.maximum(np.linalg.solve(system, right), 0.0)


def _flushed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop what matters to no digit: processors multiply numbers near the smallest there are a hundred times slower."""
    counts[counts < _TINY] = 0.0
    return counts


def _join(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dispatch where a worker is idle: split counts[older, fresher] into those who dispatched and those who did not."""
    total = np.add.outer(np.arange(counts.shape[0]), np.arange(counts.shape[1]))
    idle = total < counts.shape[0] - 1
    dispatched = np.zeros_like(counts)
    dispatched[:, 1:] = np.where(idle, counts, 0.0)[:, :-1]
    return dispatched, np.where(idle, 0.0, counts)


def _delays(before: NDArray[np.float64], survivors: NDArray[np.float64], stay: float, hold: int) -> NDArray[np.float64]:
    """Follow a dispatched inference, with [older, fresher] ones beside it (itself among the older)."""
    workers = len(before) - 1
    exactly = stay ** (hold - 1) * (1.0 - stay)  # completes exactly hold frames from now
    in_time = 1.0 - stay**hold
    delays = [0.0] * hold + [float(before[:-1].sum()) * in_time]
    followed = np.zeros((workers + 1, workers + 1))
    followed[1:, 0] = before[:-1]
    fresher = np.arange(workers + 1)
    missing = (1.0 - exactly) ** fresher
    missing_new = (1.0 - exactly) ** np.maximum(fresher - 1, 0) * (1.0 - in_time)
    others = np.zeros_like(survivors)  # the followed one stays for certain, its `older - 1` companions as they may
    others[1:, 1:] = survivors[:-1, :-1]
    while followed.sum() > _END:
        moved = _flushed(stay * (others.T @ followed @ survivors))
        joined, blocked = _join(moved)
        delays.append(exactly * float((joined @ missing_new + blocked @ missing).sum()))
        followed = joined + blocked
    return np.array(delays)


def _ages(before: NDArray[np.float64], survivors: NDArray[np.float64], stay: float, hold: int) -> Ages:
    """Follow, from boundary k - m, the paths on which nothing dispatched since then completes by k - hold."""
    workers = len(before) - 1
    young = np.arange(workers + 1)
    first = np.zeros((workers + 1, workers + 1))  # paths[older, young] on which boundary k - m dispatched
    first[:-1, 1] = before[:-1]
    without = np.zeros_like(first)  # ... and on which all workers were busy then
    without[-1, 0] = before[-1]
    lasting = stay ** (hold * young)
    lasting_less = stay ** np.maximum(hold * young - 1, 0)  # the first needs to last only until k - 1
    above, standing = [1.0] * hold, [0.0] * (hold + 1)
    for step in itertools.count():
        above.append(float((first @ lasting + without @ lasting).sum()))
        if step > 0:
            standing.append(above[-2] - float((first @ lasting_less + without @ lasting).sum()))
        if above[-1] < _END:
            break
        first, without = (np.add(*_join(_flushed((survivors.T @ paths) * stay**young))) for paths in (first, without))
    return Ages(np.array(above), np.maximum(np.array(standing), 0.0))

"""How many workers: for zero inaction, for little inaction, and where more workers slow each other down.

Closed forms of docs/theory; the inverse questions of ``planning`` start from these.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..laws import FRAME_TOLERANCE, Law
from ..laws.law import check_frame_time
from .loss_formulas import blocking_bound

__all__ = ["PoolSize", "contended", "workers_for_inaction", "workers_under_contention"]


@dataclass(frozen=True)
class PoolSize:
    """A frame pool that is large enough.

    Attributes
    ----------
    workers
        N.
    hold
        h in frames.
    blocking_bound
        Rigorous bound on the fraction of boundaries without an idle worker.
    late_fraction
        P(D > h).
    inaction_bound
        Their sum: a bound on phi.
    """

    workers: int
    hold: int
    blocking_bound: float
    late_fraction: float

    @property
    def inaction_bound(self) -> float:
        """A bound on phi: a frame is served if its inference was dispatched and took at most h frames."""
        return self.blocking_bound + self.late_fraction


def workers_for_inaction(law: Law, frame_time: float, inaction: float) -> PoolSize:
    """Return a frame pool with hold whose inaction fraction is at most ``inaction``, for certain.

    h = ceil(quantile_{1 - eps/2}(T) / frame_time), and the smallest N with a blocking bound of at most eps/2.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    inaction
        eps, in (0, 1).

    Raises
    ------
    InputError
        If eps is not in (0, 1), or the law's tail is too heavy to tabulate.

    References
    ----------
    Derived in docs/theory ("Workers for inaction <= eps").

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> size = workers_for_inaction(parse_law("gamma(4, scale=0.8)"), 1.0, 0.01)
    >>> size.workers, size.hold, size.inaction_bound <= 0.01
    (6, 9, True)
    """
    if not 0 < inaction < 1:
        raise InputError(f"inaction fraction must lie in (0, 1), not {inaction!r}")
    frame_time = check_frame_time(frame_time)
    pmf = law.frame_pmf(frame_time, tail=1e-6 * inaction)
    late = np.maximum(1.0 - np.cumsum(pmf), 0.0)
    hold = max(1, int(np.flatnonzero(late <= 0.5 * inaction)[0]))
    # the mean number in service that are older than the table reaches: each may block
    older = max(0.0, law.mean_delay_frames(frame_time) - float(late.sum()))
    spare = 0.5 * inaction - older
    if not spare > 0:
        raise InputError(f"the tail of {law.text} is too heavy to bound the blocking of a pool by {0.5 * inaction:g}")
    low, high = 0, len(pmf)
    while high - low > 1:  # the bound falls with N, and a worker for each age never blocks
        middle = (low + high) // 2
        low, high = (low, middle) if blocking_bound(pmf, middle) <= spare else (middle, high)
    return PoolSize(high, hold, blocking_bound(pmf, high) + older, float(late[hold]))


def contended(law: Law, workers: int, contention: float) -> Law:
    """Return the law of an inference beside N - 1 others that slow it down: T(N) = T (1 + chi (N - 1)).

    Parameters
    ----------
    law
        Law of an inference that runs alone, seconds.
    workers
        N, at least 1.
    contention
        chi >= 0: how much longer each other worker makes it, as a fraction (0: none; 1: they take turns on one core).

    Examples
    --------
    >>> from regretlab.laws import constant
    >>> contended(constant(0.1), 5, 0.25).mean()
    0.2
    """
    if workers < 1 or workers != int(workers):
        raise InputError(f"workers must be a whole number of at least 1, not {workers!r}")
    if not (math.isfinite(contention) and contention >= 0):
        raise InputError(f"contention must be finite and at least 0, not {contention!r}")
    return law.scaled(1.0 + contention * (workers - 1))


def workers_under_contention(frames: float, contention: float) -> int:
    """Return N*, the fewest workers that leave no inaction when each slows the others down.

    N >= x_1 (1 + chi (N - 1)) gives N* = ceil(x_1 (1 - chi)/(1 - chi x_1)), which exists if and only if chi x_1 < 1
    (or one worker is enough).

    Parameters
    ----------
    frames
        x_1: frames that one inference alone takes (its maximum).
    contention
        chi, as in ``contended``.

    Raises
    ------
    InputError
        If no number of workers is enough.

    Examples
    --------
    >>> workers_under_contention(6.0, 0.0), workers_under_contention(6.0, 0.1)
    (6, 14)
    """
    if not (math.isfinite(frames) and frames > 0):
        raise InputError(f"inference time in frames must be positive and finite, not {frames!r}")
    if not (math.isfinite(contention) and contention >= 0):
        raise InputError(f"contention must be finite and at least 0, not {contention!r}")
    if frames <= 1.0 + FRAME_TOLERANCE:
        return 1
    if contention * frames >= 1.0:
        raise InputError(
            f"no number of workers is enough: contention {contention:g} times {frames:g} frames must be below 1"
        )
    return max(1, math.ceil(frames * (1.0 - contention) / (1.0 - contention * frames) - FRAME_TOLERANCE))

"""Frame pools of finitely many workers: which exact chain serves a law.

At each boundary an idle worker, if there is one, is dispatched; an inference of D frames frees its worker D frames
later. One worker, and constant times, are renewal cycles; exponential times are counted (``count_chain``); any other
law is cut to finitely many frames and the ages in service are the state (``age_chain``).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...laws import Law
from .age_chain import age_chain
from .count_chain import MOST_COUNTED, exponential_pool
from .frame_service import Ages, FrameService, renewal_ages
from .unlimited_pool import held

__all__ = ["constant_pool", "finite_pool", "single_worker_pool"]

_TAILS = (1e-10, 1e-8, 1e-6)
_NEGLIGIBLE = 1e-12


def constant_pool(delay: int, workers: int, hold: int = 1) -> FrameService:
    """Return the service of N workers whose inferences all take ``delay`` frames.

    N inferences start at successive boundaries, then the pool waits for the first: N of every ``delay`` frames are
    served.

    Examples
    --------
    >>> pool = constant_pool(5, 2)
    >>> pool.inaction_fraction, pool.delay_law.tolist(), pool.mean_age
    (0.6, [0.0, 0.0, 0.0, 0.0, 0.0, 0.4], 6.7)
    """
    served = min(1.0, workers / delay)
    effect = max(delay, hold)
    delays = np.zeros(effect + 1)
    delays[effect] = served
    gap = max(1, delay - workers + 1)  # frames between the last action of a round and the first of the next
    above = np.concatenate([np.ones(effect), np.arange(gap - 1, -1, -1) / delay])
    standing = np.concatenate([np.zeros(effect + 1), np.full(gap - 1, 1.0 / delay)])
    ages = Ages(above, standing)
    return FrameService(1.0 - served, delays, "closed-form", (), ages.mean(), ages.peak(), 1.0 - served)


def single_worker_pool(pmf: NDArray[np.float64], hold: int = 1) -> FrameService:
    """Return the service of one worker that observes again at the boundary where it is free.

    Cycles of D frames, one output each, in order: a_j = P(max(D, h) = j) / E D.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    hold
        h in frames, at least 1.
    """
    frames = np.arange(len(pmf))
    mean, square = float(pmf @ frames), float(pmf @ frames**2)
    law = held(pmf, hold)
    age, peak = renewal_ages(float(law @ np.arange(len(law))), mean, square)
    return FrameService(1.0 - 1.0 / mean, law / mean, "closed-form", (), age, peak, 1.0 - 1.0 / mean)


def finite_pool(
    law: Law, frame_time: float, workers: int, hold: int = 1, *, with_ages: bool = True
) -> FrameService | None:
    """Return the stationary service of a finite frame pool, or None if no exact chain is small enough.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    workers
        N, at least 1.
    hold
        h in frames, at least 1 (1: released on completion).
    with_ages
        Whether to work out the ages too, which takes most of the time.
    """
    if law.memoryless and 1 < workers <= MOST_COUNTED:
        return exponential_pool(workers, frame_time / law.mean(), hold, with_ages=with_ages)
    for tail in (1e-13, *_TAILS) if workers == 1 else _TAILS:
        pmf = law.frame_pmf(frame_time, tail=tail)
        cut = max(0.0, 1.0 - float(pmf.sum()))
        pmf[-1] += cut
        note = f"delays above {len(pmf) - 1} frames (probability {cut:.1e}) count as that many"
        notes = (note,) if cut > _NEGLIGIBLE else ()
        certain = np.flatnonzero(pmf >= 1.0 - _NEGLIGIBLE)
        if certain.size:
            return constant_pool(int(certain[0]), workers, hold)
        if workers == 1:
            service = single_worker_pool(pmf, hold)
        else:
            chain = age_chain(pmf, workers)
            if chain is None:
                continue
            service = chain.service(hold, with_ages=with_ages)
        return replace(service, assumptions=notes)
    return None

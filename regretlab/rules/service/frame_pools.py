r"""The service law of frame pools: unlimited, finite, and how often a finite one has no idle worker.

With a worker idle at every boundary one inference starts at each. Outputs are held to h frames (h = 1: not at all),
so an output of delay D takes effect after H = max(D, h). With h_j = P(H = j) an inference from j frames ago serves
this frame if it takes effect now and no fresher one does:

.. math:: a_j = h_j \prod_{i<j} (1 - h_i), \quad \phi = \prod_j (1 - h_j), \quad
          P(A > m) = \prod_{i \le m} P(H > i), \quad s_m = P(H \le m - 1) \prod_{i<m} P(H > i).

In a finite pool an inference of D frames frees its worker D frames after its dispatch. One worker, and constant times,
are renewal cycles; exponential times are counted and any other law, cut to finitely many frames, is a chain of the ages
in service (``pool_chains``). Derived in docs/theory.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...laws import Law
from ...laws.law import LongTailError
from .cycles import second_moment
from .frame_service import LONGEST_AGES, Ages, NoClosedForm, ServiceInFrames, ServiceRequest, renewal_ages
from .pool_chains import MOST_COUNTED, age_chain, exponential_pool

__all__ = [
    "UNBLOCKED",
    "blocking_bound",
    "constant_pool",
    "finite_pool",
    "frame_pool",
    "held",
    "single_worker_pool",
    "unlimited_pool",
    "values_of_holds",
]

UNBLOCKED = 1e-12
"""Share of boundaries without an idle worker below which a finite pool counts as unlimited."""

_NEARLY_UNBLOCKED = 1e-4
_TAILS = (1e-10, 1e-8, 1e-6)
_NEGLIGIBLE = 1e-12


def frame_pool(request: ServiceRequest) -> ServiceInFrames:
    """Return the service of the pools: exact, or of the unlimited pool where the finite one is next to it.

    Raises
    ------
    NoClosedForm
        If the finite pool's chain is too large and its blocking is not negligible.
    """
    pmf, notes = request.delays()
    blocked = 0.0 if math.isinf(request.workers) else blocking_bound(pmf, int(request.workers))
    if blocked >= UNBLOCKED:
        service = finite_pool(request.law, request.frame_time, int(request.workers), request.hold)
        if service is not None:
            return service
        if blocked > _NEARLY_UNBLOCKED:
            raise NoClosedForm(
                f"a frame pool of {request.workers:g} workers with inference time {request.law.text}"
                " has too many states for the exact chain: simulate it"
            )
        notes = (*notes, f"no worker is idle at up to {blocked:.1g} of the boundaries: phi may be larger by that much")
    service = unlimited_pool(pmf, request.hold)
    method = service.method if request.constant_time() is None else "closed-form"
    return replace(service, method=method, assumptions=(*service.assumptions, *notes))


def held(pmf: NDArray[np.float64], hold: int) -> NDArray[np.float64]:
    """Return the law of max(D, hold), shape (max(J, hold)+1,).

    Examples
    --------
    >>> held(np.array([0.0, 0.2, 0.5, 0.3]), 2)
    array([0. , 0. , 0.7, 0.3])
    """
    result = np.zeros(max(len(pmf), hold + 1))
    result[hold] = pmf[: hold + 1].sum()
    result[hold + 1 : len(pmf)] = pmf[hold + 1 :]
    return result


def unlimited_pool(pmf: NDArray[np.float64], hold: int = 1) -> ServiceInFrames:
    """Return the service of the unlimited frame pool.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    hold
        h in frames, at least 1.

    Examples
    --------
    >>> pool = unlimited_pool(np.array([0.0, 0.2, 0.5, 0.3]))
    >>> round(pool.inaction_fraction, 12), round(1 - float(pool.in_order_law.sum()), 12)
    (0.28, 0.328)
    """
    law = held(pmf, hold)
    none_fresher = np.concatenate([[1.0], np.cumprod(1.0 - law)])
    delays = law * none_fresher[:-1]
    above_delay = np.maximum(1.0 - np.cumsum(law), 0.0)
    above_delay[-1] = 0.0
    above = np.cumprod(above_delay).astype(np.float64)
    above_before = np.concatenate([[1.0], above[:-1]])
    below_before = np.concatenate([[0.0], 1.0 - above_delay[:-1]])
    ages = Ages(above, above_before * below_before)
    return ServiceInFrames(
        float(none_fresher[-1]),
        delays,
        "series",
        ("a worker is idle at every boundary",),
    ).aged(ages)


def values_of_holds(
    pmf: NDArray[np.float64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return phi(h) and S(h) = sum_j a_j w_j for every hold.

    .. math:: \phi(h) = (1 - F_h) \prod_{j>h} (1 - f_j), \quad
              S(h) = F_h w_h + (1 - F_h) \sum_{j>h} f_j w_j \prod_{h<i<j} (1 - f_i)

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    worth
        w_j of an action j frames old, shape (J+1,).

    Returns
    -------
    phi, value
        Shape (J+1,), index = h; entry 0 equals entry 1.

    Examples
    --------
    >>> phi, value = values_of_holds(np.array([0.0, 0.2, 0.5, 0.3]), 0.9 ** np.arange(4))
    >>> value.round(5)
    array([0.59148, 0.59148, 0.63261, 0.729  ])
    """
    longest = len(pmf) - 1
    below = np.minimum(np.cumsum(pmf), 1.0)
    below[-1] = 1.0
    empty, later = np.ones(longest + 1), np.zeros(longest + 1)
    for h in range(longest - 1, -1, -1):
        empty[h] = (1.0 - pmf[h + 1]) * empty[h + 1]
        later[h] = pmf[h + 1] * worth[h + 1] + (1.0 - pmf[h + 1]) * later[h + 1]
    phi = (1.0 - below) * empty
    value = below * worth + (1.0 - below) * later
    phi[0], value[0] = phi[min(1, longest)], value[min(1, longest)]
    return phi, value


def constant_pool(delay: int, workers: int, hold: int = 1) -> ServiceInFrames:
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
    return ServiceInFrames(1.0 - served, delays, "closed-form", blocking=1.0 - served).aged(ages)


def single_worker_pool(
    pmf: NDArray[np.float64], hold: int = 1, mean: float | None = None, square: float | None = None
) -> ServiceInFrames:
    """Return the service of one worker that observes again at the boundary where it is free.

    Cycles of D frames, one output each, in order: a_j = P(max(D, h) = j) / E D.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    hold
        h in frames, at least 1.
    mean, square
        E D and E D^2 where the table leaves out too much of them.
    """
    frames = np.arange(len(pmf))
    listed = float(pmf @ frames)
    mean = listed if mean is None else mean
    square = float(pmf @ frames**2) if square is None else square
    law = held(pmf, hold)
    age, peak = renewal_ages(float(law @ np.arange(len(law))) + mean - listed, mean, square)
    ages = None
    if len(pmf) <= LONGEST_AGES:
        # an output of delay M = max(D, h) acts until the next one, D + M' frames after its observation
        later = np.append(np.maximum(0.0, 1.0 - np.cumsum(law)), 0.0)  # P(M' > i)
        shares = np.zeros(len(pmf) + len(law))
        for d in np.flatnonzero(pmf):
            first = max(int(d), hold)
            shares[first : d + len(later)] += pmf[d] * later[first - d :]
        ages = Ages.in_order(shares / shares.sum(), law / mean)
    idle = 1.0 - 1.0 / mean
    return ServiceInFrames(idle, law / mean, "closed-form", (), age, peak, idle, ages=ages)


def finite_pool(
    law: Law, frame_time: float, workers: int, hold: int = 1, *, with_ages: bool = True
) -> ServiceInFrames | None:
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
        try:
            pmf = law.frame_pmf(frame_time, tail=tail)
        except LongTailError:
            continue
        cut = max(0.0, 1.0 - float(pmf.sum()))
        pmf[-1] += cut
        note = f"delays above {len(pmf) - 1} frames (probability {cut:.1e}) count as that many"
        notes = (note,) if cut > _NEGLIGIBLE else ()
        certain = np.flatnonzero(pmf >= 1.0 - _NEGLIGIBLE)
        if certain.size:
            return constant_pool(int(certain[0]), workers, hold)
        if workers == 1:
            mean, square = law.mean_delay_frames(frame_time), second_moment(law, frame_time, pmf)
            service = single_worker_pool(pmf, hold, mean, square)
        else:
            chain = age_chain(pmf, workers)
            if chain is None:
                continue
            service = chain.service(hold, with_ages=with_ages)
        return replace(service, assumptions=notes)
    return None


def blocking_bound(pmf: NDArray[np.float64], workers: int) -> float:
    """Return P(at least N of the independent events D_j > j happen), a bound on the blocking of N workers.

    A pool without limit has an inference of age j in service with probability P(D > j), independently; a finite pool
    has no more in service, so it blocks no more often. Derived in docs/theory.

    Parameters
    ----------
    pmf
        Law of the delay D in frames, shape (J+1,).
    workers
        N, at least 1.

    Examples
    --------
    >>> round(blocking_bound(np.array([0.0, 0.2, 0.5, 0.3]), 2), 12)
    0.24
    """
    busy = np.maximum(0.0, 1.0 - np.cumsum(pmf))[1:]  # P(D > j) for j = 1, 2, ...
    busy = busy[busy > 0]
    if len(busy) < workers:
        return 0.0
    counts = np.zeros(workers + 1)  # the last entry gathers "N or more"
    counts[0] = 1.0
    for q in busy:
        moved = counts * q
        counts -= moved
        counts[1:] += moved[:-1]
        counts[-1] += moved[-1]
    return min(1.0, float(counts[-1]))  # rounding may take the sum past 1

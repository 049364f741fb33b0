"""Frame pools of finitely many workers: exact stationary chains, Palm's loss formula, and a rigorous blocking bound.

At each boundary an idle worker, if there is one, is dispatched; an inference of D frames frees its worker at the
boundary where its output takes effect. Exponential times are memoryless, so counting the busy workers is enough (the
loss system D/M/N/N, Palm 1943); any other law is cut to finitely many frames and the set of ages in service is the
state.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import binom

from ..errors import InputError
from ..laws import Law

__all__ = ["PoolService", "blocking_bound", "erlang_b", "exponential_pool", "finite_pool", "palm_loss", "residual_pool"]

_MOST_STATES = 60_000
_TAILS = (1e-10, 1e-8, 1e-6)


@dataclass(frozen=True)
class PoolService:
    """Stationary service of a finite frame pool.

    Attributes
    ----------
    inaction_fraction
        phi.
    delay_law
        Shape (J+1,), index = frames.
    blocking
        Fraction of boundaries at which no worker is idle.
    assumptions
        What was cut.
    """

    inaction_fraction: float
    delay_law: NDArray[np.float64]
    blocking: float
    assumptions: tuple[str, ...] = ()


def palm_loss(workers: int, rate: float) -> float:
    """Return the blocking probability of N exponential servers with one arrival a frame (D/M/N/N).

    Parameters
    ----------
    workers
        N.
    rate
        mu, completions per frame of a busy worker (frame time over mean inference time).

    Returns
    -------
    float
        1 / sum_{j=0..N} C(N, j) prod_{i=1..j} (e^{i mu} - 1).

    References
    ----------
    Palm 1943; Takacs 1962, "Introduction to the Theory of Queues", ch. 4.

    Examples
    --------
    >>> palm_loss(4, 0.4)
    0.05647881962...
    """
    logs = np.cumsum([0.0, *(math.log(math.expm1(i * rate)) for i in range(1, workers + 1))])
    choose = [math.lgamma(workers + 1) - math.lgamma(j + 1) - math.lgamma(workers - j + 1) for j in range(workers + 1)]
    return float(1.0 / np.exp(logs + choose).sum())


def erlang_b(workers: int, load: float) -> float:
    """Return Erlang's loss probability with Poisson arrivals, by the usual recursion.

    Examples
    --------
    >>> erlang_b(5, 2.5)
    0.06973111681...
    """
    loss = 1.0
    for n in range(1, workers + 1):
        loss = load * loss / (n + load * loss)
    return loss


def blocking_bound(pmf: NDArray[np.float64], workers: int) -> float:
    """Return P(at least N of the independent events D_j > j happen), a bound on the blocking of N workers.

    A pool without limit has an inference of age j in service with probability P(D > j), independently; a finite pool
    has no more in service, so it blocks no more often.

    Parameters
    ----------
    pmf
        Law of the delay D in frames, shape (J+1,).
    workers
        N.

    Examples
    --------
    >>> round(blocking_bound(np.array([0.0, 0.2, 0.5, 0.3]), 2), 12)
    0.24
    """
    busy = np.maximum(0.0, 1.0 - np.cumsum(pmf))[1:]  # P(D > j) for j = 1, 2, ...
    if len(busy) < workers:
        return 0.0
    counts = np.zeros(workers + 1)  # the last entry gathers "N or more"
    counts[0] = 1.0
    for q in busy:
        moved = counts * q
        counts -= moved
        counts[1:] += moved[:-1]
        counts[-1] += moved[-1]
    return float(counts[-1])


def exponential_pool(workers: int, rate: float) -> PoolService:
    """Return the stationary service of N exponential workers.

    The number in service right after a boundary moves n -> min(N, Binomial(n, e^-mu) + 1), and phi is the mean of
    e^{-mu n}. For the delays a dispatched inference is followed with the numbers of older and fresher ones beside it.

    Parameters
    ----------
    workers
        N.
    rate
        mu, completions per frame of a busy worker.

    Examples
    --------
    >>> exponential_pool(4, 0.4).inaction_fraction
    0.34040217518...
    """
    stay = math.exp(-rate)
    survivors = np.array([[binom.pmf(k, n, stay) for k in range(workers + 1)] for n in range(workers + 1)])
    before = _stationary_counts(survivors, workers)  # in service just before a boundary's dispatch
    after = np.concatenate(([0.0], before[:-1]))
    after[-1] += before[-1]
    phi = float(after @ stay ** np.arange(workers + 1))
    # followed[o, f]: the followed inference is in service with o older and f fresher ones
    followed = np.zeros((workers, workers))
    followed[:, 0] = before[:workers]
    delays = [0.0]
    while followed.sum() > 1e-14:
        quiet = stay ** np.arange(workers)  # no fresher one completes in this frame
        delays.append(float((1.0 - stay) * (followed * quiet).sum()))
        moved = stay * np.einsum("of,op,fq->pq", followed, survivors[:-1, :-1], survivors[:-1, :-1])
        followed = np.zeros_like(moved)
        for older in range(workers):
            for fresher in range(workers - older):
                joined = fresher + 1 if older + fresher + 1 < workers else fresher
                followed[older, joined] += moved[older, fresher]
    return PoolService(phi, np.array(delays), float(before[-1]))


def _stationary_counts(survivors: NDArray[np.float64], workers: int) -> NDArray[np.float64]:
    """Return the stationary law of the number in service just before a dispatch."""
    joined = [min(workers, n + 1) for n in range(workers + 1)]
    transition = survivors[joined]
    system = np.vstack([(transition.T - np.eye(workers + 1))[:-1], np.ones(workers + 1)])
    right = np.zeros(workers + 1)
    right[-1] = 1.0
    return np.asarray(np.linalg.solve(system, right))


def residual_pool(pmf: NDArray[np.float64], workers: int) -> PoolService | None:
    """Return the stationary service of N workers with a bounded delay law, exactly; None if the chain is too large.

    The state is the set of ages in service just after a boundary's dispatch; an inference of age a completes in the
    frame with probability P(D = a+1 | D > a), and the youngest that completes serves the next frame.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,), summing to 1.
    workers
        N.

    Examples
    --------
    >>> pool = residual_pool(np.array([0.0, 0.2, 0.5, 0.3]), 2)
    >>> round(pool.inaction_fraction, 12), round(pool.blocking, 12)
    (0.337662337662, 0.155844155844)
    """
    longest = len(pmf) - 1
    total = sum(math.comb(longest, k) for k in range(min(workers, longest) + 1))
    if total > _MOST_STATES:
        return None
    sets = [ages for k in range(min(workers, longest) + 1) for ages in combinations(range(longest), k)]
    number = {ages: index for index, ages in enumerate(sets)}
    above = 1.0 - np.concatenate(([0.0], np.cumsum(pmf[1:])))  # above[a] = P(D > a)
    hazard = np.array([min(1.0, pmf[a + 1] / above[a]) if above[a] > 1e-15 else 1.0 for a in range(longest)])
    hazard[-1] = 1.0
    rows, columns, weights = [], [], []
    for index, ages in enumerate(sets):
        for left, weight in _outcomes(ages, hazard):
            older = tuple(a + 1 for a in left)
            arrived = (0, *older) if len(older) < workers else older
            rows.append(number[arrived])
            columns.append(index)
            weights.append(weight)
    transition = sparse.csr_matrix((weights, (rows, columns)), shape=(len(sets), len(sets)))
    stationary = _power_iteration(transition, number[(0,)])
    delays = np.zeros(longest + 1)
    blocked = 0.0
    for share, ages in zip(stationary, sets, strict=True):
        if share > 0:
            none_younger = share
            for age in ages:
                delays[age + 1] += none_younger * hazard[age]
                none_younger *= 1.0 - hazard[age]
            blocked += share * (not ages or ages[0] != 0)
    return PoolService(float(1.0 - delays.sum()), delays, float(blocked))


def _outcomes(ages: tuple[int, ...], hazard: NDArray[np.float64]) -> list[tuple[tuple[int, ...], float]]:
    """Return which ages are still in service after a frame, with probabilities."""
    results: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for age in ages:
        q = float(hazard[age])
        stayed = [((*kept, age), w * (1.0 - q)) for kept, w in results] if q < 1.0 else []
        left = [(kept, w * q) for kept, w in results] if q > 0.0 else []
        results = stayed + left
    return results


def _power_iteration(transition: sparse.csr_matrix, start: int) -> NDArray[np.float64]:
    """Return the stationary vector of a column-stochastic matrix (averaged, so that periodic chains settle too)."""
    vector = np.zeros(transition.shape[0])
    vector[start] = 1.0
    for _ in range(100_000):
        following = 0.5 * (vector + transition @ vector)
        change = float(np.abs(following - vector).sum())
        vector = following
        if change < 1e-15:
            break
    return np.asarray(vector / vector.sum())


def finite_pool(law: Law, frame_time: float, workers: int) -> PoolService | None:
    """Return the stationary service of a finite frame pool, or None if no exact chain is small enough.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    workers
        N, at least 1.
    """
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}")
    if law.memoryless:
        return exponential_pool(workers, frame_time / law.mean())
    for tail in _TAILS:
        pmf = law.frame_pmf(frame_time, tail=tail).copy()
        cut = 1.0 - pmf.sum()
        pmf[-1] += cut
        pool = residual_pool(pmf, workers)
        if pool is not None:
            note = (
                (f"delays above {len(pmf) - 1} frames (probability {cut:.1e}) count as that many",)
                if cut > 1e-12
                else ()
            )
            return PoolService(pool.inaction_fraction, pool.delay_law, pool.blocking, note)
    return None

"""How often all workers of a pool are busy: Palm's and Erlang's loss formulas, and a rigorous bound for any law."""

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["blocking_bound", "erlang_b", "palm_loss"]


def palm_loss(workers: int, rate: float) -> float:
    """Return the blocking probability of N exponential servers with one arrival a frame (D/M/N/N).

    Parameters
    ----------
    workers
        N, at least 0.
    rate
        mu > 0, completions per frame of a busy worker (frame time over mean inference time).

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
    if workers < 0 or not rate > 0:
        raise InputError(f"workers must be at least 0 and the rate positive, not {workers!r} and {rate!r}")
    powers = rate * np.arange(1, workers + 1)
    logs = np.concatenate([[0.0], np.cumsum(powers + np.log(-np.expm1(-powers)))])  # log(e^y - 1), large y too
    choose = [math.lgamma(workers + 1) - math.lgamma(j + 1) - math.lgamma(workers - j + 1) for j in range(workers + 1)]
    exponents = logs + np.array(choose)
    largest = float(exponents.max())
    return math.exp(-largest) / float(np.exp(exponents - largest).sum())


def erlang_b(workers: int, load: float) -> float:
    """Return Erlang's loss probability with Poisson arrivals, by the usual recursion.

    Parameters
    ----------
    workers
        N, at least 0.
    load
        Arrivals times mean service: E D for one dispatch a frame.

    References
    ----------
    Erlang 1917. Arrivals at every frame are more regular than Poisson ones: it over-states the blocking of a frame
    pool in every case checked, but that is no theorem; ``blocking_bound`` is.

    Examples
    --------
    >>> erlang_b(5, 2.5)
    0.06973111681...
    """
    if workers < 0 or not load > 0:
        raise InputError(f"workers must be at least 0 and the load positive, not {workers!r} and {load!r}")
    loss = 1.0
    for n in range(1, workers + 1):
        loss = load * loss / (n + load * loss)
    return loss


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

"""Intervals for probabilities from counts, exact for a probability named in advance or chosen by the data.

Clopper & Pearson 1934 for a given event. The most likely successor is not given: it is that with the largest count. Its
upper limit needs no correction (the largest count is at least the true mode's count), its lower limit does: the largest
count exceeds k if any successor's does. With q the true mode probability and Binomial tails I_x(k, n-k+1),

    P(some count >= k) <= sum_s' I_{p(s')}(k, n-k+1) <= I_q(k, n-k+1) / q,

because for k >= 2 I_x / x grows with x as long as it is below 1 (for k = 1 it never is) and the p(s') sum to 1. So the
lower limit L solves I_L(k, n-k+1) = alpha L in place of alpha: the Clopper-Pearson limit with its level scaled by L.
Derived in docs/theory, "estimating stochasticity".
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..errors import InputError

__all__ = ["clopper_pearson", "mode_interval"]

_BISECTIONS = 100


def clopper_pearson(count: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Return the exact two-sided interval for a probability, shape (2,) + the common shape of the counts.

    Parameters
    ----------
    count
        Successes; need not be whole (an effective number).
    trials
        Trials, at least ``count``; with no trial the interval is [0, 1].
    confidence
        In (0, 1).

    References
    ----------
    Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".

    Examples
    --------
    >>> clopper_pearson(8, 10).round(4)
    array([0.4439, 0.9748])
    """
    k, n = _counts(count, trials, confidence)
    alpha = 1 - confidence
    with np.errstate(invalid="ignore"):
        lower = np.where(k > 0, special.betaincinv(np.maximum(k, 1e-300), n - k + 1, alpha / 2), 0.0)
        upper = np.where(k < n, special.betaincinv(k + 1, np.maximum(n - k, 1e-300), 1 - alpha / 2), 1.0)
    return np.stack([lower, upper])


def mode_interval(count: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Return the interval for the largest probability of a distribution from its largest count.

    Parameters
    ----------
    count
        The largest count among the outcomes.
    trials
        Number of draws.
    confidence
        In (0, 1); the interval covers the mode probability with at least this probability.

    References
    ----------
    Derived in docs/theory, "estimating stochasticity"; see the module.

    Examples
    --------
    The lower limit is below that of a given event:

    >>> mode_interval(8, 10).round(4)
    array([0.3863, 0.9748])
    """
    k, n = _counts(count, trials, confidence)
    alpha = 1 - confidence
    low, high = np.zeros_like(k), np.where(n > 0, k / np.maximum(n, 1), 0.0)
    # I_x / x is 0 at 0 and crosses alpha/2 once below k/n, or not at all (then the limit is 0).
    crosses = (high > 0) & (special.betainc(np.maximum(k, 1), n - k + 1, high) > alpha / 2 * high)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = special.betainc(np.maximum(k, 1), n - k + 1, middle) > alpha / 2 * middle
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    # A single draw says nothing: I_x / x = 1 everywhere.
    lower = np.where(crosses & (k > 1), low, 0.0)
    return np.stack([lower, clopper_pearson(k, n, confidence)[1]])


def _counts(count: ArrayLike, trials: ArrayLike, confidence: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence} is not in (0, 1)")
    k, n = np.broadcast_arrays(np.asarray(count, np.float64), np.asarray(trials, np.float64))
    if not ((k >= 0) & (k <= n)).all():
        raise InputError("a count lies outside 0..trials")
    return k, n

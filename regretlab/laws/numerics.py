r"""E p^delay and E D of any law from its survival function: sums over frames and integrals, to about 1e-14.

Times in frames; ``survival(x)`` = P(X > x) takes arrays. Identities (summation and integration by parts):

.. math::
    E p^{\lceil x \rceil} = 1 - (1-p) \sum_{n \ge 0} p^n P(X > n), \quad
    E e^{-\theta X} = 1 - \theta \int_0^\infty e^{-\theta t} P(X > t) dt, \quad
    E p^{\lceil u + x \rceil} = p - (1-p) \int_0^\infty p^{\lfloor t \rfloor + 1} P(X > t) dt

A sum is cut where its remainder, bounded by p^n P(X > n), is below 1e-17; a law whose tail is too heavy for that gets
the rest of the sum as an integral (midpoint rule read backwards): such a tail is smooth on the scale of a frame.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned_moment", "laplace_transform", "survival_sum", "time_in_frames", "uniform_phase_moment"]

Survival = Callable[[NDArray[np.float64]], NDArray[np.float64]]

NEGLIGIBLE = 1e-17
LONGEST_SUM = 2**20
LONGEST_GRID = 2**14
DIRECT_BELOW = 0.9


def integrate(function: Survival, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integrals of ``function`` between neighbouring ``points`` (shape (n,), sorted), shape (n-1,).

    All intervals at once: SciPy's adaptive Gauss-Kronrod rule over the unit interval, vector-valued.
    """
    import scipy.integrate

    quad_vec: Any = scipy.integrate.quad_vec
    low, width = points[:-1], np.diff(points)
    # Smooth laws need two or three halvings; the limit is for those whose own cdf is only good to some ten digits.
    values, _ = quad_vec(
        lambda u: width * function(low + u * width), 0.0, 1.0, epsabs=1e-15, epsrel=1e-13, norm="max", limit=24
    )
    return np.asarray(values, dtype=np.float64)


def _far_integral(survival: Survival, lam: float, start: float) -> float:
    """Return the integral of exp(-lam t) P(X > t) from a large ``start`` on, in pieces that grow with t."""

    def weighted(t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-lam * t) * survival(t), dtype=np.float64)

    points = np.asarray(start * 2.0 ** np.arange(900), dtype=np.float64)
    matters = points * weighted(points) > NEGLIGIBLE
    last = int(np.max(np.flatnonzero(matters), initial=-1))
    return math.fsum(integrate(weighted, points[: last + 2])) if last >= 0 else 0.0


def survival_sum(survival: Survival, p: float) -> float:
    """Return sum over n >= 0 of p^n P(X > n), 0 < p <= 1; for p = 1 this is E ceil(X).

    Parameters
    ----------
    survival
        P(X > x), x in frames.
    p
        Weight of a frame.
    """
    log_p = math.log(p)
    total, start, size = 0.0, 0, 256
    while start < LONGEST_SUM:
        frames = np.arange(start, start + size, dtype=np.float64)
        terms = np.exp(log_p * frames) * survival(frames)
        total += math.fsum(terms)
        start += size
        # For p = 1 the last term does not bound the rest: ask for the survival function to be zero to the last bit.
        if terms[-1] <= (NEGLIGIBLE if p < 1 else NEGLIGIBLE * 1e-4):
            return total
        size = min(2 * size, 2**16)
    return total + _far_integral(survival, -log_p, start - 0.5)


def aligned_moment(survival: Survival, cdf: Survival, p: float) -> float:
    """Return E p^ceil(X), 0 < p < 1."""
    if p > DIRECT_BELOW:
        return 1.0 - (1.0 - p) * survival_sum(survival, p)
    # Terms (1-p) p^n P(X <= n) are all positive, so that a small result keeps its relative accuracy.
    log_p = math.log(p)
    total, start, size = 0.0, 1, 256
    while True:
        frames = np.arange(start, start + size, dtype=np.float64)
        total += (1.0 - p) * math.fsum(np.exp(log_p * frames) * cdf(frames))
        start += size
        rest = math.exp(log_p * start)
        if rest * float(survival(frames[-1:])[0]) <= NEGLIGIBLE * total or rest == 0.0:
            return total + rest


def laplace_transform(survival: Survival, theta: float, breaks: NDArray[np.float64]) -> float:
    """Return E exp(-theta X), theta > 0 a frame."""
    end = 745.0 / theta  # beyond it exp(-theta t) is zero in floating point
    scales = np.array([0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0]) / theta
    points = np.unique(np.concatenate([[0.0], scales, breaks, [end]]))
    points = points[points <= end]
    return max(0.0, 1.0 - theta * math.fsum(integrate(lambda t: np.exp(-theta * t) * survival(t), points)))


def time_in_frames(survival: Survival, frames: int, breaks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral of P(X > t) over each of the first ``frames`` frames, shape (frames,)."""
    edges = np.arange(frames + 1, dtype=np.float64)
    points = np.union1d(edges, breaks[breaks < frames])
    parts = integrate(survival, points)
    frame = np.searchsorted(edges, points[:-1], side="right") - 1
    return np.bincount(frame, weights=parts, minlength=frames).astype(np.float64)


def uniform_phase_moment(survival: Survival, p: float, breaks: NDArray[np.float64]) -> float:
    """Return E p^ceil(u + X), u uniform in [0, 1], 0 < p < 1."""
    lam = -math.log(p)
    longest = min(float(LONGEST_GRID), -math.log(NEGLIGIBLE) / lam, float(breaks[-1]))
    frames = math.ceil(longest) + 1
    lasting = time_in_frames(survival, frames, breaks)
    weights = np.exp(-lam * np.arange(1, frames + 1))
    total = math.fsum(weights * lasting)
    if frames > LONGEST_GRID:
        # p^(floor(t)+1) varies smoothly here but for its steps, whose mean against p^t is p lam / (1-p).
        ratio = p * lam / (1.0 - p)
        total += ratio * _far_integral(survival, lam, float(frames))
    return max(0.0, p - (1.0 - p) * total)

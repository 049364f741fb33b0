r"""Closed forms of E p^delay for the laws that have one. All times are in frames, 0 < p < 1, lam = -ln p.

Exponential (shifted by ``start``), uniform on [low, high], gamma(k, scale) with integer k. "Uniform phase" is the delay
ceil(u + x) with u uniform in a frame. Derived in docs/theory.
"""

import math

__all__ = [
    "LARGEST_SHAPE",
    "exponential_aligned",
    "exponential_uniform_phase",
    "gamma_aligned",
    "gamma_uniform_phase",
    "uniform_aligned",
    "uniform_uniform_phase",
]

LARGEST_SHAPE = 30
"""Integer gamma shapes up to this one are summed by polylogarithms; beyond it the series is as good."""


def exponential_aligned(p: float, start: float, mean: float) -> float:
    r"""Return E p^ceil(start + X), X exponential.

    .. math:: p^c \Bigl[1 - \frac{(1-p) e^{-\mu (c - t_0)}}{1 - p e^{-\mu}}\Bigr], \quad c = \lceil t_0 \rceil

    with t_0 the start and mu = 1/mean, written without differences of near numbers.

    Examples
    --------
    >>> round(1 - exponential_aligned(0.9, 1.3, 1.25), 12)
    0.267682385329
    """
    mu = 1.0 / mean
    first = math.ceil(start)
    gap = first - start
    before = -math.expm1(-mu * gap)
    after = -math.expm1(-mu * (1.0 - gap)) * (1.0 - before)
    return p**first * (before + p * after) / ((1.0 - p) - p * math.expm1(-mu))


def exponential_uniform_phase(p: float, start: float, mean: float) -> float:
    r"""Return E p^ceil(u + start + X), X exponential.

    With m = floor(start), f = start - m, A = f + (1 - e^{-mu(1-f)})/mu the mean time that frame m lasts on:

    .. math:: p^{m+1}\Bigl[1 - (1-p)\Bigl(A + \frac{p\,e^{-\mu(1-f)}(1-e^{-\mu})}{\mu(1-p e^{-\mu})}\Bigr)\Bigr]

    Examples
    --------
    >>> round(1 - exponential_uniform_phase(0.9, 0.0, 2.5), 12)
    0.286981985393
    """
    mu = 1.0 / mean
    whole = math.floor(start)
    rest = 1.0 - (start - whole)
    first = (1.0 - rest) - math.expm1(-mu * rest) / mu
    later = -p * math.exp(-mu * rest) * math.expm1(-mu) / mu / ((1.0 - p) - p * math.expm1(-mu))
    return p ** (whole + 1) * (1.0 - (1.0 - p) * (first + later))


def _geometric(p: float, first: int, stop: int) -> float:
    """Return sum of p^k for first <= k < stop."""
    return p**first * math.expm1((stop - first) * math.log(p)) / (p - 1.0) if stop > first else 0.0


def uniform_aligned(p: float, low: float, high: float) -> float:
    """Return E p^ceil(x), x uniform on [low, high]: the mean of a step function, frame by frame.

    Examples
    --------
    >>> uniform_aligned(0.5, 1.0, 3.0)
    0.1875
    """
    first, last = math.floor(low), math.floor(high)
    if first == last:
        return p ** (first + 1)
    total = (first + 1 - low) * p ** (first + 1) + _geometric(p, first + 2, last + 1) + (high - last) * p ** (last + 1)
    return total / (high - low)


def uniform_uniform_phase(p: float, low: float, high: float) -> float:
    """Return E p^ceil(u + x), x uniform on [low, high]: the mean of a piecewise linear function, frame by frame.

    Examples
    --------
    >>> uniform_uniform_phase(0.5, 1.0, 3.0)
    0.140625
    """
    first, last = math.floor(low), math.floor(high)

    def part(frame: int, start: float, end: float) -> float:
        return p ** (frame + 1) * (end - start) * (1.0 - (1.0 - p) * 0.5 * (start + end))

    if first == last:
        return part(first, low - first, high - first) / (high - low)
    between = _geometric(p, first + 2, last + 1) * 0.5 * (1.0 + p)
    return (part(first, low - first, 1.0) + between + part(last, 0.0, high - last)) / (high - low)


def _eulerian(order: int) -> list[int]:
    """Return the Eulerian numbers A(order, 0..order-1): Li_{-order}(z) = z sum_m A(order, m) z^m / (1-z)^{order+1}."""
    row = [1]
    for n in range(2, order + 1):
        row = [(m + 1) * (row[m] if m < n - 1 else 0) + (n - m) * (row[m - 1] if m > 0 else 0) for m in range(n)]
    return row


def gamma_aligned(p: float, shape: int, scale: float) -> float:
    r"""Return E p^ceil(x), x gamma with integer shape.

    .. math:: p - (1-p)\sum_{i<k} \frac{s^{-i}}{i!} \mathrm{Li}_{-i}(z), \qquad z = p e^{-1/s}

    with the polylogarithm of negative order as the rational function of Eulerian numbers (all terms positive).

    Examples
    --------
    >>> round(1 - gamma_aligned(0.9, 4, 0.8), 12)
    0.313302853935
    """
    z = p * math.exp(-1.0 / scale)
    rest = (1.0 - p) - p * math.expm1(-1.0 / scale)
    total = z / rest
    weight = 1.0
    for i in range(1, shape):
        weight /= i * scale * rest
        total += weight * z / rest * math.fsum(number * z**m for m, number in enumerate(_eulerian(i)))
    return p - (1.0 - p) * total


def gamma_uniform_phase(p: float, shape: int, scale: float) -> float:
    """Return E p^ceil(u + x), x gamma with integer shape k: p - (1-p) s sum_{j=1..k} E p^ceil(x_j), x_j gamma(j, s).

    It follows from the time that x spends in a frame being s times the sum over j of P(x_j ends in that frame).
    """
    return p - (1.0 - p) * scale * math.fsum(gamma_aligned(p, j, scale) for j in range(1, shape + 1))

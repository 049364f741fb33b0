"""Standard errors of means of correlated series, by the method of batch means.

A series of n values is cut into B batches of equal length; where a batch is long against the correlation, the batch
means are nearly independent, and their spread gives the standard error s / sqrt(B) with B - 1 degrees of freedom
(Law & Carson 1979; Asmussen & Glynn 2007, Stochastic Simulation, section IV.5). B = sqrt(n), at most 32: batches grow
with the series, and more batches than that narrow the interval by less than 2 %.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["MOST_BATCHES", "BatchMeans", "batch_count", "batch_means", "student_quantile"]

MOST_BATCHES = 32


class BatchMeans(NamedTuple):
    """A mean and its standard error (NaN where the series is too short)."""

    mean: float
    standard_error: float


def batch_count(length: int) -> int:
    """Return how many batches a series of that length is cut into.

    Examples
    --------
    >>> [batch_count(n) for n in (0, 1, 2, 9, 100, 10**6)]
    [0, 1, 2, 3, 10, 32]
    """
    if length < 2:
        return max(length, 0)
    return max(2, min(MOST_BATCHES, math.isqrt(length)))


def batch_means(values: ArrayLike, batches: int | None = None) -> BatchMeans:
    """Return the mean of a series and its standard error.

    Parameters
    ----------
    values
        Array of shape (n,), in order of time.
    batches
        Number of batches, at least 2; default ``batch_count(n)``. Never more than n.

    Returns
    -------
    BatchMeans
        ``mean`` over all values; ``standard_error`` NaN for fewer than two values, 0 for a constant series. When n is
        no multiple of the number of batches, the first few values count for the mean only.

    References
    ----------
    Law & Carson 1979, "A sequential procedure for determining the length of a steady-state simulation".

    Examples
    --------
    >>> batch_means([1.0, 3.0, 1.0, 3.0], batches=4)
    BatchMeans(mean=2.0, standard_error=0.577350...)
    >>> batch_means([5.0] * 100)
    BatchMeans(mean=5.0, standard_error=0.0)
    """
    series = np.asarray(values, dtype=np.float64).ravel()
    count = batch_count(series.size) if batches is None else min(batches, series.size)
    mean = float(series.mean()) if series.size else math.nan
    if count < 2:
        return BatchMeans(mean, math.nan)
    length = series.size // count
    # Deviations from the first value: a constant series has exactly none.
    tail = series[series.size - count * length :] - series[0]
    means = tail.reshape(count, length).mean(axis=1)
    return BatchMeans(mean, float(means.std(ddof=1) / math.sqrt(count)))


def student_quantile(confidence: float, batches: int) -> float:
    """Return by how many standard errors a two-sided interval reaches, for a mean of that many batches.

    Parameters
    ----------
    confidence
        Probability that the interval covers the mean, in (0, 1).
    batches
        Number of batches (or replications), at least 2.

    Examples
    --------
    >>> round(student_quantile(0.95, 32), 4)
    2.0395
    """
    from ..results import interval_quantile

    return interval_quantile(confidence, batches - 1)

"""Standard errors of means of correlated series, by the method of batch means.

A series of n values is cut into B batches of equal length; where a batch is long against the correlation, the batch
means are nearly independent, and their spread gives the standard error s / sqrt(B) with B - 1 degrees of freedom
(Law & Carson 1979; Asmussen & Glynn 2007, Stochastic Simulation, section IV.5). B = sqrt(n), at most 32: batches grow
with the series, and more batches than that narrow the interval by less than 2 %. Where the correlation is long against
a batch the interval is too narrow: ``doubt`` says so.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import next_fast_len

__all__ = ["MOST_BATCHES", "BatchMeans", "batch_count", "batch_means", "correlation_time", "doubt", "student_quantile"]

MOST_BATCHES = 32
FEWEST_CHANGES = 30
BATCH_PER_CORRELATION = 2.5


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


def correlation_time(values: ArrayLike) -> float:
    r"""Return the integrated autocorrelation time of a series: its values count as n/time independent ones.

    Parameters
    ----------
    values
        Array of shape (n,), in order of time; not constant.

    Returns
    -------
    float
        :math:`1 + 2 \sum_{k \le M} \rho_k` in values, with the shortest window M of at least five times the sum; for a
        series of two values at least that of the Markov chain with as many changes, :math:`2 c_0/c - 1` for c changes
        where independent values have :math:`c_0`, which is less noisy.

    References
    ----------
    Sokal 1997, "Monte Carlo methods in statistical mechanics: foundations and new algorithms", section 3.

    Examples
    --------
    >>> float(correlation_time([0.0, 0.0, 0.0, 1.0, 1.0, 1.0] * 50)) > 1.9
    True
    """
    series = np.asarray(values, dtype=np.float64).ravel()
    deviations = series - series.mean()
    length = next_fast_len(2 * series.size, real=True)  # an awkward length takes ten times as long
    spectrum = np.fft.rfft(deviations, length)
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, length)[: series.size]
    sums = 2.0 * np.cumsum(covariances / covariances[0]) - 1.0
    wide = np.arange(series.size) >= 5.0 * sums
    found = float(sums[int(np.argmax(wide))]) if wide.any() else float(series.size)
    if _two_values(series):
        high = float(np.mean(series == series.max()))
        changes = np.count_nonzero(np.diff(series))
        found = max(found, 4.0 * high * (1.0 - high) * series.size / changes - 1.0)
    return max(1.0, found)


def _two_values(series: NDArray[np.float64]) -> bool:
    return bool(np.isin(series, (series.min(), series.max())).all())


def doubt(values: ArrayLike) -> str | None:
    """Return why the interval that batch means give for a series is not to be believed, or None.

    Parameters
    ----------
    values
        Array of shape (n,), in order of time.

    Returns
    -------
    str | None
        A sentence where batches are shorter than 2.5 times the correlation time (their means then are not nearly
        independent, and a 95 % interval may cover less than 90 %), or a series of two values changes fewer than 30
        times. None for a constant series and for fewer than two values, of which batch means give no interval.

    Examples
    --------
    >>> doubt([0.0] * 150 + [1.0] * 150)
    'the series changes 1 times between its two values, and an interval needs 30'
    >>> doubt([0.0, 1.0, 1.0, 0.0, 1.0] * 60) is None
    True
    """
    series = np.asarray(values, dtype=np.float64).ravel()
    if series.size < 2 or series.min() == series.max():
        return None
    changes = np.count_nonzero(np.diff(series))
    if _two_values(series) and changes < FEWEST_CHANGES:
        return f"the series changes {changes} times between its two values, and an interval needs {FEWEST_CHANGES}"
    length, time = series.size // batch_count(series.size), correlation_time(series)
    if length < BATCH_PER_CORRELATION * time:
        return f"successive values are correlated over about {time:.0f}, and batches of {length} are too short for that"
    return None

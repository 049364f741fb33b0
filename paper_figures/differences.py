"""Two means over seeds told apart by the interval of their difference, not by whether their own intervals overlap."""

from collections.abc import Sequence

__all__ = ["CONFIDENCE", "difference", "sign"]

CONFIDENCE = 0.95


def difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the interval of the difference of two means over independent seeds.

    Parameters
    ----------
    first, second
        A value for each seed, at least two of each.

    Returns
    -------
    tuple
        Lower and upper end at ``CONFIDENCE`` (Welch 1947); both are the difference if no value varies.
    """
    import numpy as np
    from scipy import stats

    middle = float(np.mean(first) - np.mean(second))
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    if sum(parts) == 0:
        return middle, middle
    freedom = sum(parts) ** 2 / sum(part**2 / (len(of) - 1) for part, of in zip(parts, (first, second), strict=True))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * sum(parts) ** 0.5)
    return middle - half, middle + half


def sign(interval: tuple[float, float]) -> int:
    """Return 1 for an interval above zero, -1 for one below, 0 for one that holds zero."""
    low, high = interval
    return 1 if low > 0 else -1 if high < 0 else 0

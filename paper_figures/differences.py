"""Two players compared by the interval of their difference, seed by seed, not by whether their intervals overlap."""

from collections.abc import Sequence

__all__ = ["CONFIDENCE", "difference", "sign"]

CONFIDENCE = 0.95


def difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the interval of the mean difference of two players over the same seeds.

    Cells of an experiment share their seeds, and with them much of the luck of the game. Pairs take that out, and are
    right, if wider than need be, where nothing is shared.

    Parameters
    ----------
    first, second
        A value for each seed, in the same order, at least two.

    Returns
    -------
    tuple
        Lower and upper end at ``CONFIDENCE`` (Student's t of the differences); both are the difference if it is the
        same for all seeds.
    """
    import numpy as np
    from scipy import stats

    apart = np.subtract(first, second)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(apart) - 1) * np.std(apart, ddof=1) / len(apart) ** 0.5)
    return float(np.mean(apart)) - half, float(np.mean(apart)) + half


def sign(interval: tuple[float, float]) -> int:
    """Return 1 for an interval above zero, -1 for one below, 0 for one that holds zero."""
    low, high = interval
    return 1 if low > 0 else -1 if high < 0 else 0

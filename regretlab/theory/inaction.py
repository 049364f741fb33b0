r"""The inaction part: frames that the default behaviour serves.

Theorem I (docs/theory): over n_f frames the inaction regret is at least n_f phi min_s gap*(s, beta), with equality
when the gap of the default behaviour is constant. phi is the inaction fraction of the staggering rule.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .checks import check_count, check_gap, check_probability

__all__ = ["InactionBounds", "inaction_bounds", "inaction_regret"]


def inaction_regret(inaction_fraction: float, gap_default: float = 1.0) -> float:
    """Return the regret per frame of the frames without an agent action: phi * g.

    Parameters
    ----------
    inaction_fraction
        phi, in [0, 1].
    gap_default
        g, the least gap of the default behaviour, in reward per frame.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> inaction_regret(0.25, 0.8)
    0.2
    """
    fraction = check_probability(inaction_fraction, "the inaction fraction")
    return fraction * check_gap(gap_default, "gap of the default behaviour")


@dataclass(frozen=True)
class InactionBounds:
    """Theorem I, both sides.

    Attributes
    ----------
    lower, upper
        Bounds on the regret of the frames that the default behaviour serves, over all frames, in reward.
    attained
        Whether the two are equal, so that the value is exact.
    """

    lower: float
    upper: float

    @property
    def attained(self) -> bool:
        """Whether the gap of the default behaviour is the same in every state."""
        return self.lower == self.upper


def inaction_bounds(inaction_fraction: float, gaps: ArrayLike, frames: int = 1) -> InactionBounds:
    """Return n_f phi min_s gap*(s, beta) and n_f phi max_s gap*(s, beta).

    Parameters
    ----------
    inaction_fraction
        phi, in [0, 1].
    gaps
        Gap of the default behaviour in each state, shape (S,), reward per frame.
    frames
        n_f.

    Raises
    ------
    InputError
        For values out of range, or no gaps.

    References
    ----------
    Derived in docs/theory, Theorem I (from the exact identity of regret and gaps).

    Examples
    --------
    >>> inaction_bounds(0.5, [0.2, 0.6], frames=10)
    InactionBounds(lower=1.0, upper=3.0)
    """
    values = np.atleast_1d(np.asarray(gaps, dtype=np.float64))
    if values.ndim != 1 or values.size == 0:
        raise InputError(f"gaps of the default behaviour must be one number a state, not an array of {values.shape}")
    for value in values:
        check_gap(float(value), "gap of the default behaviour")
    count = check_count(frames, "frames", 1) * check_probability(inaction_fraction, "the inaction fraction")
    return InactionBounds(float(count * values.min()), float(count * values.max()))

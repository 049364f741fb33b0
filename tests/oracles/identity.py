r"""The exact identity that splits regret by its cause.

With gap*(s, a) = rho* + h(s) - r(s, a) - (P_a h)(s) >= 0, for any agent and any start,

.. math:: R = n_f\,\rho^* - E\sum_{k<n_f} r_k = \sum_{k<n_f} E\,gap^*(s_k, a_k) + E\,h(s_{n_f}) - h(s_0)

and the last two terms are at most span(h) in size. Frames of the default behaviour make the inaction part; in the
agent's frames the least gap that any policy could have from the delayed information makes the delay part, and what is
left, at least 0, is learning. A frame is in one group only, so nothing is counted twice. Derived in docs/theory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from regretlab.errors import InputError

__all__ = ["RegretSplit", "gap_table", "split_regret"]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class RegretSplit:
    """Regret over a number of frames, split by its cause, in reward.

    Attributes
    ----------
    inaction
        Gaps of the frames served by the default behaviour.
    delay
        The least gaps any policy can have from the delayed information, over the agent's frames.
    learning
        The rest of the agent's gaps.
    boundary
        E h(s_end) - h(s_0).
    """

    inaction: float
    delay: float
    learning: float
    boundary: float

    @property
    def total(self) -> float:
        """The regret, exactly."""
        return self.inaction + self.delay + self.learning + self.boundary


def gap_table(transitions: ArrayLike, rewards: ArrayLike, gain: float, bias: ArrayLike) -> np.ndarray:
    """Return ``gap*(s, a) = rho* + h(s) - r(s, a) - sum_s' P(s'|s, a) h(s')``.

    Parameters
    ----------
    transitions
        P, shape (S, A, S).
    rewards
        r, shape (S, A).
    gain
        rho*, optimal reward per frame.
    bias
        h, shape (S,).

    Returns
    -------
    ndarray
        Shape (S, A). All entries are at least 0 if gain and bias solve the optimality equation.

    Raises
    ------
    InputError
        If the shapes do not fit together.

    Examples
    --------
    >>> gap_table([[[1.0], [1.0]]], [[1.0, 0.25]], 1.0, [0.0])
    array([[0.  , 0.75]])
    """
    P, r, h = (np.asarray(array, dtype=np.float64) for array in (transitions, rewards, bias))
    if P.ndim != 3 or r.shape != P.shape[:2] or h.shape != (P.shape[0],) or P.shape[2] != P.shape[0]:
        raise InputError(
            f"shapes must be (S, A, S), (S, A) and (S,) with one S and A, not {P.shape}, {r.shape} and {h.shape}"
        )
    return gain + h[:, None] - r - P @ h


def split_regret(
    gaps: ArrayLike,
    by_default: ArrayLike,
    *,
    least_gaps: ArrayLike = 0.0,
    bias_start: float = 0.0,
    bias_end: float = 0.0,
) -> RegretSplit:
    """Return the regret of a run, split by its cause.

    Parameters
    ----------
    gaps
        E gap*(s_k, a_k) of each frame, shape (n,), in reward.
    by_default
        Share of each frame served by the default behaviour, shape (n,): booleans of one run, or probabilities, in which
        case ``gaps`` has shape (n, 2): the contributions of the agent and of the default behaviour.
    least_gaps
        The least expected gap from the delayed information in each frame, shape (n,) or one number: per agent frame.
    bias_start, bias_end
        h(s_0) and E h(s_end).

    Raises
    ------
    InputError
        For shapes that do not fit, or gaps below the least ones that the information allows.

    Examples
    --------
    >>> split_regret([1.0, 0.5, 0.25], [True, False, False], least_gaps=0.25)
    RegretSplit(inaction=1.0, delay=0.5, learning=0.25, boundary=0.0)
    """
    loss = np.asarray(gaps, dtype=np.float64)
    share = np.asarray(by_default, dtype=np.float64)
    if share.ndim != 1 or loss.shape not in ((len(share),), (len(share), 2)):
        raise InputError(
            f"gaps must have shape (n,) or (n, 2) and the shares of the default (n,), not {loss.shape}, {share.shape}"
        )
    agent, default = (loss * (1.0 - share), loss * share) if loss.ndim == 1 else (loss[:, 0], loss[:, 1])
    least = np.broadcast_to(np.asarray(least_gaps, dtype=np.float64), share.shape) * (1.0 - share)
    delay = float(least.sum())
    learning = float(agent.sum()) - delay
    if learning < -_ROUNDING * max(1.0, delay):
        raise InputError(
            f"the agent's gaps add up to {agent.sum():g}, less than the {delay:g} that its information allows"
        )
    return RegretSplit(float(default.sum()), delay, max(0.0, learning), float(bias_end - bias_start))

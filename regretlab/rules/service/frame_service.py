r"""What a rule does to the frames, in frames; and the age of information that follows from it.

Let A_k be the age at boundary k of the freshest observation acted on so far: k minus that observation's frame. With

.. math:: \bar A_m = P(A_k > m), \qquad s_m = P(A_k = m, A_{k-1} = m - 1)

(s_m: nothing fresher arrived at k) everything else is a sum. In continuous time the age grows for the rest of the
frame, so its mean is 1/2 + sum of the first over m >= 0; a peak is A_{k-1} + 1 where something fresher arrives; and
the frames in which something fresher arrives at age j are P(A = j) - s_j: what a rule would serve that dropped
outputs which come out of order. Derived in docs/theory; age of information: Kaul, Yates & Gruteser 2012.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...results import Method

__all__ = ["Ages", "FrameService", "renewal_ages"]


@dataclass(frozen=True, eq=False)
class FrameService:
    """Who serves the frames under a rule, and how old the newest observation acted on is.

    Attributes
    ----------
    inaction_fraction
        phi.
    delay_law
        Shape (J+1,), index = frames: a_j.
    method
        Where the figures come from.
    assumptions
        What must hold for them.
    mean_age, peak_age
        Frames; NaN where unknown.
    blocking
        Fraction of the boundaries at which a pool has no idle worker; 0 for rules that wait for none.
    in_order_law
        a_j of the same rule if outputs older than one acted on before were dropped, where that differs and is known.
    """

    inaction_fraction: float
    delay_law: NDArray[np.float64]
    method: Method
    assumptions: tuple[str, ...] = ()
    mean_age: float = math.nan
    peak_age: float = math.nan
    blocking: float = 0.0
    in_order_law: NDArray[np.float64] | None = None

    def aged(self, ages: "Ages") -> "FrameService":
        """Return this service with the figures that follow from the ages."""
        return replace(self, mean_age=ages.mean(), peak_age=ages.peak(), in_order_law=ages.in_order_law())


@dataclass(frozen=True, eq=False)
class Ages:
    """Stationary law of the age of the freshest observation acted on.

    Attributes
    ----------
    above
        Shape (M+1,): P(A > m), falling from 1 to (nearly) 0.
    standing
        Shape (M+1,): P(A_k = m and A_{k-1} = m - 1).

    Examples
    --------
    One worker back to back on the frames with delay 2: ages 2, 3, 2, 3, ...

    >>> ages = Ages(np.array([1, 1, 0.5, 0]), np.array([0, 0, 0, 0.5]))
    >>> ages.mean(), ages.peak(), ages.in_order_law().tolist()
    (3.0, 4.0, [0.0, 0.0, 0.5, 0.0])
    """

    above: NDArray[np.float64]
    standing: NDArray[np.float64]

    def mean(self) -> float:
        """Return the time-average age in frames."""
        return float(self.above.sum()) + 0.5

    def peak(self) -> float:
        """Return the mean age in frames just before it drops."""
        drops = 1.0 - float(self.standing.sum())
        before = float(self.above.sum()) + 1.0 - float(self.standing @ np.arange(len(self.standing)))
        return before / drops if drops > 0 else math.nan

    def in_order_law(self) -> NDArray[np.float64]:
        """Return the fraction of frames in which an observation of age j, fresher than all before, is new."""
        exactly = np.concatenate([[0.0], -np.diff(self.above)])
        return np.maximum(exactly - self.standing, 0.0)


def renewal_ages(delay: float, cycle: float, cycle_square: float) -> tuple[float, float]:
    """Return mean and peak age of one worker: E M + E C^2 / (2 E C) and E C + E M.

    Observations are C frames apart (independent cycles), each acted on M frames later, in order: the age runs from M
    to C + M' where M' is the delay of the next.

    Parameters
    ----------
    delay, cycle, cycle_square
        E M, E C and E C^2, frames.

    Examples
    --------
    >>> renewal_ages(2.0, 2.0, 4.0)
    (3.0, 4.0)
    """
    return delay + cycle_square / (2.0 * cycle), cycle + delay

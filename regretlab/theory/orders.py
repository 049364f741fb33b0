r"""In which order unused outputs are used, for a given loss curve.

Each output may act in one frame, and is worth :math:`v_j = \max(0, g - l_j)` there at age j. Stored outputs and frames
are then the two sides of an assignment problem, of which a rule sees no later arrivals.

* v convex (every witness): the freshest first is best. Two outputs of ages a < b that act in this frame and h frames
  later earn :math:`v_a + v_{b+h}` freshest first, at least the :math:`v_b + v_{a+h}` of the other order, whatever
  arrives: :math:`v_a - v_{a+h} \ge v_b - v_{b+h}`.
* v constant up to a deadline, then 0: the oldest useful first is best, as any other order loses frames (earliest
  deadline first, Jackson 1955).
* Other curves: no order of ages alone is best for every load. ``orders_of_use`` lists a family of index rules, and
  ``simulation.orders`` plays the rule with each of them. Their distance to the optimum is in docs/lower-bound.

Derived in docs/lower-bound.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rules.cancelling import SECTION
from .loss import AgeLoss

__all__ = ["Order", "is_convex", "orders_of_use", "serves_oldest_first"]

_SAME = 0.05
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Order:
    """Which of the unused outputs acts first.

    Attributes
    ----------
    name
        The rule in words.
    oldest_first
        Whether the oldest output of use does.
    ranks
        By age from 1 on, the last for all later ages: the output of the highest rank does. Empty: the freshest does, or
        the oldest.
    """

    name: str
    oldest_first: bool = False
    ranks: tuple[int, ...] = ()


FRESHEST = Order("the freshest output acts first")
OLDEST = Order("the oldest output of use acts first", oldest_first=True)


def is_convex(loss: AgeLoss) -> bool:
    """Whether v_j falls ever more slowly with the age, from age 1 on.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss, MeasuredLoss
    >>> is_convex(FrameLoss(0.9, gap_default=0.4)), is_convex(MeasuredLoss((0, 2, 4), (0.0, 0.1, 0.9), 1.0))
    (True, False)
    """
    worth = loss.worth(np.arange(1, _length(loss) + 3))
    return bool((np.diff(worth) <= _ROUNDING).all() and (np.diff(worth, 2) >= -_ROUNDING).all())


def serves_oldest_first(loss: AgeLoss) -> bool:
    """Whether all useful ages are worth the same, within 5 %, as before a deadline: the oldest of use then acts first.

    Whether an order loses frames is all that counts, and none serves more than that of the earliest deadline.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss, MeasuredLoss
    >>> deadline, noisy = MeasuredLoss((0, 6), (0.0, 1.0), 1.0), MeasuredLoss((0, 1, 2, 3), (0.0, 0.2, 0.1, 1.0), 1.0)
    >>> serves_oldest_first(FrameLoss(0.9)), serves_oldest_first(deadline), serves_oldest_first(noisy)
    (False, True, False)
    """
    last = loss.last_useful_age
    if not 1.0 <= last < math.inf:
        return False
    worth = loss.worth(np.arange(1, int(last) + 1))
    return bool(worth.min() >= (1.0 - _SAME) * worth.max())


def orders_of_use(loss: AgeLoss, limit: float = math.inf) -> tuple[Order, ...]:
    """Return the orders among which the best is to be found by playing: one alone where it is proved to be best.

    Parameters
    ----------
    loss
        What a frame loses by the age of its action.
    limit
        Frames of age from which no output acts.

    Returns
    -------
    tuple of Order
        The freshest first, the oldest useful first, the largest loss from waiting h = 1, 2, 4, ... frames,
        v_j - v_{j+h}, and the steepest one, max_h (v_j - v_{j+h})/h; with equal indices the oldest.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss
    >>> [order.name for order in orders_of_use(FrameLoss(0.9))]
    ['the freshest output acts first']
    """
    if is_convex(loss):
        return (FRESHEST,)
    if serves_oldest_first(loss):
        return (OLDEST,)
    length = min(_length(loss), int(min(limit, SECTION)) - 1, SECTION - 1)
    if length < 2:
        return (FRESHEST,)
    ages = np.arange(1, 2 * length + 2)
    worth = np.where(ages < limit, loss.worth(ages), 0.0)
    waits = np.arange(1, length + 1)
    lost = worth[:length, None] - worth[np.arange(length)[:, None] + waits]
    steepest = _ranks((lost / waits).max(axis=1))
    found = {steepest: _STEEPEST}
    wait = 1
    while wait < 2 * length:
        ranks = _ranks(lost[:, min(wait, length) - 1])
        found.setdefault(ranks, f"the output that loses most by waiting {min(wait, length)} frames acts first")
        wait *= 2
    return (FRESHEST, OLDEST, *(Order(name, ranks=ranks) for ranks, name in found.items()))


_STEEPEST = "the output that loses most per frame of waiting acts first"


def _length(loss: AgeLoss) -> int:
    """Return the age after which the curve does not change, or the longest that tables have."""
    return int(min(loss.settled_age, SECTION))


def _ranks(index: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the ranks 1, 2, ... of the ages by their index, among equal ones the oldest highest; 0 for later ages."""
    order = np.lexsort((np.arange(len(index)), np.round(index, 9)))
    ranks = np.zeros(len(index) + 1, np.int64)
    ranks[order] = np.arange(1, len(index) + 1)
    return tuple(int(rank) for rank in ranks)

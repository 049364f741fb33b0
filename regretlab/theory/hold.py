r"""How long to hold: the h of least regret for a frame pool with hold.

In an unlimited frame pool whose outputs are held to h frames

.. math:: \phi_h = (1-F_h)\prod_{j>h}(1-f_j), \qquad
          a_h = F_h,\quad a_j = f_j(1-F_h)\prod_{h<i<j}(1-f_i)\ (j>h).

Holding gives up age on the fast outputs and wins frames: those with D <= h arrive in order, each in a frame of its own.
Derived in docs/theory.
"""

import math
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..laws import Law
from ..rules import FRAME_HOLD
from ..rules.rule import HoldObjective
from ..rules.service.frame_pools import values_of_holds
from ..rules.service.frame_service import ServiceRequest
from ..rules.service.service import NoClosedForm, best_hold
from .loss import AgeLoss, FrameLoss

__all__ = ["hold_objective", "hold_to_simulate", "regret_of_holds"]


def regret_of_holds(law: Law, frame_time: float, loss: AgeLoss) -> NDArray[np.float64]:
    """Return the regret per frame of an unlimited pool for every hold.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    loss
        What a frame loses.

    Returns
    -------
    NDArray[np.float64]
        Shape (J+1,), index = h in frames; 0 and 1 both mean no hold. J is the longest delay that matters.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> regret = regret_of_holds(parse_law("gamma(4, scale=0.8)"), 1.0, FrameLoss(0.9))
    >>> int(regret.argmin()), round(1 - float(regret.min()), 12)
    (5, 0.521644380983)
    """
    pmf, _ = ServiceRequest(law, frame_time, math.inf, FRAME_HOLD, "frame").delays()
    return loss.gap_default - values_of_holds(pmf, loss.worth(np.arange(len(pmf))))[1]


def hold_objective(loss: FrameLoss) -> HoldObjective:
    """Return what a rule with a hold weighs when a frame loses this.

    Examples
    --------
    >>> hold_objective(FrameLoss(0.9, 4, gap_delay=2.0))
    HoldObjective(retention=0.8666666666666667, gap_default=1.0, gap_delay=1.5)
    """
    decay = max(0.0, loss.decay)  # on a ring with p = 1/K rounding may put it below
    return HoldObjective(decay, loss.gap_default, loss.stake)


def hold_to_simulate(law: Law, frame_time: float, loss: AgeLoss, *, workers: float = math.inf) -> int:
    """Return the hold of least regret per frame, or one near it where the pool has no closed form.

    There starts are taken for independent of each other, each frame having an idle worker with probability
    min(1, N / E D), as the rule itself does when it learns its hold.

    Parameters
    ----------
    law, frame_time, loss, workers
        As for ``regret_of_holds``; workers may be ``inf``.

    Returns
    -------
    int
        h in frames, at least 1.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> hold_to_simulate(parse_law("gamma(2, scale=1.6)"), 1.0, FrameLoss(0.9), workers=6)
    4
    """
    if isinstance(loss, FrameLoss):
        with suppress(NoClosedForm):
            return best_hold(law, frame_time, hold_objective(loss), workers=workers)
    elif workers == math.inf:
        return 1 + int(regret_of_holds(law, frame_time, loss)[1:].argmin())
    pmf, _ = ServiceRequest(law, frame_time, workers, FRAME_HOLD, "frame").delays()
    delays = np.arange(len(pmf))
    share = pmf * min(1.0, workers / float(pmf @ delays / pmf.sum()))
    below = np.cumsum(share)
    worth = loss.worth(delays)
    value = np.full(len(pmf), -math.inf)
    later = 0.0
    for hold in range(len(pmf) - 1, 0, -1):
        value[hold] = below[hold] * worth[hold] + (1.0 - below[hold]) * later
        later = share[hold] * worth[hold] + (1.0 - share[hold]) * later
    return int(value.argmax())

r"""How long to hold: the h of least regret for the rule ``frame-hold``.

In an unlimited frame pool whose outputs are held to h frames

.. math:: \phi_h = (1-F_h)\prod_{j>h}(1-f_j), \qquad
          a_h = F_h,\quad a_j = f_j(1-F_h)\prod_{h<i<j}(1-f_i)\ (j>h).

Holding gives up age on the fast outputs and wins frames: those with D <= h arrive in order, each in a frame of its own.
Derived in docs/theory.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..laws import Law
from ..results import ServiceLaw
from ..staggering.service import NoClosedForm
from .loss import FrameLoss

__all__ = ["best_hold", "regret_of_holds"]

_NEGLIGIBLE = 1e-12


def regret_of_holds(law: Law, frame_time: float, loss: FrameLoss) -> NDArray[np.float64]:
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
    pmf = law.frame_pmf(frame_time)
    below = np.minimum(1.0, np.cumsum(pmf))
    # from the longest delay down: the loss of a frame, given that nothing of delay up to h serves it
    rest = np.empty(len(pmf))
    rest[-1] = loss.gap_default
    for h in range(len(pmf) - 2, -1, -1):
        rest[h] = pmf[h + 1] * loss.of_delay(h + 1) + (1.0 - pmf[h + 1]) * rest[h + 1]
    held = loss.stake * (1.0 - loss.decay ** np.arange(len(pmf)))
    return below * held + (1.0 - below) * rest


def best_hold(law: Law, frame_time: float, loss: FrameLoss, *, workers: float = math.inf) -> tuple[int, ServiceLaw]:
    """Return the hold of least regret per frame, and the service law under it.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    loss
        What a frame loses.
    workers
        Number of workers; ``inf`` for the unlimited pool.

    Returns
    -------
    hold
        h in frames, at least 1 (1 is no hold).
    service
        The service law of ``frame-hold`` with that h.

    Raises
    ------
    NoClosedForm
        If the finite pool has none.
    """
    unlimited = regret_of_holds(law, frame_time, loss)
    first = max(1, int(unlimited[1:].argmin()) + 1)
    chosen, service = first, _held(law, frame_time, workers, first)
    least = loss.total(service)
    for h in range(1, len(unlimited) if workers != math.inf else 1):
        # every frame loses at least g, or the loss of an action h frames old
        if h == first or min(loss.gap_default, loss.of_delay(h)) >= least:
            continue
        other = _held(law, frame_time, workers, h)
        if loss.total(other) < least - _NEGLIGIBLE:
            chosen, service, least = h, other, loss.total(other)
    return chosen, service


def _held(law: Law, frame_time: float, workers: float, hold: int) -> ServiceLaw:
    if workers != math.inf:
        raise NoClosedForm(f"a finite frame pool of {workers:g} workers with a hold has no closed form: simulate it")
    pmf = law.frame_pmf(frame_time)
    before = 1.0 - float(pmf[: hold + 1].sum())
    delays = np.zeros(max(len(pmf), hold + 1))
    delays[hold] = 1.0 - before
    later = np.arange(hold + 1, len(pmf))
    delays[later] = pmf[later] * before * np.concatenate(([1.0], np.cumprod(1.0 - pmf[later])[:-1]))[: len(later)]
    return ServiceLaw(
        rule="frame-hold",
        workers=workers,
        frame_time=frame_time,
        inaction_fraction=1.0 - float(delays.sum()),
        delay_law=delays,
        method="series",
        assumptions=("inference times are independent of each other and of the path",),
    )

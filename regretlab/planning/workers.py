r"""How many workers.

With cost c per worker and frame and G = g - Delta E(1 - p^d) the worth of a served frame:

* constant time of d frames, staggered on frames: phi = max(0, 1 - N/d), so the loss is linear in N: N = d if c d < G,
  else none. At uniform phases the cycle is x = T / frame time, not a whole number: N = floor(x) or ceil(x), whichever
  loses less, if it beats none (the last worker wins only G (1 - floor(x)/x) and may not be worth its cost).
* free-running: phi = (1-q)^N with q = E min(T, tau_M)/E T: the whole number next to
  ln(c / (G ln(1/(1-q)))) / ln(1-q).
* contention T(N) = T_1 (1 + chi (N-1)): N* = ceil(x_1 (1-chi)/(1 - chi x_1)), feasible iff chi x_1 < 1.
* inaction within eps: hold to h = ceil(quantile_{1 - eps/2}(T) / tau_M) frames and take the smallest N with blocking at
  most eps/2; then phi <= B + P(D > h) <= eps. (Blocking <= eps alone says nothing about phi.)
* anything else: a scan over N (``plan``).

Derived in docs/theory.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..laws import Law
from ..laws.law import delay_frames
from ..laws.measured import MeasuredSlowdown
from ..rules.service.frame_pools import blocking_bound
from ..theory.checks import check_gap, check_positive

__all__ = [
    "InactionBudget",
    "workers_for_constant_time",
    "workers_for_inaction",
    "workers_free_running",
    "workers_under_contention",
]

_ON_BOUNDARY = 1e-7


def workers_for_constant_time(frames: float, value: float, worker_cost: float, *, alignment: str = "frame") -> int:
    """Return the cheapest number of staggered workers for a constant inference time; 0 means not to act.

    Parameters
    ----------
    frames
        x, inference time in frames.
    value
        G, what a served frame is worth.
    worker_cost
        c, reward per worker and frame.
    alignment
        "frame": starts on frames, the cycle is ceil(x) frames. "uniform": the cycle is x.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> workers_for_constant_time(3.2, 0.7, 0.1), workers_for_constant_time(3.2, 0.7, 0.2)
    (4, 0)
    >>> workers_for_constant_time(3.2, 0.7, 0.1, alignment="uniform")
    3
    """
    x, cost = check_positive(frames, "inference time in frames"), check_gap(worker_cost, "worker cost")
    if alignment not in ("frame", "uniform"):
        raise InputError(f"alignment must be frame or uniform, not {alignment!r}")
    whole = max(1, math.ceil(x - _ON_BOUNDARY))
    cycle = float(whole) if alignment == "frame" else max(1.0, x)
    choices = {0, max(1, math.floor(cycle + _ON_BOUNDARY)), whole}
    return min(sorted(choices), key=lambda n: cost * n - value * min(1.0, n / cycle))


def workers_free_running(share: float, value: float, worker_cost: float) -> int:
    """Return the cheapest number of free-running workers; 0 means not to act.

    The delay of the served frames is taken as the same for every N (more workers make it a little shorter).

    Parameters
    ----------
    share
        q = E min(T, tau_M) / E T, the chance that a given worker has an output for a frame, in (0, 1].
    value
        G, what a served frame is worth.
    worker_cost
        c, reward per worker and frame, positive.

    Examples
    --------
    >>> workers_free_running(0.3, 0.7, 0.01)
    9
    """
    if not 0 < share <= 1:
        raise InputError(f"the share q must lie in (0, 1], not {share!r}")
    cost = check_positive(worker_cost, "worker cost")
    if value <= 0:
        return 0
    if share == 1:
        return 1 if cost < value else 0
    rest = math.log1p(-share)
    best = math.log(cost / (value * -rest)) / rest
    choices = {0, max(0, math.floor(best)), max(0, math.ceil(best))}
    return min(sorted(choices), key=lambda n: value * (1.0 - share) ** n + cost * n)


def workers_under_contention(frames: float, contention: float | MeasuredSlowdown) -> int | None:
    """Return N* = ceil(x_1 (1-chi)/(1 - chi x_1)), the fewest workers that serve every frame when they slow each other.

    Parameters
    ----------
    frames
        x_1, inference time of a lone worker in frames.
    contention
        chi, the relative slowdown that each further worker brings: T(N) = T_1 (1 + chi (N-1)); or T(N) / T_1 measured,
        for the least N >= x_1 T(N) / T_1.

    Returns
    -------
    int or None
        None where no number of workers keeps up (chi x_1 >= 1).

    Examples
    --------
    >>> workers_under_contention(5.0, 0.1), workers_under_contention(5.0, 0.2)
    (9, None)
    """
    x = check_positive(frames, "inference time in frames")
    if isinstance(contention, MeasuredSlowdown):
        return _workers_under_slowdown(x, contention)
    chi = check_gap(contention, "contention")
    if x <= 1:
        return 1
    if chi * x >= 1:
        return None
    return max(1, math.ceil(x * (1.0 - chi) / (1.0 - chi * x) - 1e-9))


def _workers_under_slowdown(x: float, slowdown: MeasuredSlowdown) -> int | None:
    last = slowdown.workers[-1]
    for number in range(1, last + 1):
        if number >= x * slowdown(number) - 1e-9:
            return number
    slope = slowdown(last + 1) - slowdown(last)  # a line from here on
    if slope * x >= 1:
        return None
    return math.ceil(x * (slowdown(last) - slope * last) / (1.0 - slope * x) - 1e-9)


@dataclass(frozen=True)
class InactionBudget:
    """Workers and hold that keep the inaction fraction within a budget.

    Attributes
    ----------
    workers
        N.
    hold
        h in frames.
    blocking
        Rigorous bound on the share of frames at which no worker is idle, at most eps/2.
    late
        P(D > h), at most eps/2.
    """

    workers: int
    hold: int
    blocking: float
    late: float

    @property
    def inaction_bound(self) -> float:
        """Bound on phi."""
        return self.blocking + self.late


def workers_for_inaction(law: Law, frame_time: float, budget: float) -> InactionBudget:
    """Return workers and hold of a frame pool whose inaction fraction is at most eps.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    budget
        eps, in (0, 1).

    Raises
    ------
    InputError
        For values out of range, or a tail too heavy to bound.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> found = workers_for_inaction(parse_law("gamma(4, scale=0.8)"), 1.0, 0.01)
    >>> found.workers, found.hold, found.inaction_bound < 0.01
    (6, 9, True)
    """
    if not 0 < budget < 1:
        raise InputError(f"the inaction budget must lie in (0, 1), not {budget!r}")
    hold = int(delay_frames(law.quantile(1.0 - budget / 2.0), frame_time))
    pmf = law.frame_pmf(frame_time, tail=1e-6 * budget)
    above = np.maximum(0.0, 1.0 - np.cumsum(pmf))
    late = float(above[hold]) if hold < len(above) else float(law.survival(hold * frame_time))
    # inferences in service that are older than the table reaches: each may block
    older = max(0.0, law.mean_delay_frames(frame_time) - float(above.sum()))
    spare = budget / 2.0 - older
    if spare <= 0:
        raise InputError(f"the tail of {law.text} is too heavy to keep the blocking of a pool within {budget / 2:g}")
    low, high = 0, len(pmf)  # the bound falls with N and is 0 from the longest delay on
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if blocking_bound(pmf, middle) <= spare else (middle, high)
    return InactionBudget(high, hold, blocking_bound(pmf, high) + older, late)

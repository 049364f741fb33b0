r"""Batches on one accelerator: n observations together in alpha + beta n seconds.

An environment gives one new observation a frame, so a batch of n holds the last n of them, and its item i = 0..n-1 is
at least ceil(b(n) / tau_M) + i frames old when it can act. With a price y on every served frame a batch of n earns at
most sum_{i < n} e_y(ceil(b(n) / tau_M) + i) in b(n) seconds, so that every path-blind rule serves at most

.. math:: S = \min_{y \ge 0} \Bigl[ y + \max_{n \le N} \frac{\tau_M}{\alpha + \beta n}
              \sum_{i < n} e_y(\lceil b(n)/\tau_M \rceil + i) \Bigr],

e_y(d) = (max_{j >= d} v_j - y)^+ where an output serves one frame, sum_{j = d}^{H} (v_j - y)^+ for chunks. Derived in
docs/lower-bound, "Batches".
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import FRAME_TOLERANCE, as_law
from ..results import ServiceLaw
from ..rules import SEQUENTIAL
from ..rules.service.service import service_law
from ..rules.store import MOST_KEPT
from ..scenario import Scenario, frames_of
from .any_rule import LowerBound, chunk_length
from .loss import AgeLoss

__all__ = ["Batches", "batches_of", "lower_bound_of_batches", "with_batch_time"]

_LARGEST = 10**5
_HALVINGS = 200
_EXCLUDED = ("inference_time", "rule", "hold", "alignment", "maximum_time", "cores", "cancel_after", "replicas")


@dataclass(frozen=True)
class Batches:
    """An accelerator that serves all new observations together, up to a number, from one frame boundary to another.

    Attributes
    ----------
    alpha, beta
        Seconds of a batch, and of each of its items on top.
    most
        Items of a batch at most.
    frame_time
        Seconds of a frame.

    Examples
    --------
    >>> served = Batches(2.5, 0.25, 8, 1.0)
    >>> served.items, served.cycle, served.seconds(served.items)
    (4, 4, 3.5)
    """

    alpha: float
    beta: float
    most: int
    frame_time: float

    def seconds(self, items: int) -> float:
        """Return b(n)."""
        return self.alpha + self.beta * items

    def frames(self, items: int) -> int:
        """Return the frames from the boundary at which a batch starts to the first at which it can act."""
        return max(1, math.ceil(self.seconds(items) / self.frame_time - FRAME_TOLERANCE))

    @property
    def items(self) -> int:
        """Items of a batch in the long run: the observations of one batch time, at most ``most``."""
        items = 1
        while (more := min(self.most, self.frames(items))) > items:
            items = more
        return items

    @property
    def cycle(self) -> int:
        """Frames from one batch to the next in the long run."""
        return self.frames(self.items)

    def service(self, scenario: Scenario, limit: float) -> ServiceLaw:
        """Return the long-run service of back-to-back batches, item i of which acts in the i-th frame after the batch.

        Parameters
        ----------
        scenario
            Says what an output serves, and whether unused ones are kept.
        limit
            Frames of age from which no output acts.
        """
        served = service_law(
            as_law(self.cycle * self.frame_time),
            self.frame_time,
            rule=SEQUENTIAL,
            service_model=scenario.service_model,
            limit=limit,
        )
        served = replace(served, workers=scenario.workers, assumptions=self.assumptions())
        if scenario.unused == "drop" or scenario.service_model != "once":
            return served
        _, _, number = scenario.unused.partition(":")
        acting = min(self.items, 1 + (int(number) if number else MOST_KEPT))
        ages = self.cycle + 2 * np.arange(acting)  # item i is i frames older, and waits i frames
        ages = ages[ages < limit]
        shares = np.zeros(int(ages[-1]) + 1 if len(ages) else 1)
        shares[ages] = 1.0 / self.cycle
        return replace(served, delay_law=shares, inaction_fraction=1.0 - len(ages) / self.cycle)

    def fewest_without_inaction(self, scenario: Scenario, limit: float) -> int | None:
        """Return the fewest items with which back-to-back batches leave no frame without an action; None if none do.

        A batch of n < C* items takes more than n frames, C* being the least n with b(n) of n frames; larger batches are
        not waited for. So one item or C* items do, or no number.

        Parameters
        ----------
        scenario, limit
            As for ``service``.

        Examples
        --------
        >>> served = Batches(2.5, 0.25, 2, 1.0)
        >>> served.fewest_without_inaction(Scenario(unused="keep"), math.inf)
        4
        >>> served.fewest_without_inaction(Scenario(), math.inf) is None
        True
        """
        enough = replace(self, most=_LARGEST).items
        for items in (1, enough):
            if replace(self, most=items).service(scenario, limit).inaction_fraction < 1e-12:
                return items
        return None

    def assumptions(self) -> tuple[str, ...]:
        """Return what must hold."""
        items = "observation" if self.items == 1 else f"{self.items} observations"
        return (
            f"an accelerator begins a batch of the last {items} every {frames_of(self.cycle)}",
            "each item of a batch is another observation, of which there is one a frame",
        )


def batches_of(scenario: Scenario, entry: str) -> Batches | None:
    """Return the batches of a scenario; None without any.

    Raises
    ------
    InputError
        For a field that goes without batches only, or an unlimited number of items.
    """
    if scenario.batch_law is None:
        return None
    for name in _EXCLUDED:
        if not scenario.is_default(name):
            words = name.replace("_", " ")
            raise InputError(f"{entry} with a batch law takes no {words}, which it has of its own: leave it out")
    if not scenario.workers <= _LARGEST:
        raise InputError(f"a batch has at most {_LARGEST} items (workers), not {scenario.workers:g}")
    alpha, beta = (float(part) for part in scenario.batch_law.split(","))
    return Batches(alpha, beta, int(scenario.workers), scenario.frame_time)


def with_batch_time(scenario: Scenario, entry: str) -> Scenario:
    """Return the scenario with the time of its batches as its inference time; itself where it has no batches."""
    batches = batches_of(scenario, entry)
    if batches is None:
        return scenario
    return scenario.replace(inference_time=batches.seconds(batches.items))


def lower_bound_of_batches(batches: Batches, loss: AgeLoss, scenario: Scenario) -> LowerBound:
    """Return the regret per frame that no path-blind rule of one accelerator with such batches can stay below.

    Parameters
    ----------
    batches
        Their law and most items.
    loss
        What a frame loses by the age of its action.
    scenario
        Says what an output serves, and the horizon.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss
    >>> asked = Scenario(frame_time=1, mode_probability=0.9, workers=8, batch_law="2.5, 0.25")
    >>> round(lower_bound_of_batches(batches_of(asked, "bound"), FrameLoss(0.9), asked).regret_per_frame, 6)
    0.410224
    """
    length = chunk_length(scenario.service_model, scenario.chunk)
    frame = batches.frame_time
    items = np.arange(1, batches.most + 1)
    seconds = batches.alpha + batches.beta * items
    first = np.maximum(1, np.ceil(seconds / frame - FRAME_TOLERANCE)).astype(np.int64)
    end = loss.settled_age if length == 0 or math.isinf(length) else length
    last = int(min(max(end, 1.0), float((first + items).max()) if length == 0 else 2.0**20))
    value = loss.worth(np.arange(1, last + 1))
    limit = loss.worth_at_infinity
    if length == 0 and not loss.monotone:
        value = np.maximum.accumulate(np.append(value, limit)[::-1])[::-1][:-1]

    def earned(y: float) -> NDArray[np.float64]:
        """Return what a frame earns above y with batches of each size."""
        above = np.maximum(0.0, value - y)
        if length > 0:
            above = np.cumsum(above[::-1])[::-1]
        rest = max(0.0, limit - y) if length == 0 else 0.0
        sums = np.concatenate([[0.0], np.cumsum(above)])
        low, high = np.minimum(first - 1, last), np.minimum(first + items - 1, last)
        return np.asarray((sums[high] - sums[low] + rest * (first + items - 1 - np.maximum(high, first - 1))) / seconds)

    def cost(y: float) -> float:
        return y + frame * float(earned(y).max())

    low, high = (limit if length == math.inf else 0.0), max(limit, float(value.max()))
    for _ in range(_HALVINGS):  # convex in y: any y gives a bound, the least the best
        third = (high - low) / 3.0
        if cost(low + third) <= cost(high - third):
            high -= third
        else:
            low += third
    served = min(cost(low), loss.gap_default)
    useful = np.ones(len(items), bool) if length in (0, math.inf) else first <= length
    act_once = scenario.service_model != "chunk"  # a frame that repeats an action is one without a new action
    ages = items if act_once else np.where(useful, items * np.maximum(0.0, length - first + 1), 0.0)
    reached = np.maximum.accumulate(ages * frame / seconds)
    enough = np.flatnonzero(reached >= 1.0 - 1e-12)
    return LowerBound(
        regret_per_frame=max(0.0, loss.gap_default - served),
        inaction_fraction=max(0.0, 1.0 - float(reached[-1])),
        workers_without_inaction=int(items[enough[0]]) if len(enough) else _fewest_items(batches, act_once),
        service_model=scenario.service_model,
        chunk=None if scenario.service_model == "once" else length,
        workers=scenario.workers,
        frame_time=frame,
        gap_default=loss.gap_default,
        price=low,
        cancel_after=None,
        assumptions=(
            "the rule is path-blind: it never looks at states, observations, outputs or rewards",
            f"one accelerator serves n <= {batches.most} observations in {batches.alpha:g} + {batches.beta:g} n s",
            "each item of a batch is another observation, of which there is one a frame",
        ),
        method="closed-form",
        horizon=scenario.horizon,
    )


def _fewest_items(batches: Batches, act_once: bool) -> int | None:
    """Return the fewest items of a batch that leave no frame without an action; None where no number suffices."""
    if not act_once or batches.beta >= batches.frame_time:
        return None
    return math.ceil(batches.alpha / (batches.frame_time - batches.beta) - 1e-9)

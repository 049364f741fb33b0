r"""What a closed form is asked and what it answers, in frames; and the age of information that follows.

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

from ...errors import InputError
from ...laws import FRAME_TOLERANCE, Law, SampleLaw
from ...laws.law import LongTailError
from ...results import Method
from ..rule import Alignment, StaggeringRule

__all__ = [
    "LONGEST_AGES",
    "TAU_MAX_QUANTILE",
    "Ages",
    "NoClosedForm",
    "ServiceInFrames",
    "ServiceRequest",
    "renewal_ages",
    "whole_frames",
]

TAU_MAX_QUANTILE = 0.999
"""Stands for the longest time of a law without an upper end."""
MOST_LONGER = 0.1
"""Share of the inference times that may be longer than a tau_max as given; a closed form takes it for the longest."""
LONGEST_AGES = 2048
"""Frames of delay up to which the ages of one worker's action are tabulated, by a sum over pairs."""
_TAILS = (1e-13, 1e-10, 1e-8)
_LONGEST_CUT = 2**18
"""Frames of delay that are tabulated of a law whose tail is heavier than that."""
_MOST_CUT = 0.01


def _left_out(pmf: NDArray[np.float64], probability: float) -> str:
    return f"delays above {len(pmf) - 1} frames (probability {probability:.0e}) are left out"


class NoClosedForm(InputError):  # noqa: N818 - the condition, not a fault
    """The rule has no closed form for this law: simulate it (method "simulation")."""


def known_maximum(law: Law, maximum_time: float | None) -> float:
    """Return tau_max in seconds: as given, but no shorter than the upper end of the law, which the rule would learn."""
    end = law.maximum()
    return end if maximum_time is None or maximum_time < end < math.inf else maximum_time


def whole_frames(law: Law, frame_time: float) -> bool:
    """Whether every inference time is a whole number of frames."""
    if law.kind == "scipy":
        return False
    frames = (law.seconds if isinstance(law, SampleLaw) else np.array([law.mean()])) / frame_time
    return bool(np.abs(frames - np.rint(frames)).max() <= FRAME_TOLERANCE)


@dataclass(frozen=True, eq=False)
class ServiceRequest:
    """What a rule's closed form is asked.

    Attributes
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    workers
        N, at least 1; may be ``inf``.
    rule
        The rule.
    alignment
        Where starts lie.
    hold
        Frames outputs are held to, at least 1 (1: released on completion).
    maximum_time
        tau_max in seconds, if given.
    learning_time
        Law of the time in seconds that a blocking learner takes after each action, if there is one.
    """

    law: Law
    frame_time: float
    workers: float
    rule: StaggeringRule
    alignment: Alignment
    hold: int = 1
    maximum_time: float | None = None
    learning_time: Law | None = None

    def delays(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return the law of D, and what was cut off it where its tail is heavy."""
        for tail in _TAILS:
            try:
                pmf = self.law.frame_pmf(self.frame_time, tail=tail)
            except LongTailError:
                continue
            return pmf, () if tail > _TAILS[-1] else (_left_out(pmf, tail),)
        longer = min(_MOST_CUT, float(self.law.survival(_LONGEST_CUT * self.frame_time)))
        pmf = self.law.frame_pmf(self.frame_time, tail=longer)
        return pmf, (_left_out(pmf, longer),)

    def keeps_phases(self) -> bool:
        """Whether the times between starts are known and the same: then starts keep to the phases they began with.

        So it is for constant times, a tau_max that is given, and (for the rule that learns it) times of whole frames.
        """
        known = self.maximum_time is not None and self.law.maximum() <= self.maximum_time
        return known or self.constant_time() is not None or whole_frames(self.law, self.frame_time)

    def constant_time(self) -> float | None:
        """Return the inference time in seconds if it is always the same, else None."""
        same = self.law.kind == "constant" or (
            isinstance(self.law, SampleLaw) and self.law.seconds[0] == self.law.seconds[-1]
        )
        return self.law.maximum() if same else None

    def longest(self) -> tuple[float, str]:
        """Return tau_max in frames and where it comes from."""
        end = known_maximum(self.law, self.maximum_time)
        if self.maximum_time is not None and end == self.maximum_time:
            longer = float(self.law.survival(end))
            if longer > MOST_LONGER:
                raise NoClosedForm(
                    f"maximum time {end:g} s is shorter than {100 * longer:.3g} % of the inference times, which "
                    f"rule '{self.rule}' would learn: give a longer one, or simulate it"
                )
            learned = (
                f" ({100 * longer:.2g} % of the times are longer: the rule would learn them)" if longer > 0 else ""
            )
            return end / self.frame_time, f"tau_max = {end:g} s, as given{learned}"
        if math.isfinite(end):
            return end / self.frame_time, f"tau_max = {end:g} s, the upper end of the law"
        end = self.law.quantile(TAU_MAX_QUANTILE)
        return end / self.frame_time, f"tau_max = {end:g} s, the 99.9 % quantile of the law (which has no upper end)"


@dataclass(frozen=True, eq=False)
class ServiceInFrames:
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
        a_j of the same rule if outputs older than one acted on before were dropped, where that is known.
    ages
        Ages of the freshest observation acted on, where they are tabulated.
    """

    inaction_fraction: float
    delay_law: NDArray[np.float64]
    method: Method
    assumptions: tuple[str, ...] = ()
    mean_age: float = math.nan
    peak_age: float = math.nan
    blocking: float = 0.0
    in_order_law: NDArray[np.float64] | None = None
    ages: "Ages | None" = None

    def aged(self, ages: "Ages") -> "ServiceInFrames":
        """Return this service with the figures that follow from the ages."""
        return replace(self, mean_age=ages.mean(), peak_age=ages.peak(), in_order_law=ages.in_order_law(), ages=ages)

    def lasting(self, limit: float, repeats: bool) -> "ServiceInFrames":
        """Return the service if outputs act until a fresher one comes, below ``limit`` frames of age.

        An output older than the one in force is discarded. Where the default behaviour ``repeats`` the last action,
        only the frames of fresher outputs count as served.

        Raises
        ------
        NoClosedForm
            If the ages are not known.
        """
        if self.ages is None:
            raise NoClosedForm("the ages of the newest action are too many to tabulate: simulate them")
        if repeats:
            law = self.ages.in_order_law()
        else:
            law = self.ages.law()
            law = law[: int(min(limit, len(law)))]
        return replace(self, inaction_fraction=max(0.0, 1.0 - float(law.sum())), delay_law=law)


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

    @classmethod
    def in_order(cls, law: NDArray[np.float64], new: NDArray[np.float64]) -> "Ages":
        """Return the ages of P(A = j) and the fraction of frames in which an observation of age j is new."""
        size = max(len(law), len(new)) + 1
        exactly, fresh = np.zeros(size), np.zeros(size)
        exactly[: len(law)], fresh[: len(new)] = law, new
        above = np.maximum(0.0, float(exactly.sum()) - np.cumsum(exactly))
        return cls(above, np.maximum(exactly - fresh, 0.0))

    def law(self) -> NDArray[np.float64]:
        """Return P(A = j)."""
        return np.concatenate([[0.0], np.maximum(-np.diff(self.above), 0.0)])

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

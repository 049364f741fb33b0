r"""What a frame loses on average, given who serves it: what every rule, hold and number of workers is judged by.

A frame served at age j loses min(g, l_j), because the agent may choose the default action too, and a default frame
loses g. With l_j = Delta (1 - 1/K) (1 - lambda^j) (lambda = p and no factor 1 - 1/K on the shift register) the regret
per frame is

.. math:: \phi\,g + \sum_j a_j \min(g, l_j).

Derived in docs/theory.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..curves import LossCurve
from ..errors import InputError
from ..results import ServiceLaw
from ..rules.cancelling import SECTION
from ..scenario import Scenario
from .checks import check_gap
from .delay import check_mode_probability, ring_eigenvalue
from .inaction import inaction_regret

__all__ = [
    "AgeLoss",
    "FrameLoss",
    "LossByAge",
    "MeasuredLoss",
    "by_age",
    "limit_of",
    "loss_of",
    "workers_in_groups",
    "worth_of",
]

_NEGLIGIBLE = 1e-17


class AgeLoss(ABC):
    """What a frame loses by the age of its action: min(g, l_j), and g without one.

    ``FrameLoss`` (a witness MDP) and ``MeasuredLoss`` (a measured curve) are its two kinds.

    Attributes
    ----------
    gap_default
        g, reward per frame that the default behaviour loses.
    """

    gap_default: float

    @abstractmethod
    def curve(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return l_j, the loss of an agent action of each age in frames, whatever the default behaviour loses."""

    @property
    @abstractmethod
    def limit(self) -> float:
        """l_inf, the loss at an unlimited age."""

    @property
    @abstractmethod
    def settled_age(self) -> float:
        """The age in frames from which v_j is v_inf to 1e-17; may be ``inf``."""

    @property
    def monotone(self) -> bool:
        """Whether the loss never falls with the age."""
        return True

    def worth(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return v_j = max(0, g - l_j): what an action of each age is worth more than the default behaviour."""
        return np.maximum(0.0, self.gap_default - self.curve(ages))

    @property
    def worth_at_infinity(self) -> float:
        """v_inf = max(0, g - l_inf)."""
        return max(0.0, self.gap_default - self.limit)

    @cached_property
    def last_useful_age(self) -> float:
        """j*: the largest age in frames at which an action still loses less than g; ``inf`` where all ages do."""
        if self.worth_at_infinity > 0.0 or not math.isfinite(self.settled_age):
            return math.inf
        useful = np.flatnonzero(self.worth(np.arange(int(self.settled_age) + 1)) > 0.0)
        return float(useful[-1]) if len(useful) else -1.0

    def of_age(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return min(g, l_j), what a frame served at each age loses."""
        return np.minimum(self.gap_default, self.curve(ages))

    def inaction(self, service: ServiceLaw) -> float:
        """Return phi g."""
        return inaction_regret(service.inaction_fraction, self.gap_default)

    def delay(self, service: ServiceLaw) -> float:
        """Return sum_j a_j min(g, l_j), the delay part per frame."""
        return float(service.delay_law @ self.of_age(np.arange(len(service.delay_law))))

    def total(self, service: ServiceLaw) -> float:
        """Return the two parts together, per frame."""
        return self.inaction(service) + self.delay(service)


@dataclass(frozen=True)
class FrameLoss(AgeLoss):
    """The stakes: how fast an observation goes stale, and what a late action and no action cost.

    Attributes
    ----------
    p
        Mode probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    symbols
        K for the ring W2; None for the shift register W1, the worst case of all.
    gap_default, gap_delay
        g and Delta, reward per frame.

    Examples
    --------
    >>> round(FrameLoss(0.8).of_delay(3), 12)
    0.488
    """

    p: float
    symbols: int | None = None
    gap_default: float = 1.0
    gap_delay: float = 1.0

    def __post_init__(self) -> None:
        check_mode_probability(self.p, self.symbols)
        check_gap(self.gap_default, "gap of the default behaviour")
        check_gap(self.gap_delay, "gap of a wrong action")

    @property
    def decay(self) -> float:
        """p, or lambda on the ring: what each frame of delay multiplies the value of an action by."""
        return float(self.p) if self.symbols is None else ring_eigenvalue(self.p, self.symbols)

    @property
    def stake(self) -> float:
        """Delta, or Delta (1 - 1/K) on the ring: the loss of an action that knows nothing."""
        return self.gap_delay * (1.0 if self.symbols is None else 1.0 - 1.0 / self.symbols)

    def of_delay(self, frames: float) -> float:
        """Return the loss of a frame served by an action of that delay in frames, were there no default behaviour."""
        return self.stake * (1.0 - self.decay**frames)

    def curve(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return Delta (1 - 1/K) (1 - lambda^j)."""
        return np.asarray(self.stake * (1.0 - self.decay ** np.asarray(ages, dtype=np.float64)), dtype=np.float64)

    @property
    def limit(self) -> float:
        """Delta (1 - 1/K), or 0 where the observation never goes stale."""
        return 0.0 if self.decay == 1.0 else self.stake

    @cached_property
    def last_useful_age(self) -> float:
        """j*: the largest age in frames at which an action still loses less than g; ``inf`` where all ages do."""
        decay, stake = self.decay, self.stake
        if stake < self.gap_default or decay == 1.0:
            return math.inf if self.gap_default > 0.0 else -1.0
        if stake == self.gap_default:
            return math.inf if decay > 0.0 else 0.0
        if decay == 0.0 or self.gap_default == 0.0:
            return 0.0 if self.gap_default > 0.0 else -1.0
        return math.ceil(math.log1p(-self.gap_default / stake) / math.log(decay)) - 1.0

    @property
    def settled_age(self) -> float:
        """The age in frames from which v_j is v_inf to 1e-17; may be ``inf``."""
        decay = self.decay
        if decay == 1.0 or decay == 0.0 or self.stake == 0.0:
            return 1.0
        return max(1.0, min(self.last_useful_age + 1.0, math.ceil(math.log(_NEGLIGIBLE) / math.log(decay))))


@dataclass(frozen=True)
class LossByAge(AgeLoss):
    """The loss of a witness as a curve over ages: a simulation with it plays no path, so its errors are smaller."""

    gap_default: float
    of_witness: FrameLoss

    def curve(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return that of the witness."""
        return self.of_witness.curve(ages)

    @property
    def limit(self) -> float:
        """The limit of the witness."""
        return self.of_witness.limit

    @property
    def settled_age(self) -> float:
        """The age from which the loss of the witness does not change."""
        return self.of_witness.settled_age


def by_age(scenario: Scenario, loss: AgeLoss) -> Scenario:
    """Return a scenario whose mode stays with a loss that depends on the age alone, and actions that last as ages do.

    Examples
    --------
    >>> asked = Scenario(0.1, mode_probability=0.9, default_behaviour="repeat")
    >>> by_age(asked, loss_of(asked, "simulate")).service_model
    'chunk'
    """
    curve = LossByAge(loss.gap_default, loss) if isinstance(loss, FrameLoss) else loss
    lasting = {"default_behaviour": "noop", "chunk": math.inf} if scenario.service_model == "repeat" else {}
    return scenario.replace(mode_probability=None, symbols=None, loss=curve, **lasting)


@dataclass(frozen=True)
class MeasuredLoss(AgeLoss):
    """A measured loss curve: what a policy loses per frame at each age of its observation.

    Between measured ages the loss is that of the next lower one, and past the last it is the last. For a lower bound
    give simultaneous lower limits of the losses and of the gap (``limits_of``); for a prediction of what the policy
    earns, ``prediction_of`` its curve.

    Attributes
    ----------
    ages
        Measured ages in frames, rising whole numbers, the first at most 1.
    losses
        Loss per frame at each, finite; may fall with the age.
    gap_default
        g, the loss per frame of the default behaviour alone.
    declines
        Whether the agent takes the default action where its own loses more. A policy that was measured does not: its
        old actions act.

    Examples
    --------
    >>> MeasuredLoss((0, 2, 5), (0.0, 0.3, 0.2), 0.8).of_age([1, 2, 4, 9]).tolist()
    [0.0, 0.3, 0.3, 0.2]
    """

    ages: tuple[int, ...]
    losses: tuple[float, ...]
    gap_default: float
    declines: bool = True

    def __post_init__(self) -> None:
        check_gap(self.gap_default, "gap of the default behaviour")
        if len(self.ages) != len(self.losses) or not self.ages:
            raise InputError(f"a loss curve needs one loss for each age, not {len(self.losses)} for {len(self.ages)}")
        if self.ages[0] not in (0, 1) or any(b <= a for a, b in zip(self.ages, self.ages[1:], strict=False)):
            raise InputError(f"the ages of a loss curve must rise from 0 or 1, not {self.ages!r}")
        for loss in self.losses:
            if not math.isfinite(loss):
                raise InputError(f"the losses of a curve must be finite numbers, not {loss!r}")

    @classmethod
    def prediction_of(cls, curve: LossCurve) -> "MeasuredLoss":
        """Return a policy's own losses, linear between the measured ages.

        Raises
        ------
        InputError
            Where the default behaviour loses less than nothing.

        Examples
        --------
        >>> MeasuredLoss.prediction_of(LossCurve((0, 2), (0.0, 0.5), 0.3)).of_age([0, 1, 2]).tolist()
        [0.0, 0.25, 0.5]
        """
        ages = tuple(range(curve.ages[0], curve.ages[-1] + 1))
        return cls(ages, tuple(curve.at(ages).tolist()), _gap_of(curve, curve.gap_default), declines=False)

    @classmethod
    def limits_of(cls, curve: LossCurve) -> "MeasuredLoss":
        """Return limits that all losses and the gap exceed together, for a lower bound.

        The losses themselves where a curve has no limits. A loss is that of the measured age below.
        """
        gap = curve.gap_default if curve.lower_gap is None else max(0.0, curve.lower_gap)
        return cls(curve.ages, curve.lower_losses or curve.losses, _gap_of(curve, gap))

    def of_age(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return what a frame served at each age loses."""
        return super().of_age(ages) if self.declines else self.curve(ages)

    def curve(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return the loss at the largest measured age that is not above each."""
        place = np.searchsorted(np.asarray(self.ages), np.asarray(ages), side="right") - 1
        return np.asarray(self.losses, dtype=np.float64)[np.maximum(place, 0)]

    @property
    def limit(self) -> float:
        """The last loss."""
        return float(self.losses[-1])

    @property
    def settled_age(self) -> float:
        """The last measured age."""
        return max(1.0, float(self.ages[-1]))

    @property
    def monotone(self) -> bool:
        """Whether no loss is below one at a lower age."""
        return all(b >= a for a, b in zip(self.losses, self.losses[1:], strict=False))


def _gap_of(curve: LossCurve, gap: float) -> float:
    """Return the gap of a curve; refuse one below zero, which no figure here has a meaning for."""
    if gap < 0:
        named = "the loss curve" if curve.source is None else f"loss curve '{curve.source}'"
        raise InputError(
            f"in {named} the default behaviour loses {gap:.4g} a frame, less than nothing: nothing is gained by the "
            "policy that was measured"
        )
    return gap


def loss_of(scenario: Scenario, entry: str) -> AgeLoss:
    """Return what a frame of a scenario loses: its measured curve, or the witness of its mode probability.

    The random default behaviour loses Delta (1 - 1/A), A its ``actions`` (the symbols of a ring if not given).

    Parameters
    ----------
    scenario
        With a loss or a mode probability.
    entry
        What is asked, as a message names it.

    Raises
    ------
    InputError
        For neither, a loss that is not a curve, or a random default behaviour without a number of actions.

    Examples
    --------
    >>> loss_of(Scenario(mode_probability=0.9, default_behaviour="random", actions=4), "bound").gap_default
    0.75
    """
    if scenario.loss is not None:
        if scenario.mode_probability is not None:
            raise InputError(
                f"give {entry} a loss curve or a mode probability, not both: the mode probability is "
                f"{scenario.mode_probability:g}"
            )
        if not isinstance(scenario.loss, AgeLoss | LossCurve):
            raise InputError(
                f"the loss of a {entry} must be a loss curve, its file or a MeasuredLoss, not {scenario.loss!r}"
            )
        if isinstance(scenario.loss, LossCurve):
            for name in ("symbols", "mode", "gap_default", "gap_delay", "actions"):
                if not scenario.is_default(name):
                    said = f"{name.replace('_', ' ')} {getattr(scenario, name)!r}"
                    raise InputError(f"a loss curve says by itself what is lost, and {said} is given: leave it out")
        if scenario.default_behaviour == "repeat":
            raise InputError(f"{entry} takes a loss curve of repeated actions as one of chunks: give chunk inf")
        if isinstance(scenario.loss, LossCurve):
            return MeasuredLoss.prediction_of(scenario.loss)
        return scenario.loss
    if scenario.mode_probability is None:
        raise InputError(f"{entry} needs mode probability, and none is given")
    gap = scenario.gap_default
    if scenario.default_behaviour == "random":
        actions = scenario.actions or scenario.symbols
        if actions is None:
            raise InputError("the random default behaviour needs the number of actions, and none is given")
        gap = scenario.gap_delay * (1.0 - 1.0 / actions)
    return FrameLoss(scenario.mode_probability, scenario.symbols, gap, scenario.gap_delay)


def limit_of(scenario: Scenario, loss: AgeLoss) -> float:
    """Return the frames of age from which no output of a scenario acts: past its chunk or age limit; may be ``inf``.

    Raises
    ------
    InputError
        For an age limit of repeated actions.

    Examples
    --------
    >>> asked = Scenario(mode_probability=0.5, gap_default=0.8, age_limit="auto")
    >>> limit_of(asked, loss_of(asked, "bound")), limit_of(asked.replace(age_limit=None, chunk=4), FrameLoss(0.5))
    (3.0, 5)
    """
    limit = math.inf if scenario.chunk is None else scenario.chunk + 1
    if scenario.age_limit is None:
        return limit
    if scenario.service_model == "repeat":
        raise InputError("a repeated action has no age limit: leave age limit or default behaviour out")
    own = max(0.0, loss.last_useful_age) + 1.0 if scenario.age_limit == "auto" else float(scenario.age_limit)
    return min(limit, own)


def worth_of(loss: AgeLoss, limit: float = math.inf) -> list[float]:
    """Return what an output of age 1, 2, ... is worth, 0 from a limit on; the last number holds for all later ages.

    Examples
    --------
    >>> worth_of(FrameLoss(0.5), limit=3)
    [0.5, 0.25, 0.0]
    """
    ages = np.arange(1, SECTION + 1)
    worth = np.where(ages < limit, loss.worth(ages), 0.0)
    changes = np.flatnonzero(np.diff(worth))
    return [float(value) for value in worth[: int(changes[-1]) + 2 if len(changes) else 1]]


def workers_in_groups(workers: float, replicas: int) -> float:
    """Return the number of groups of workers that race; raise ``InputError`` unless they come out even.

    Examples
    --------
    >>> workers_in_groups(6, 2)
    3.0
    """
    groups = workers / replicas
    if math.isfinite(groups) and groups != int(groups):
        raise InputError(f"workers must be a multiple of {replicas} replicas, not {workers:g}")
    return groups

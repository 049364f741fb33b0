r"""Delay curves: what a policy loses at each age of its actions, measured by play, and as a file that a world is.

No clock is needed to measure one (`regretlab.play.delay_curve`): the environment waits, and each frame gets an action
of a given age. Per frame of age j a policy earns r_j and ends e_j episodes; rates per frame add over the frames of a
run as long as they depend on the age alone, so a run whose frames have ages j with shares a_j, and no action with
share phi, is predicted to earn :math:`r = \sum_j a_j r_j + \phi r_\beta` a frame, to end
:math:`e = \sum_j a_j e_j + \phi e_\beta` episodes a frame, and to return r/e per episode. The loss is

* per frame: l_j = r_0 - r_j;
* per episode: l_j = G_0 e_j - r_j with G_0 = r_0/e_0 the return per episode without delay, because
  G_0 - r/e = (G_0 e - r)/e: of the two it is the one that is zero where the return per episode is that without delay.

What follows is a prediction for this policy: the baseline is the policy without delay, not the optimum, and a policy
that moves its environment is not only as good as its actions are fresh (docs/predictions).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .files import write_atomically
from .inputs import read_json
from .results import Estimate, Result, ServiceLaw, interval_quantile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "CHECKS",
    "DELAY",
    "HELD_CHECKS",
    "KIND",
    "CurveFit",
    "DelayCurve",
    "LossCurve",
    "PredictedPlay",
    "predicted_play",
    "read_loss_curve",
    "stacked",
]

KIND = "regretlab loss curve"
DELAY = "{delay}"
"""Stands in the name of a policy for its delay in frames: a policy for each."""
_REJECTED = 0.05  # of the test of the nearest witness
LEVEL = 0.99
DOSE = 0.1
"""Share of the frames at the longest delay, or without an action, in the checks with few of them."""
CHECKS = (
    "an age drawn anew in every frame, or no action",
    f"{DOSE:.0%} of the frames at the longest delay, the others at none",
    f"{DOSE:.0%} of the frames without an action, the others without delay",
)
HELD_CHECKS = (
    "a latency drawn anew for each action",
    f"{DOSE:.0%} of the actions at the longest latency, the others at none",
)
_REWARD, _FRAMES, _ENDS = 0, 1, 2
_MOST_AGE = 2**22
_AWARE = "the curve is of a policy for each delay: the delay is known when the action is chosen"
_SAID = "a prediction for this policy: --loss FILE in bound, lower_bound, plan, simulate and sweep"


class PredictedPlay(NamedTuple):
    """What a curve predicts for shares of frames by age; None where no episode ends."""

    reward_per_frame: float
    return_per_episode: float | None
    episode_length: float | None

    def words(self) -> str:
        """Return the prediction in words."""
        said = f"reward {self.reward_per_frame:.4g} a frame"
        if self.return_per_episode is None:
            return said
        return f"{self.return_per_episode:.4g} an episode of {self.episode_length:.4g} frames; {said}"


class CurveFit(NamedTuple):
    """The witness nearest to a curve: l_j = gap (1 - p^j), by generalised least squares.

    ``p_value`` is that of Hotelling's T-squared test of the residuals with the losses' joint covariance; None (and the
    fit that of least squares) with too few replications or delays, or where a loss does not vary. ``misfit`` is the
    largest residual, reward per frame.
    """

    mode_probability: float
    gap: float
    p_value: float | None
    misfit: float


@dataclass(frozen=True)
class LossCurve:
    """What a frame loses by the age of its action, as a ``Scenario`` holds it.

    Attributes
    ----------
    ages
        Measured ages in frames, rising whole numbers, the first 0 or 1.
    losses
        Loss per frame at each; finite, may be negative (noise) and may fall with the age.
    gap_default
        Loss per frame of the default behaviour alone.
    lower_losses, lower_gap
        Limits that all losses and the gap exceed together with 99 % confidence; None where they are not known.
    rewards, ends
        Reward and ended episodes per frame at each age, and under the default behaviour (the last entry); empty where
        not known.
    source
        The file, None for a curve in memory.
    held
        Whether actions were held while it was measured; None where that is not known.
    aware
        Whether each age was played by a policy made for it.

    Raises
    ------
    InputError
        For values out of range, in one sentence.

    Examples
    --------
    >>> LossCurve((0, 2), (0.0, 0.5), 1.0).at([0, 1, 2, 9]).tolist()
    [0.0, 0.25, 0.5, 0.5]
    """

    ages: tuple[int, ...]
    losses: tuple[float, ...]
    gap_default: float
    lower_losses: tuple[float, ...] | None = None
    lower_gap: float | None = None
    rewards: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()
    source: str | None = None
    held: bool | None = None
    aware: bool = False

    def caution(self, lasts: bool) -> tuple[str, ...]:
        """Return what to say where outputs act for several frames, or for one, and the curve was measured otherwise."""
        if self.aware:
            return (_AWARE, *replace(self, aware=False).caution(lasts))
        if self.held is None or self.held == lasts:
            return ()
        if lasts:
            return ("the curve is of actions of their own in each frame, not of held ones: measure it with a chunk",)
        return ("the curve is of held actions, and here an action acts in one frame: measure it without a chunk",)

    def __post_init__(self) -> None:
        named = "a loss curve" if self.source is None else f"loss curve '{self.source}'"
        whole = all(isinstance(age, int) and not isinstance(age, bool) for age in self.ages)
        rising = all(b > a for a, b in zip(self.ages, self.ages[1:], strict=False))
        if not self.ages or not whole or self.ages[0] not in (0, 1) or not rising or self.ages[-1] > _MOST_AGE:
            shown = ", ".join(map(repr, self.ages[:6])) or "none"
            raise InputError(f"the ages of {named} must be whole numbers that rise from 0 or 1, not {shown}")
        counted = {
            "losses": (self.losses, len(self.ages)),
            "lower limits": (self.lower_losses, len(self.ages)),
            "rewards": (self.rewards or None, len(self.ages) + 1),
            "ends": (self.ends or None, len(self.ages) + 1),
        }
        for what, (values, length) in counted.items():
            if values is None:
                continue
            if len(values) != length:
                raise InputError(f"{named} has {len(values)} {what} for {len(self.ages)} ages: it needs {length}")
            for value in values:
                if not math.isfinite(value):
                    raise InputError(f"the {what} of {named} must be finite numbers, not {value}")
        for gap in (self.gap_default, *(() if self.lower_gap is None else (self.lower_gap,))):
            if not math.isfinite(gap):
                raise InputError(f"the gap of the default behaviour in {named} must be a finite number, not {gap}")

    def at(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return the loss at each age: linear between measured ones, and that of the last beyond it."""
        return np.interp(np.asarray(ages, dtype=np.float64), self.ages, self.losses)

    def predict(self, delay_law: ArrayLike, inaction_fraction: float) -> PredictedPlay | None:
        """Return what play earns in which a share ``delay_law[j]`` of the frames is served at age j.

        Parameters
        ----------
        delay_law
            Array of shape (J,), a_j.
        inaction_fraction
            phi, the share of frames without an action.

        Returns
        -------
        PredictedPlay | None
            None for a curve that holds losses alone.

        Examples
        --------
        >>> curve = LossCurve((0, 2), (0.0, 0.4), 0.8, rewards=(1.0, 1.0, 1.0), ends=(0.01, 0.03, 0.05))
        >>> curve.predict([0.0, 0.0, 0.5], 0.5)
        PredictedPlay(reward_per_frame=1.0, return_per_episode=25.0, episode_length=25.0)
        """
        if not self.rewards:
            return None
        shares = np.asarray(delay_law, dtype=np.float64)
        ages = np.arange(len(shares))

        def mean(rates: tuple[float, ...]) -> float:
            return float(shares @ np.interp(ages, self.ages, rates[:-1]) + inaction_fraction * rates[-1])

        reward, ends = mean(self.rewards), mean(self.ends) if self.ends else 0.0
        return PredictedPlay(reward, reward / ends, 1.0 / ends) if ends > 0 else PredictedPlay(reward, None, None)


def predicted_play(loss: object, service: ServiceLaw) -> PredictedPlay | None:
    """Return what the policy of a curve earns under a service; None for a loss that is not a curve with rates."""
    if not isinstance(loss, LossCurve):
        return None
    if service.age_law is None:
        return loss.predict(service.delay_law, service.inaction_fraction)
    return loss.predict(service.age_law, max(0.0, 1.0 - float(service.age_law.sum())))


def read_loss_curve(path: str | Path) -> LossCurve:
    """Read the loss curve in a JSON file: what ``DelayCurve.save`` wrote, or a table of one's own.

    Parameters
    ----------
    path
        A JSON object with ``ages``, ``losses`` and ``gap_default``; further keys as ``DelayCurve.to_json`` has them.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold a loss curve.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "own.json"
    >>> _ = file.write_text('{"ages": [0, 4], "losses": [0, 0.2], "gap_default": 0.5}')
    >>> read_loss_curve(file).losses
    (0.0, 0.2)
    """
    values = read_json(path, "loss curve")
    if not isinstance(values, dict):
        raise InputError(f"loss curve '{path}' must be a JSON object with ages, losses and gap_default")
    for name in ("ages", "losses", "gap_default"):
        if name not in values:
            raise InputError(f"loss curve '{path}' has no '{name}': it needs ages, losses and gap_default")
    if values.get("kind", KIND) != KIND:
        raise InputError(f"'{path}' is not a loss curve: its kind is {values['kind']!r}, not '{KIND}'")
    limits, rates = values.get("lower_limits") or {}, values.get("rates") or {}
    if not isinstance(limits, dict) or not isinstance(rates, dict):
        raise InputError(f"'lower_limits' and 'rates' of loss curve '{path}' must be JSON objects")
    return LossCurve(
        ages=tuple(_listed(values["ages"], "ages", path)),
        losses=_numbers(values["losses"], "losses", path),
        gap_default=_number(values["gap_default"], "gap_default", path),
        lower_losses=None if "losses" not in limits else _numbers(limits["losses"], "lower limits", path),
        lower_gap=None if "gap_default" not in limits else _number(limits["gap_default"], "lower limit", path),
        rewards=_numbers(rates.get("rewards", []), "rewards", path),
        ends=_numbers(rates.get("ends", []), "ends", path),
        source=str(path),
        held=None if values.get("curve") not in ("fixed", "held", "chunk") else values["curve"] != "fixed",
        aware=values.get("aware") is True,
    )


def _listed(value: Any, name: str, path: str | Path) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"'{name}' of loss curve '{path}' must be a list of numbers, not {value!r}"[:200])
    return value


def _numbers(value: Any, name: str, path: str | Path) -> tuple[float, ...]:
    return tuple(_number(each, name, path) for each in _listed(value, name, path))


def _number(value: Any, name: str, path: str | Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"'{name}' of loss curve '{path}' must hold numbers, not {value!r}"[:200])
    return float(value)


@dataclass(frozen=True, eq=False, repr=False)
class DelayCurve(Result):
    """What a policy earns and loses by the age of its actions, measured.

    Attributes
    ----------
    environment, policy, default_behaviour
        What played.
    curve
        Whose curve: "fixed" (each frame has an action of its own, so many frames old), "held" (each action stays until
        the next, the ages by which its frames are averaged) or "chunk" (held for so many frames of age at most).
    per
        What counts: "frame" (reward per frame) or "episode" (return per episode).
    ages
        Ages of actions in frames, rising from 0.
    delays
        Delays that were asked for, in frames.
    tallies
        Array of shape (replications, ages + 1 + checks, 3): rewards, frames and ended episodes at each age, under the
        default behaviour alone, and in the checks (``CHECKS``, ``HELD_CHECKS``: two where actions are held).
    served
        Array of shape (replications, checks, ages + 1): frames of each check at each age and (last) without an action.
    cut
        Plays, of all in all replications, that reached the largest number of frames before all their episodes ended.
    seed
        The first seed.
    """

    environment: str
    policy: str
    default_behaviour: str
    curve: Literal["fixed", "held", "chunk"]
    per: Literal["frame", "episode"]
    ages: tuple[int, ...]
    delays: tuple[int, ...]
    tallies: NDArray[np.float64]
    served: NDArray[np.float64]
    cut: int = 0
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def aware(self) -> bool:
        """Whether each age was played by a policy made for it."""
        return DELAY in self.policy

    @property
    def replications(self) -> int:
        """Independent replications; replication k of every age has the same seed."""
        return len(self.tallies)

    @cached_property
    def _rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Reward and ends per frame of each column, and what each replication moves them by (influence values)."""
        reward, frames, ends = (self.tallies[..., each] for each in (_REWARD, _FRAMES, _ENDS))
        mean = frames.mean(axis=0)
        rate, ended = reward.mean(axis=0) / mean, ends.mean(axis=0) / mean
        return rate, ended, (reward - rate * frames) / mean, (ends - ended * frames) / mean

    @cached_property
    def _losses(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Losses of each column, and their influence values, shape (replications, columns)."""
        rate, ended, by_rate, by_ends = self._rates
        if self.per == "frame":
            return rate[0] - rate, by_rate[:, :1] - by_rate
        base = rate[0] / ended[0]
        of_base = (by_rate[:, :1] - base * by_ends[:, :1]) / ended[0]
        return base * ended - rate, of_base * ended + base * by_ends - by_rate

    def _estimate(self, value: float, influence: NDArray[np.float64]) -> Estimate:
        count = self.replications
        error = float(influence.std(ddof=1) / math.sqrt(count))
        said = ("replications are independent, and play the same seeds at every age",)
        return Estimate(float(value), error, "measurement", said, count - 1)

    def reward_per_frame(self, column: int) -> Estimate:
        """Return the reward per frame of a column: the place of an age; after the last the default behaviour alone."""
        rate, _, by_rate, _ = self._rates
        return self._estimate(rate[column], by_rate[:, column])

    def return_per_episode(self, column: int) -> Estimate | None:
        """Return the return per episode; None where no episode ended."""
        rate, ended, by_rate, by_ends = self._rates
        if ended[column] == 0:
            return None
        value = rate[column] / ended[column]
        return self._estimate(value, (by_rate[:, column] - value * by_ends[:, column]) / ended[column])

    def episode_length(self, column: int) -> Estimate | None:
        """Return the frames of an episode; None where none ended."""
        _, ended, _, by_ends = self._rates
        if ended[column] == 0:
            return None
        return self._estimate(1.0 / ended[column], -by_ends[:, column] / ended[column] ** 2)

    def loss(self, column: int) -> Estimate:
        """Return what a frame of a column loses against the policy without delay."""
        losses, influence = self._losses
        return self._estimate(losses[column], influence[:, column])

    @property
    def gap_default(self) -> Estimate:
        """What a frame of the default behaviour alone loses."""
        return self.loss(len(self.ages))

    @property
    def widest(self) -> float:
        """Half of the widest 99 % interval among the losses and the gap."""
        found = [self.loss(column) for column in range(1, len(self.ages) + 1)]
        return max(each.interval(LEVEL)[1] - each.value for each in found)

    @cached_property
    def loss_curve(self) -> LossCurve:
        """The curve as a ``Scenario`` takes it, with simultaneous lower limits (Bonferroni)."""
        count = len(self.ages)
        found = [self.loss(column) for column in range(count + 1)]
        reach = interval_quantile(1.0 - 2.0 * (1.0 - LEVEL) / count, self.replications - 1)
        low = [each.value - reach * (each.standard_error or 0.0) for each in found]
        rate, ended, _, _ = self._rates
        columns = range(count + 1)
        return LossCurve(
            self.ages,
            tuple(each.value for each in found[:-1]),
            found[-1].value,
            (0.0, *low[1:-1]),
            low[-1],
            tuple(float(rate[column]) for column in columns),
            tuple(float(ended[column]) for column in columns),
            held=self.curve != "fixed",
            aware=self.aware,
        )

    def predict(self, delay_law: ArrayLike, inaction_fraction: float) -> tuple[Estimate, Estimate | None]:
        """Return reward per frame and return per episode as ``LossCurve.predict`` does, with the curve's own errors."""
        rate, ended, by_rate, by_ends = self._rates
        shares = np.asarray(delay_law, dtype=np.float64)
        count = len(self.ages)
        basis = [np.interp(np.arange(len(shares)), self.ages, row) for row in np.eye(count)]
        weights = np.append(np.array(basis) @ shares, inaction_fraction)
        reward, ends = float(weights @ rate[: count + 1]), float(weights @ ended[: count + 1])
        of_reward, of_ends = by_rate[:, : count + 1] @ weights, by_ends[:, : count + 1] @ weights
        found = self._estimate(reward, of_reward)
        if ends <= 0:
            return found, None
        return found, self._estimate(reward / ends, (of_reward - reward / ends * of_ends) / ends)

    @cached_property
    def fit(self) -> CurveFit | None:
        """The nearest witness; None where no delay costs anything or fewer than two delays were measured.

        Nearest by the covariance of the losses, which its test needs; by least squares where that test rejects it, or
        errors that nearly move together would choose one far from every loss.
        """
        from scipy.optimize import minimize_scalar
        from scipy.stats import f as fisher

        losses, influence = self._losses
        count, n = len(self.ages), self.replications
        ages, measured, spread = np.array(self.ages[1:], float), losses[1:count], influence[:, 1:count]
        if count < 3 or measured.max() <= 0:
            return None
        covariance = np.atleast_2d(np.cov(spread, rowvar=False)) / n
        variances = np.diag(covariance)
        tested = variances.min() > 0 and n > 2 * count and bool(np.linalg.cond(covariance) < 1e10)
        equal = np.asarray(np.eye(count - 1), dtype=np.float64)
        weights = np.asarray(np.linalg.inv(covariance), dtype=np.float64) if tested else equal

        def gap_and_misfit(p: float, weights: NDArray[np.float64]) -> tuple[float, float]:
            shape = 1.0 - p**ages
            norm = float(shape @ weights @ shape)
            gap = max(0.0, float(shape @ weights @ measured) / norm) if norm > 0 else 0.0
            rest = measured - gap * shape
            return gap, float(rest @ weights @ rest)

        def nearest(weights: NDArray[np.float64]) -> tuple[float, float, float]:
            grid = np.append(0.0, 1.0 - np.geomspace(1.0, 1e-4, 200))
            place = int(np.argmin([gap_and_misfit(p, weights)[1] for p in grid]))
            low, high = grid[max(0, place - 1)], grid[min(len(grid) - 1, place + 1)]
            best = minimize_scalar(lambda p: gap_and_misfit(p, weights)[1], bounds=(low, high), method="bounded")
            p = float(best.x) if best.fun < gap_and_misfit(grid[place], weights)[1] else float(grid[place])
            return p, *gap_and_misfit(p, weights)

        p, gap, misfit = nearest(weights)
        free = count - 3
        p_value = None
        if tested and free >= 1:
            p_value = float(fisher.sf(misfit * (n - free) / (free * (n - 1)), free, n - free))
            if p_value < _REJECTED:
                p, gap, _ = nearest(equal)
        return CurveFit(p, gap, p_value, float(np.abs(measured - gap * (1.0 - p**ages)).max()))

    def checks(self) -> list[dict[str, Any]]:
        """Return what the curve predicts for each check, by its shares of frames, next to what the check lost."""
        losses, influence = self._losses
        count = len(self.ages)
        found = []
        for number, name in enumerate(CHECKS if self.curve == "fixed" else HELD_CHECKS):
            frames = self.served[:, number].sum(axis=0)
            shares = frames / frames.sum()
            column = count + 1 + number
            off = self._estimate(
                losses[column] - float(shares @ losses[: count + 1]),
                influence[:, column] - influence[:, : count + 1] @ shares,
            )
            low, high = off.interval(LEVEL)
            found.append(
                {
                    "play": name,
                    "predicted": float(shares @ losses[: count + 1]),
                    "measured": float(losses[column]),
                    "difference": off.value,
                    "interval": [low, high],
                    "agrees": bool(low <= 1e-12 and high >= -1e-12),
                }
            )
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before the curve is used."""
        said = [_AWARE] if self.aware else []
        gap, (low, _) = self.gap_default.value, self.gap_default.interval(LEVEL)
        if low <= 0:
            said.append(
                f"the {self.default_behaviour} behaviour alone loses {gap:.3g} a frame, not surely more than nothing: "
                "the policy may be no better than doing without it"
            )
        if self.per == "episode" and self.cut:
            said.append(
                f"{self.cut} plays reached the largest number of frames before their episodes ended: lengths and "
                "returns per episode are estimated from rates (give more frames)"
            )
        if any(not check["agrees"] for check in self.checks()):
            said.append(
                "a check differs from the curve: the loss depends on more than the age of the action, so that a "
                "prediction may be off by as much as the check is"
            )
        return tuple(said)

    @property
    def title(self) -> str:
        """What was measured, in one line."""
        return f"delay curve of {self.policy} on {self.environment}"

    def _plays(self) -> list[tuple[str, int]]:
        word = "delay" if self.curve == "fixed" else "age"
        names = [f"{word} {age}" for age in self.ages]
        return [(name, column) for column, name in enumerate([*names, f"{self.default_behaviour} alone"])]

    def _by_age(self, column: int) -> bool:
        """Whether a column has the frames of an age out of plays with many, so that it has no episodes of its own."""
        return self.curve != "fixed" and 0 < column < len(self.ages)

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        said = {"fixed": "an action of its own in each frame", "held": "each action held until the next"}
        how = said.get(self.curve, "action chunks") + ("; a policy for each delay" if self.aware else "")
        counted = "return per episode" if self.per == "episode" else "reward per frame"
        facts = [
            ("measured", f"{self.replications} replications with the same seeds at every age; {how}"),
            ("loss", f"per frame, of {counted}; intervals of 99 %"),
        ]
        for name, column in self._plays():
            length = self.episode_length(column)
            returned = self.return_per_episode(column)
            episodes = ""
            if length is not None and returned is not None and not self._by_age(column):
                episodes = f"; {_half(returned)} an episode of {length.value:.4g} frames"
            earned = f"earned {_half(self.reward_per_frame(column))} a frame{episodes}"
            facts.append((name, f"lost {_half(self.loss(column))} ({earned})"))
        fit = self.fit
        if fit is None:
            facts.append(("nearest witness", "none: no delay costs anything, or fewer than two were measured"))
        else:
            judged = "" if fit.p_value is None else f", goodness of fit p = {fit.p_value:.2g}"
            found = (
                f"mode probability {fit.mode_probability:.4g}, gap {fit.gap:.4g}, off by up to {fit.misfit:.2g}{judged}"
            )
            facts.append(("nearest witness", found))
        for check in self.checks():
            verdict = "agrees" if check["agrees"] else "differs"
            text = f"predicted loss {check['predicted']:.4g}, measured {check['measured']:.4g}: {verdict}"
            facts.append((f"check: {check['play']}", text))
        facts += [("warning", text) for text in self.warnings]
        facts.append(("use", _SAID))
        return facts

    def to_json(self) -> dict[str, Any]:
        """Return the curve as plain values: what ``save`` writes and ``Scenario(loss=FILE)`` reads."""
        curve, fit = self.loss_curve, self.fit
        return {
            "kind": KIND,
            "environment": self.environment,
            "policy": self.policy,
            "default_behaviour": self.default_behaviour,
            "curve": self.curve,
            "aware": self.aware,
            "per": self.per,
            "delays": list(self.delays),
            "replications": self.replications,
            "seed": self.seed,
            "settings": dict(self.settings),
            "ages": list(self.ages),
            "losses": list(curve.losses),
            "gap_default": curve.gap_default,
            "lower_limits": {"losses": list(curve.lower_losses or ()), "gap_default": curve.lower_gap},
            "rates": {"rewards": list(curve.rewards), "ends": list(curve.ends)},
            "plays": [
                {
                    "play": name,
                    "loss": _said(self.loss(column)),
                    "reward_per_frame": _said(self.reward_per_frame(column)),
                    "return_per_episode": None if by_age else _said(self.return_per_episode(column)),
                    "episode_length": None if by_age else _said(self.episode_length(column)),
                }
                for name, column in self._plays()
                for by_age in (self._by_age(column),)
            ],
            "fit": None if fit is None else fit._asdict(),
            "checks": self.checks(),
            "warnings": list(self.warnings),
            "use": _SAID,
        }

    def save(self, path: str | Path) -> Path:
        """Write the curve as JSON, for ``Scenario(loss=FILE)`` and ``--loss FILE``; return its path."""
        write_atomically(Path(path), json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n")
        return Path(path)

    def plot(self) -> "Figure":
        """Draw the losses with their intervals, the nearest witness and the loss of the default behaviour."""
        from .plots.curve import delay_curve_figure

        found = [self.loss(column) for column in range(len(self.ages) + 1)]
        fit = self.fit
        return delay_curve_figure(
            self.ages,
            [each.value for each in found],
            [each.interval(LEVEL) for each in found],
            None if fit is None else (fit.mode_probability, fit.gap),
            f"loss per frame ({self.per})",
            f"{self.default_behaviour} alone",
        )


def _half(found: Estimate) -> str:
    return f"{found.value:.4g} ± {found.interval(LEVEL)[1] - found.value:.2g}"


def _said(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "standard_error": found.standard_error, "interval": list(found.interval(LEVEL))}


def stacked(parts: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], int]]) -> tuple[Any, Any, int]:
    """Return the tallies and served frames of all replications, and the plays that were cut."""
    return np.array([each[0] for each in parts]), np.array([each[1] for each in parts]), sum(each[2] for each in parts)

r"""A lower bound over all path-blind staggering rules (docs/lower-bound, Theorem A).

Path-blind rules decide when a worker starts, and what is held, dropped, reordered or cancelled, from past and elapsed
inference times and randomness of their own, never from states, observations, outputs or rewards. With
r = N tau_M / E T inferences per frame, F_j = P(D <= j), and A_j the fraction of frames served at age j or less,

.. math:: A_j \le \min(1, r G_j), \qquad G_j = F_j \ (\text{once}), \quad
          G_j = \sum_{m \le \min(j, H)} F_m \ (\text{chunk}(H);\ H = \infty \text{ for repeat}),

so that the regret per frame is at least g - S, S being the most that the shares a_j can earn at v_j = max(0, g - l_j):

.. math:: S = \min_{y \ge 0}\Bigl[y + r\,E\bigl(\max_{i \ge D} v_i - y\bigr)^+\Bigr] \ (\text{once}), \qquad
          S = \min_{y \ge v_\infty}\Bigl[y + r\sum_{j \le H} F_j (v_j - y)^+\Bigr] \ (\text{chunk}).

Derived in docs/lower-bound; the model of Riemer, Subbaraj, Berseth & Rish 2024.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..curves import LossCurve
from ..errors import InputError
from ..laws import Law
from ..laws.law import LONGEST_PMF, check_frame_time
from ..laws.resampling import SamplingInterval, sampling_interval
from ..laws.server import own_time
from ..results import Method, RegretParts, Result, listed
from ..scenario import Scenario, as_scenario
from .checks import check_count, check_gap, check_positive
from .delay import check_mode_probability
from .loss import AgeLoss, FrameLoss, MeasuredLoss, loss_of

__all__ = [
    "LowerBound",
    "ServiceModel",
    "SharperBound",
    "arrival_rate",
    "lower_bound",
    "lower_bound_of_law",
    "lower_bounds",
    "may_cancel",
    "workers_without_inaction",
]

ServiceModel = Literal["once", "repeat", "chunk"]

_NEGLIGIBLE = 1e-17
_THRESHOLDS_PER_FRAME = 32
_LONGEST_DUAL = 2.0**18
_MOST_WORKERS = 10**7


@dataclass(frozen=True)
class SharperBound:
    """A lower bound that is at least that of Theorem A, where its conditions hold.

    Attributes
    ----------
    name
        "collision" (whole-frame times) or "phase" (any law).
    regret_per_frame
        The bound, reward per frame.
    """

    name: str
    regret_per_frame: float

    def to_json(self) -> dict[str, Any]:
        """Return name and value."""
        return {"name": self.name, "regret_per_frame": self.regret_per_frame}


@dataclass(frozen=True, repr=False)
class LowerBound(Result):
    """The regret that no path-blind rule of these workers can stay below.

    Attributes
    ----------
    regret_per_frame
        g - S of Theorem A, or of its form with cancelling.
    inaction_fraction
        Fraction of frames that every rule leaves to the default behaviour; with "repeat", which repeats an action.
    workers_without_inaction
        Smallest number of workers for which that fraction is zero; None where no number suffices.
    service_model
        "once", "repeat" or "chunk".
    chunk
        H, ages an output holds actions for; ``inf`` for an unlimited chunk, None for "once".
    workers, frame_time, horizon
        N; seconds of a frame; seconds of the horizon or None.
    gap_default
        g, reward per frame.
    price
        y, the value of one frame of service more: the multiplier of the constraint that a frame is served once.
    cancel_after
        Seconds after which inferences are cancelled, "any" for all mixtures of thresholds, None for no cancelling.
    assumptions
        What must hold.
    method
        "closed-form" (finite sums) or "series".
    sharper
        Sharper bounds where they were asked for and apply.
    asked
        Scenario and restart time that it is the bound of; None where it was computed from a law alone.
    formula
        Law, service model, H and whether on the ring, from which the LaTeX of the bound is made when it is asked for.
    """

    regret_per_frame: float
    inaction_fraction: float
    workers_without_inaction: int | None
    service_model: ServiceModel
    chunk: float | None
    workers: float
    frame_time: float
    gap_default: float
    price: float
    cancel_after: float | Literal["any"] | None
    assumptions: tuple[str, ...]
    method: Method
    horizon: float | None = None
    sharper: tuple[SharperBound, ...] = ()
    formula: tuple[Law, str, float, bool] | None = field(default=None, repr=False, compare=False)
    asked: tuple[Scenario, float] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def symbolic(self) -> str | None:
        """LaTeX of the bound, closed where the law has a closed form; None with cancelling; imports SymPy."""
        if self.formula is None:
            return None
        from .symbolic.any_rule import lower_bound_latex

        law, model, chunk, ring = self.formula
        return lower_bound_latex(law, model, chunk=chunk, ring=ring)

    @property
    def rules(self) -> str:
        """The rules that it is a bound over."""
        if self.cancel_after is None:
            return "all path-blind rules that cancel no inference"
        return f"all path-blind rules{self._that_cancels}".replace("cancels", "cancel")

    @property
    def _that_cancels(self) -> str:
        if self.cancel_after is None:
            return ""
        return ", cancelling or not" if self.cancel_after == "any" else f" that cancels after {self.cancel_after:g} s"

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        model = {"once": "one frame", "repeat": "repeated until a fresher one"}.get(self.service_model)
        workers = "1 worker" if self.workers == 1 else f"{self.workers:g} workers"
        model = model or f"a chunk of {self.chunk:g} ages"
        return f"any path-blind rule{self._that_cancels}, {workers}, an output serves {model}"

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        that_cancels = self._that_cancels + ("," if self.cancel_after == "any" else "")
        facts = [
            (
                "lower bound per frame",
                f"{self.regret_per_frame:.6g}  (no path-blind rule{that_cancels} has a lower regret)",
            ),
            *((f"  {bound.name} bound", f"{bound.regret_per_frame:.6g}") for bound in self.sharper),
            ("lower bound per second", f"{self.regret_per_second:.6g}"),
        ]
        if self.over_horizon is not None:
            facts.append((f"lower bound over {self.horizon:g} s", f"{self.over_horizon:.6g}"))
        fewest = self.workers_without_inaction
        finite = "finite " if self.workers == math.inf and self.inaction_fraction < 1.0 else ""
        return [
            *facts,
            *(self.sampling_interval.facts() if self.sampling_interval is not None else ()),
            ("unavoidable inaction", f"{100 * self.inaction_fraction:.4g} % of the frames"),
            ("fewest workers without it", f"no {finite}number suffices" if fewest is None else f"{fewest}"),
            ("method", self.method),
            *listed("assuming", self.assumptions),
        ]

    def _bars(self) -> list[tuple[str, RegretParts]]:
        return [(self.title, self.regret)]

    @property
    def regret_per_second(self) -> float:
        """The bound per second."""
        return self.regret_per_frame / self.frame_time

    @property
    def regret(self) -> RegretParts:
        """The bound per frame: what unavoidable idle frames lose, and the rest, which alone bounds nothing."""
        lost = 0.0 if self.service_model == "repeat" else self.gap_default  # a repeated action may lose nothing
        idle = min(self.regret_per_frame, self.inaction_fraction * lost)
        return RegretParts(idle, self.regret_per_frame - idle, method=self.method)

    @property
    def over_horizon(self) -> float | None:
        """The bound over the horizon; None without one."""
        return None if self.horizon is None else self.regret_per_second * self.horizon

    def _repr_latex_(self) -> str:
        formula = f"{self.symbolic} = " if self.symbolic else ""
        return f"$\\text{{regret per frame}} \\ge {formula}{self.regret_per_frame:.6g}$"

    @cached_property
    def sampling_interval(self) -> SamplingInterval | None:
        """Interval of bound and inaction where the inference time is known from samples, else None."""
        if self.asked is None:
            return None
        scenario, restart = self.asked

        def figures(law: Law) -> dict[str, float]:
            found = lower_bound(scenario.replace(inference_time=law), restart_time=restart, sharper=False)
            return {"inaction_fraction": found.inaction_fraction, "regret_per_frame.total": found.regret_per_frame}

        return sampling_interval(scenario.inference_time, figures)

    def in_brief(self) -> dict[str, Any]:
        """Return the bound as it is printed next to the value of a rule."""
        return {
            "regret_per_frame": self.regret_per_frame,
            "inaction_fraction": self.inaction_fraction,
            "service_model": self.service_model,
            "rules": self.rules,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the bound under the keys of ``regretlab bound``; what a bound over all rules leaves open is null."""

        def only_total(value: float) -> dict[str, float | None]:
            return {"inaction": None, "delay": None, "learning": None, "total": value}

        return {
            "inaction_fraction": self.inaction_fraction,
            "delay_law": None,
            "service_value": None,
            "interaction_time": None,
            "workers_for_zero_inaction": self.workers_without_inaction,
            "regret_per_frame": only_total(self.regret_per_frame),
            "sampling_interval": None if self.sampling_interval is None else self.sampling_interval.to_json(),
            "regret_per_second": only_total(self.regret_per_second),
            "regret": None if self.over_horizon is None else only_total(self.over_horizon),
            "method": self.method,
            "standard_error": None,
            "assumptions": list(self.assumptions),
            "witness": None,
            "symbolic": self.symbolic,
            "service_model": self.service_model,
            "chunk": self.chunk if self.chunk is not None and math.isfinite(self.chunk) else None,
            "cancel_after": self.cancel_after,
            "rules": self.rules,
            "sharper": [bound.to_json() for bound in self.sharper],
        }


def lower_bound(scenario: Scenario, *, restart_time: float = 0.0, sharper: bool = True) -> LowerBound:
    """Return the regret that no path-blind rule with the workers of a scenario can stay below.

    Parameters
    ----------
    scenario
        Inference time, world, workers and what an output serves: one frame, a ``chunk`` of ages, or all frames until a
        fresher one (``default_behaviour`` "repeat"). ``cancel_after`` "auto" allows any cancelling; a number of
        seconds restricts the bound to the rules with that threshold. ``loss`` may be a
        ``MeasuredLoss``. The rule and its options have no part in it.
    restart_time
        Seconds that a worker needs before each start.
    sharper
        Also compute the collision and the phase bound where they apply.

    Raises
    ------
    InputError
        For values out of range, or a scenario without an inference time or a loss.

    Examples
    --------
    >>> found = lower_bound(Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, workers=4))
    >>> round(found.regret_per_frame, 9), found.workers_without_inaction
    (0.273340555, 4)
    """
    loss, notes = _loss_of(as_scenario(scenario, "lower_bound"))
    if scenario.batch_law is not None:
        from .batching import batches_of, lower_bound_of_batches

        batches = batches_of(scenario, "lower bound")
        assert batches is not None
        return lower_bound_of_batches(batches, loss, scenario)
    assert scenario.inference_time is not None  # checked by _loss_of
    law, workers = workers_of_server(scenario.inference_time, scenario.workers)
    shared = scenario.inference_time.server is not None and scenario.workers > 1
    if shared:
        notes += (f"{scenario.inference_time.server}: the bound grants that no request waits",)
    found = lower_bound_of_law(
        law,
        scenario.frame_time,
        loss,
        workers=workers,
        service_model=scenario.service_model,
        chunk=scenario.chunk,
        cancel_after="any" if may_cancel(scenario) else scenario.cancel_after,
        restart_time=restart_time,
        cores=scenario.cores,
        horizon=scenario.horizon,
        sharper=sharper and not shared,  # the sharper bounds need independent workers
    )
    if workers < scenario.workers and found.workers_without_inaction != 1:  # more of them add no answers
        found = replace(found, workers_without_inaction=None)
    notes = (*notes, *scenario.inference_time.caution)
    return replace(found, assumptions=(*found.assumptions, *notes), asked=(scenario, restart_time))


def workers_of_server(law: Law, workers: float) -> tuple[Law, float]:
    """Return a law and a number of independent workers whose lower bound holds for workers that share a server.

    A server that answers in turn does what one worker with its own times does, at observations at most as fresh. An
    answer of a batch takes at least what a batch of one would, and neither workers nor the ages of their outputs gain
    from answers that come together: the bound counts inferences one by one (docs/lower-bound.md).

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> law, workers = workers_of_server(parse_law("serial(0.05, network=0.01)"), 4)
    >>> law.mean(), workers
    (0.05, 1)
    """
    if law.server is None or workers == 1:
        return law, workers
    return own_time(law), 1 if law.server.discipline == "serial" else workers


def may_cancel(scenario: Scenario) -> bool:
    """Whether a rule of the scenario may cancel at any time: it was asked to, or races, which cancel those who lose."""
    return scenario.cancel_after in ("auto", "learned") or scenario.replicas > 1


def _loss_of(scenario: Scenario) -> tuple[AgeLoss, tuple[str, ...]]:
    """Return what a frame loses by the age of its action, and what to say about it."""
    if scenario.inference_time is None and scenario.batch_law is None:
        raise InputError("lower bound needs inference time, and none is given")
    notes: tuple[str, ...] = ()
    ignored = scenario.ignored(("hold", "alignment", "maximum_time", "unused", "age_limit"))
    if ignored:
        words = ", ".join(name.replace("_", " ") for name in ignored)
        notes = (f"not taken into account, since the bound is over all rules: {words}",)
    loss = loss_of(scenario, "lower bound")
    if isinstance(scenario.loss, LossCurve):
        limits = "the measured losses" if scenario.loss.lower_losses is None else "99 % limits of all losses together"
        said = f"a prediction for the policy that was measured, from {limits}: not a bound for every policy"
        return MeasuredLoss.limits_of(scenario.loss), (*notes, "the loss of an action depends on its age alone", said)
    if isinstance(scenario.loss, AgeLoss):
        return loss, (*notes, "the loss of an action depends on its age alone")
    if scenario.mode == "moves" and scenario.service_model == "repeat":
        notes += ("the mode moves: a repeated action is right at one age only, so rules lose more than the bound",)
    return loss, notes


def lower_bound_of_law(
    law: Law,
    frame_time: float,
    loss: AgeLoss,
    *,
    workers: float = 1,
    service_model: str = "once",
    chunk: float | None = None,
    cancel_after: float | str | None = None,
    restart_time: float = 0.0,
    cores: float | None = None,
    learners: int = 0,
    horizon: float | None = None,
    sharper: bool = False,
) -> LowerBound:
    """Return the regret per frame that no path-blind rule can stay below.

    Parameters
    ----------
    law
        Law of the inference time in seconds, the same for every inference whatever the path.
    frame_time
        Seconds of a frame.
    loss
        What a frame loses by the age of its action; a measured curve may fall with the age.
    workers
        N, at least 1; ``inf`` for an unlimited number.
    service_model
        "once": an output serves at most one frame. "chunk": it holds an action for each of the ages 1..``chunk``.
        "repeat": the last action stays until a fresher one comes.
    chunk
        H in frames, for "chunk" only; None for an unlimited chunk.
    cancel_after
        Seconds after which every inference is given up, or "any": the bound over all rules that cancel by elapsed
        time. None: no rule cancels.
    restart_time
        Seconds that a worker needs before each start, at least 0. With "any" it keeps the bound from being vacuous
        where the density of the law is unbounded at zero.
    cores, learners
        C and N_L: with more processes than cores every inference is slower (``realtime.core_slowdown``).
    horizon
        Seconds over which to add the bound up.
    sharper
        Also compute the collision and the phase bound where they apply ("once", a loss that does not fall, no
        cancelling).

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> lower_bound_of_law(parse_law("gamma(4, scale=0.8)"), 1.0, FrameLoss(0.9), workers=4).regret_per_frame
    0.27334055...
    """
    frame = check_frame_time(frame_time)
    count = _check_workers(workers)
    length = chunk_length(service_model, chunk)
    acts = 0.0 if service_model == "repeat" else length  # a frame that repeats an action is one without a new action
    restart = check_gap(restart_time, "restart time")
    if isinstance(cancel_after, str) and cancel_after != "any":
        raise InputError(f"cancel after must be a positive number of seconds or 'any', not {cancel_after!r}")
    threshold = (
        None if cancel_after is None or cancel_after == "any" else check_positive(float(cancel_after), "cancel after")
    )
    notes = ["the rule is path-blind: it never looks at states, observations, outputs or rewards"]
    slower = law
    if cores is not None:
        from .realtime import core_slowdown

        slowdown = core_slowdown(count, cores, learners=learners)
        slower = law.scaled(slowdown)
        notes.append(f"{cores:g} cores shared evenly: everything takes {slowdown:g} times as long")
    notes.append("inference times are independent of each other and of the path")
    if service_model == "repeat":
        notes.append("the last action stays until a fresher one comes; attained at most where the mode stays")
    if restart > 0.0:
        notes.append(f"a worker needs {restart:g} s before each start")
    method: Method = "closed-form" if law.kind != "scipy" else "series"
    rate = math.inf
    if cancel_after == "any":
        notes.append("inferences may be cancelled by their elapsed time, at any mixture of thresholds")
        served, price, vacuous = _served_with_cancelling(slower, frame, loss, count, length, restart)
        if vacuous:
            notes.append("the density of the law is unbounded at zero: without a restart time the bound is vacuous")
        idle = 0.0 if vacuous else max(0.0, 1.0 - _most_completions(slower, frame, count, acts, restart))
    else:
        notes.append(
            "no inference is cancelled" if threshold is None else f"every inference is cancelled after {threshold:g} s"
        )
        rate = arrival_rate(slower, frame, count, cancel_after=threshold, restart_time=restart)
        completed = Completions(slower, frame, threshold)
        served, price = most_served(completed, loss, rate, length)
        idle = max(0.0, 1.0 - _times(rate, completed.ages_below(acts)))
    if not loss.monotone:
        notes.append("the loss curve falls somewhere: an output may wait for a better age")
    found: tuple[SharperBound, ...] = ()
    if sharper and service_model == "once" and cancel_after is None and restart == 0.0 and loss.monotone and rate > 0.0:
        from .sharper_bounds import collision_bound, phase_bound

        candidates = [("collision", collision_bound(slower, frame, loss, count))]
        candidates.append(("phase", phase_bound(slower, frame, loss, count)))
        least = loss.gap_default - served  # which the searches for the price may miss by their precision
        found = tuple(SharperBound(name, max(0.0, value, least)) for name, value in candidates if value is not None)
    formula = None
    if isinstance(loss, FrameLoss) and cancel_after is None and restart == 0.0 and rate > 0.0:
        formula = slower, service_model, length, loss.symbols is not None
    return LowerBound(
        regret_per_frame=max(0.0, loss.gap_default - served),
        inaction_fraction=idle,
        workers_without_inaction=workers_without_inaction(
            law,
            frame,
            service_model=service_model,
            chunk=chunk,
            cancel_after=cancel_after,
            restart_time=restart,
            cores=cores,
            learners=learners,
        ),
        service_model=service_model,  # type: ignore[arg-type]
        chunk=None if service_model == "once" else length,
        workers=count,
        frame_time=frame,
        gap_default=loss.gap_default,
        price=price,
        cancel_after="any" if cancel_after == "any" else threshold,
        assumptions=tuple(notes),
        method=method,
        horizon=None if horizon is None else check_positive(horizon, "horizon"),
        sharper=found,
        formula=formula,
    )


def arrival_rate(
    law: Law, frame_time: float, workers: float, *, cancel_after: float | None = None, restart_time: float = 0.0
) -> float:
    """Return r, the most inferences per frame that the workers can start: N tau_M / (t_restart + E min(T, c)).

    It is 0 where E T is infinite and no inference is cancelled, unless there are as many workers as inferences.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> arrival_rate(parse_law("gamma(4, scale=0.8)"), 1.0, 4)
    1.25
    """
    if workers == math.inf:
        return math.inf
    mean = law.mean() if cancel_after is None else float(law.mean_up_to(cancel_after))
    return workers * frame_time / (mean + restart_time)


def workers_without_inaction(
    law: Law,
    frame_time: float,
    *,
    service_model: str = "once",
    chunk: float | None = None,
    cancel_after: float | str | None = None,
    restart_time: float = 0.0,
    cores: float | None = None,
    learners: int = 0,
) -> int | None:
    """Return the smallest N with r G_inf >= 1, below which every rule leaves frames without an action.

    A frame of "repeat" is without an action if no output acts in it for the first time: G_inf is that of "once".

    Parameters
    ----------
    law, frame_time, service_model, chunk, cancel_after, restart_time, cores, learners
        As for ``lower_bound_of_law``.

    Returns
    -------
    int or None
        None where no number suffices (an output that is always older than its chunk, too few cores).

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> workers_without_inaction(parse_law("expon(scale=2.5)"), 1.0)
    3
    """
    length = 0.0 if service_model == "repeat" else chunk_length(service_model, chunk)

    def reach(workers: int) -> tuple[float, float]:
        """Return r G_inf, and the most it can be for this number of workers or more."""
        slower, sigma = law, 1.0
        if cores is not None:
            from .realtime import core_slowdown

            sigma = core_slowdown(workers, cores, learners=learners)
            slower = law.scaled(sigma)
        if cancel_after == "any":
            value = _most_completions(slower, frame_time, workers, length, restart_time)
        else:
            threshold = None if cancel_after is None else float(cancel_after)
            rate = arrival_rate(slower, frame_time, workers, cancel_after=threshold, restart_time=restart_time)
            value = _times(rate, Completions(slower, frame_time, threshold).ages_below(length))
        return value, math.inf if cores is None else value * max(1.0, cores * sigma / workers)

    first, _ = reach(1)
    if first >= 1.0 - 1e-12:
        return 1
    if first == 0.0:
        return None
    if cores is None:
        return math.ceil(1.0 / first - 1e-9)
    workers = 2
    while workers < _MOST_WORKERS:
        value, most = reach(workers)
        if value >= 1.0 - 1e-12:
            return workers
        if most < 1.0:
            return None
        # r G_inf grows at most in proportion to the workers
        workers = max(workers + 1, math.ceil(workers / value - 1e-9) if value > 0 else _MOST_WORKERS)
    return None


def lower_bounds(
    law: Law,
    frame_time: float,
    mode_probabilities: ArrayLike,
    workers: ArrayLike,
    *,
    service_model: str = "once",
    chunk: float | None = None,
    cancel_after: float | None = None,
    symbols: int | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
) -> NDArray[np.float64]:
    """Return the bound of Theorem A for every pair of a mode probability and a number of workers, compiled.

    Parameters
    ----------
    law, frame_time, service_model, chunk, cancel_after
        As for ``lower_bound_of_law``.
    mode_probabilities
        p per frame, shape (P,): in [0, 1], or [1/K, 1] with ``symbols``.
    workers
        N, whole numbers, shape (N,).
    symbols, gap_default, gap_delay
        As for ``FrameLoss``.

    Returns
    -------
    NDArray[np.float64]
        Shape (P, N), reward per frame.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> lower_bounds(parse_law("gamma(4, scale=0.8)"), 1.0, [0.9, 0.97], [1, 4]).round(6).tolist()
    [[0.785407, 0.273341], [0.720466, 0.089252]]
    """
    frame = check_frame_time(frame_time)
    length = chunk_length(service_model, chunk)
    p = np.ascontiguousarray(mode_probabilities, dtype=np.float64)
    counts = np.ascontiguousarray(workers, dtype=np.float64)
    if p.ndim != 1 or counts.ndim != 1:
        raise InputError(f"mode probabilities and workers must be one-dimensional, not {p.shape} and {counts.shape}")
    for value in counts:
        if not math.isfinite(_check_workers(value)):
            raise InputError("workers of a grid must be finite whole numbers, not inf")
    for value in p:
        check_mode_probability(float(value), symbols)
    g, stake = check_gap(gap_default, "gap of the default behaviour"), check_gap(gap_delay, "gap of a wrong action")
    if symbols is not None:
        p = np.maximum(0.0, (symbols * p - 1.0) / (symbols - 1.0))
        stake *= 1.0 - 1.0 / symbols
    if len(p) == 0 or len(counts) == 0:
        return np.empty((len(p), len(counts)))
    rates = counts * arrival_rate(law, frame, 1, cancel_after=cancel_after)
    moving = p[p < 1.0]
    slowest = FrameLoss(float(moving.max(initial=0.0)), None, g, stake)
    completed = Completions(law, frame, cancel_after)
    _, below = completed.table(slowest, float(rates.min()), length)
    useful = np.full(len(p), math.inf)
    if g < stake:
        with np.errstate(divide="ignore"):
            useful[p < 1.0] = np.ceil(math.log1p(-g / stake) / np.log(moving)) - 1.0
    from . import _kernels

    out = np.empty((len(p), len(counts)))
    _kernels.lower_bound_sweep(below, completed.ages_below(length), rates, p, useful, g, stake, out)
    return out


class Completions:
    """F_j = P(D <= j, T <= c) of a law in frames, and its sums over ages."""

    def __init__(self, law: Law, frame_time: float, cancel_after: float | None) -> None:
        self.law = law
        self.frame_time = frame_time
        self.cancel_after = math.inf if cancel_after is None else cancel_after
        self._pmf: NDArray[np.float64] | None = None
        if law.kind != "scipy" and self.cancel_after == math.inf:
            # times near a boundary count as on it, as everywhere in the package
            pmf = law.frame_pmf(frame_time)
            self._pmf = np.cumsum(pmf) / math.fsum(pmf)

    def up_to(self, last: int) -> NDArray[np.float64]:
        """Return F_0..F_last."""
        if self._pmf is not None:
            padded = np.ones(last + 1)
            size = min(last + 1, len(self._pmf))
            padded[:size] = self._pmf[:size]
            return padded
        edges = np.arange(last + 1, dtype=np.float64) * self.frame_time
        if self.law.kind != "scipy":
            edges *= 1.0 + 1e-12
            edges += 1e-7 * self.frame_time
        values = self.law.cdf(np.minimum(edges, self.cancel_after))
        values[0] = 0.0
        return values

    @property
    def total(self) -> float:
        """P(T <= c)."""
        return 1.0 if self.cancel_after == math.inf else float(self.law.cdf(self.cancel_after))

    def ages_below(self, length: float) -> float:
        """Return G_inf: P(T <= c) for one age (length 0), the sum of F_1..F_H for a chunk."""
        if length == 0:
            return self.total
        if length == math.inf:
            return math.inf if self.total > 0 else 0.0
        return float(self.up_to(int(length))[1:].sum())

    def table(self, loss: AgeLoss, rate: float, length: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return F_j and G_j for j = 0..J, J the first age past which nothing changes.

        That is where the worth of an age has settled, where the law or the chunk has ended, or where r G_j reaches 1.
        """
        end = min(loss.settled_age, math.inf if length == 0 else length, float(LONGEST_PMF))
        if length == 0 and loss.monotone:
            end = min(end, self._last_completion())
        size = 64.0
        while True:
            last = int(max(1.0, min(size, end)))
            F = self.up_to(last)
            G = F if length == 0 else np.cumsum(F)
            full = np.flatnonzero(_times(rate, G) >= 1.0) if loss.monotone else np.empty(0, dtype=np.int64)
            if len(full):
                cut = int(full[0]) + 1
                return F[:cut], G[:cut]
            if last >= end:
                return F, G
            size *= 8.0

    def _last_completion(self) -> float:
        """Return the frames by which all but a probability of 1e-17 of the inferences are over."""
        end = min(self.law.maximum(), self.cancel_after)
        if self.law.kind == "scipy" and end == math.inf:
            end = float(self.law.frozen.isf(_NEGLIGIBLE))  # type: ignore[attr-defined]
        return math.ceil(end / self.frame_time - 1e-7) if math.isfinite(end) else math.inf


def _times(rate: float, below: Any) -> Any:
    """Return r G, 0 where G is 0 even for an unlimited number of workers."""
    G = np.asarray(below, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        product = np.where(np.isinf(G), G, np.where(G > 0.0, rate * G, 0.0))  # an unlimited chunk fills all frames
    return float(product) if product.ndim == 0 else product


def most_served(completed: Completions, loss: AgeLoss, rate: float, length: float) -> tuple[float, float]:
    """Return S of Theorem A and the multiplier y: the most that shares a_j <= r (...) with sum at most 1 can earn.

    The linear programme is a fractional knapsack, so that filling the frames from the best value down solves it.
    """
    F, _ = completed.table(loss, rate, length)
    last = len(F) - 1
    value = loss.worth(np.arange(1, last + 1))
    rest_value = loss.worth_at_infinity if last >= loss.settled_age else float(loss.worth(last + 1))
    if not loss.monotone:
        rest_value = loss.worth_at_infinity  # the table reaches to where a measured curve ends, or a chunk does
        value_above = np.maximum.accumulate(np.append(value, rest_value)[::-1])[::-1]
    if length == 0 and loss.monotone:
        filled, in_all = np.minimum(1.0, _times(rate, F[1:])), min(1.0, _times(rate, completed.total))
        full = np.flatnonzero(np.append(filled, in_all) >= 1.0)
        price = float(np.append(value, rest_value)[full[0]]) if len(full) else 0.0
        return float(earned_by_age(value, rest_value, filled, in_all)), price
    if length == 0:
        value, rest_value = value_above[:-1], max(rest_value, float(value_above[-1]))
        weight, rest = _times(rate, np.diff(F)), _times(rate, max(0.0, completed.total - F[-1]))
    else:
        weight = _times(rate, F[1:])
        rest = 0.0 if last >= length else _times(rate, max(0.0, completed.ages_below(length) - float(F[1:].sum())))
    value, weight = np.append(value, rest_value), np.append(weight, rest)
    order = np.argsort(-value, kind="stable")
    value, weight = value[order], weight[order]
    before = np.concatenate([[0.0], np.cumsum(weight)[:-1]])
    share = np.clip(1.0 - before, 0.0, weight)
    full = np.flatnonzero(before + weight >= 1.0)
    return float(value @ share), float(value[full[0]]) if len(full) else 0.0


def earned_by_age(value: NDArray[np.float64], rest: float, filled: NDArray[np.float64], in_all: Any) -> Any:
    """Return sum_j (v_j - v_{j+1}) A_j + v A, where A_j is the share of frames served at age j or less.

    Parameters
    ----------
    value, rest
        v_1..v_J, and that of all later ages.
    filled, in_all
        A_1..A_J along the last axis, and the share served at any age.

    Examples
    --------
    >>> round(float(earned_by_age(np.array([0.9, 0.81]), 0.0, np.array([0.2, 0.7]), 0.7)), 3)  # .2 * .9 + .5 * .81
    0.585
    """
    return filled @ (value - np.append(value[1:], rest)) + rest * in_all


def _served_with_cancelling(
    law: Law, frame: float, loss: AgeLoss, workers: float, length: float, restart: float
) -> tuple[float, float, bool]:
    """Return S*, the multiplier y and whether the bound is vacuous, over all mixtures of cancelling thresholds."""
    completed = Completions(law, frame, None)
    length = math.inf if length > _LONGEST_DUAL else length  # more ages only lower the bound
    end = loss.settled_age if length in (0, math.inf) else length + 1
    if length == 0 and loss.monotone:
        end = min(end, completed._last_completion())
    last = int(max(1.0, min(end, _LONGEST_DUAL)))
    value = loss.worth(np.arange(1, last + 1))
    if 0 < length < math.inf:
        value[-1] = 0.0  # past the chunk
    limit = loss.worth_at_infinity
    if length == 0 and not loss.monotone:
        value = np.maximum.accumulate(np.append(value, limit)[::-1])[::-1][:-1]
    F = completed.up_to(last)
    if (restart == 0.0 and _unbounded_at_zero(law, frame)) or workers == math.inf:
        best = float(value.max())
        return best, best, workers != math.inf
    rewards: dict[float, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def at(thresholds: NDArray[np.float64]) -> Any:
        """Return the worth above y that one worker earns per frame, as a function of y, for each threshold."""
        frames = np.clip(np.ceil(thresholds / frame - 1e-7), 1, last).astype(np.int64)
        reached = law.cdf(thresholds * (1.0 + 1e-12)) if law.kind != "scipy" else law.cdf(thresholds)
        part = np.maximum(0.0, reached - F[frames - 1])
        cycle = (restart + law.mean_up_to(thresholds)) / frame

        def earned(y: float) -> NDArray[np.float64]:
            if y not in rewards:
                above = np.maximum(0.0, value - y)
                reward = above if length == 0 else np.cumsum(above[::-1])[::-1]
                rewards[y] = reward, np.concatenate([[0.0], np.cumsum(reward * np.diff(F))])
            reward, whole = rewards[y]
            return np.asarray((whole[frames - 1] + reward[frames - 1] * part) / cycle)

        return earned

    thresholds = _thresholds(law, frame, last)
    on_grid = at(thresholds)

    def cost(y: float) -> float:
        return y + workers * float(on_grid(y).max())

    # an unlimited chunk is never worth less than v_inf; past the table its ages are worth at most y
    low, high = (max(limit, float(loss.worth(last + 1))) if length == math.inf else 0.0), float(value.max())
    y = _minimum(cost, low, max(low, high))
    best = float(cost(y))
    if law.kind == "scipy":
        best = max(best, y + workers * _polished(at, on_grid, thresholds, y))
    return min(best, max(low, high)), y, False


def _thresholds(law: Law, frame: float, last: int) -> NDArray[np.float64]:
    """Return thresholds in seconds among which the best one lies, or next to which: every time of a sample."""
    if law.kind != "scipy":
        times = np.unique(getattr(law, "seconds", law.maximum()))
        return np.atleast_1d(times).astype(np.float64)
    fine = np.arange(1, min(last, 32) * _THRESHOLDS_PER_FRAME + 1) / _THRESHOLDS_PER_FRAME
    whole = np.arange(1, min(last, 1024) + 1)
    coarse = np.geomspace(1024, last, 512).round() if last > 1024 else np.empty(0)
    tail = float(law.frozen.isf(_NEGLIGIBLE)) / frame  # type: ignore[attr-defined]
    last_one = [tail if math.isfinite(tail) else 10.0 * last]
    short = 10.0 ** np.arange(-9.0, -1.0)
    grid = np.concatenate([_fastest_start(law, frame), short, fine, whole, coarse, last_one])
    return np.unique(grid) * frame


def _unbounded_at_zero(law: Law, frame: float) -> bool:
    """Whether P(T <= t)/t grows without limit as t goes to zero: whether the density still does at 1e-300 frames."""
    if law.kind != "scipy":
        return False
    nearer, near = np.array([1e-300, 1e-280]) * frame
    with np.errstate(all="ignore"):
        rise = law.frozen.logpdf(nearer) - law.frozen.logpdf(near)  # type: ignore[attr-defined]
    return bool(rise > 1e-4 * math.log(near / nearer))  # False also for a density of 0


def _fastest_start(law: Law, frame: float) -> NDArray[np.float64]:
    """Return thresholds in frames, far below one frame, about the one with the most completions per second."""
    short = 10.0 ** np.arange(-280.0, -1.0, 0.25)
    with np.errstate(all="ignore"):
        rate = law.cdf(short * frame) / short
    best = int(np.nanargmax(rate))
    return short[max(0, best - 8) : best + 9]


def _most_completions(law: Law, frame: float, workers: float, length: float, restart: float) -> float:
    """Return the largest r_c G_inf over thresholds: frames that can be served per frame."""
    if length == math.inf:
        return math.inf
    if restart == 0.0 and _unbounded_at_zero(law, frame):
        return math.inf
    completed = Completions(law, frame, None)
    last = int(max(1.0, min(completed._last_completion(), 4096.0, math.inf if length == 0 else length)))
    thresholds = _thresholds(law, frame, last)
    ages = np.ones(len(thresholds))
    F = law.cdf(thresholds)
    if length > 0:
        edges = np.arange(1, int(length) + 1) * frame
        F = np.array([law.cdf(np.minimum(edges, c)).sum() for c in thresholds])
    return float((workers * frame * ages * F / (restart + law.mean_up_to(thresholds))).max())


def _polished(at: Any, on_grid: Any, thresholds: NDArray[np.float64], y: float) -> float:
    """Return the most that any threshold earns: the best ones of the grid, refined between their neighbours."""
    values = on_grid(y)
    best = float(values.max())
    places = np.argsort(-values)[:4]
    low, high = thresholds[np.maximum(0, places - 1)], thresholds[np.minimum(len(thresholds) - 1, places + 1)]
    for _ in range(8):
        finer = np.linspace(low, high, 17, axis=1)
        here = at(finer.ravel())(y).reshape(finer.shape)
        best = max(best, float(here.max()))
        top, each = here.argmax(axis=1), np.arange(len(places))
        low, high = finer[each, np.maximum(0, top - 1)], finer[each, np.minimum(16, top + 1)]
    return best


def _minimum(cost: Any, low: float, high: float) -> float:
    """Return where a convex function of one variable is least, by golden section."""
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    a, b = low, high
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    at_c, at_d = cost(c), cost(d)
    while b - a > 1e-15 * max(1.0, abs(b)) and d > c:
        if at_c <= at_d:
            b, d, at_d = d, c, at_c
            c = b - ratio * (b - a)
            at_c = cost(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + ratio * (b - a)
            at_d = cost(d)
    return min((low, high, a, 0.5 * (a + b), b), key=cost)


def _check_workers(workers: float) -> float:
    """Return N; raise ``InputError`` unless it is a whole number of at least 1, or ``inf``."""
    return math.inf if workers == math.inf else float(check_count(workers, "workers", 1))


def chunk_length(service_model: str, chunk: float | None) -> float:
    """Return H: 0 for "once", ``inf`` for "repeat" and an unlimited chunk."""
    if service_model not in get_args(ServiceModel):
        raise InputError(f"service model must be one of {', '.join(get_args(ServiceModel))}, not {service_model!r}")
    if chunk is not None and service_model != "chunk":
        raise InputError(f"a chunk of {chunk:g} frames needs the service model 'chunk', not '{service_model}'")
    if service_model == "once":
        return 0.0
    return math.inf if chunk is None or chunk == math.inf else float(check_count(chunk, "chunk", 1))

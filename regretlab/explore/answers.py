"""What the explorer shows of a scenario, computed without the page: rules, lower bound, timeline, plan, words to copy.

A drag of a slider redraws at once what closed forms give within a few milliseconds. What takes longer (integrals, exact
chains, simulations, the plan) follows when the scenario has stopped changing. ``RuleValues`` decides which is which by
the time that a rule took before.
"""

import math
import shlex
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..results import Method, RegretParts
from ..rules import known_rules
from ..scenario import Scenario, frames_of

if TYPE_CHECKING:
    from ..planning.report import Plan
    from ..results import ServiceLaw

__all__ = [
    "LAWS",
    "RuleValue",
    "RuleValues",
    "Timeline",
    "law_text",
    "plan_sentence",
    "scenario_of_query",
    "shape_of_law",
    "timeline",
    "to_command",
    "to_python",
]

LAWS = ("constant", "gamma", "lognorm", "uniform", "expon")
"""Laws that the page draws up from a mean and a spread; any other is typed as text."""
WIDEST_UNIFORM = 0.57
"""Largest spread of a uniform law, 1/sqrt(3) rounded down: its lower end must stay positive."""

_AT_ONCE = 0.025
_SIMULATED_FRAMES = 20_000


def law_text(name: str, mean: float, spread: float) -> str:
    """Return a law as text, from its mean and its coefficient of variation.

    Parameters
    ----------
    name
        One of ``LAWS``.
    mean
        Seconds.
    spread
        Standard deviation over mean; "constant" and "expon" (0 and 1) do not use it.

    Examples
    --------
    >>> law_text("gamma", 0.08, 0.5), law_text("uniform", 0.1, 0.25)
    ('gamma(4, scale=0.02)', 'uniform(0.056699, 0.086603)')
    >>> from regretlab.laws import parse_law
    >>> law = parse_law(law_text("lognorm", 0.08, 0.5))
    >>> round(law.mean(), 5)
    0.08
    """
    if name == "constant":
        return f"{mean:.5g}"
    if name == "expon":
        return f"expon(scale={mean:.5g})"
    if name == "gamma":
        return f"gamma({1 / spread**2:.5g}, scale={mean * spread**2:.5g})"
    if name == "lognorm":
        shape = math.sqrt(math.log1p(spread**2))
        return f"lognorm({shape:.5g}, scale={mean / math.sqrt(1 + spread**2):.5g})"
    half = math.sqrt(3.0) * mean * min(spread, WIDEST_UNIFORM)
    return f"uniform({mean - half:.5g}, {2 * half:.5g})"


def shape_of_law(text: str) -> tuple[str, float, float] | None:
    """Return name, mean and spread of a law that ``law_text`` could have written; None for any other.

    Examples
    --------
    >>> shape_of_law("gamma(4, scale=0.02)"), shape_of_law("weibull_min(2)")
    (('gamma', 0.08, 0.5), None)
    """
    from ..laws import parse_law

    law = parse_law(text)
    name = "constant" if law.kind == "constant" else text.partition("(")[0].strip()
    if name not in LAWS:
        return None
    mean = float(law.mean())
    deviation = float(law.std())
    found = name, float(f"{mean:.5g}"), float(f"{deviation / mean:.4g}")
    again = parse_law(law_text(*found))
    same = abs(again.mean() - mean) <= 1e-3 * mean and abs(float(again.std()) - deviation) <= 1e-3 * mean
    return found if same and abs(again.quantile(0.5) - law.quantile(0.5)) <= 1e-3 * mean else None


@dataclass(frozen=True)
class RuleValue:
    """What a rule loses in a scenario.

    Attributes
    ----------
    rule
        Its name.
    regret
        Per frame, by its causes; None where nothing is computed.
    service
        Who serves the frames.
    method
        Where the figures come from.
    standard_error
        Of the total, if it was simulated.
    missing
        Why there is no figure, in words; empty if there is one.
    alone
        The figures are those of 1 worker, the only number that the rule runs, where the scenario has more.
    """

    rule: str
    regret: RegretParts | None = None
    service: "ServiceLaw | None" = None
    method: Method | None = None
    standard_error: float | None = None
    missing: str = ""
    alone: bool = False


@dataclass
class RuleValues:
    """Values of all rules, those that were fast before at once.

    Attributes
    ----------
    seconds
        Longest time that each rule took lately, and ``lower bound`` for the bound over all rules.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    def at_once(self, scenario: Scenario) -> dict[str, RuleValue]:
        """Return the rules whose closed forms were fast when they were last computed."""
        asked = [rule for rule in known_rules() if self.seconds.get(rule.name, 0.0) < _AT_ONCE]
        return {rule.name: self._value(scenario, rule, simulated=False) for rule in asked}

    def later(self, scenario: Scenario, rule: Any) -> RuleValue:
        """Return the value of a rule however long it takes; a simulation where it has no closed form."""
        return self._value(scenario, rule, simulated=True)

    def _value(self, scenario: Scenario, rule: Any, *, simulated: bool) -> RuleValue:
        from ..simulation import simulate
        from ..theory.realtime import bound

        alone = rule.single_worker and scenario.workers != 1
        if alone and scenario.rule == rule.name:
            return RuleValue(rule.name, missing="runs 1 worker")
        try:
            asked = of_rule(scenario.replace(workers=1) if alone else scenario, rule)
        except InputError as error:
            return RuleValue(rule.name, missing=str(error))
        began = time.perf_counter()
        try:
            report = bound(asked)
            return RuleValue(rule.name, report.regret, report.service, report.method, alone=alone)
        except InputError as error:
            if not simulated:
                return RuleValue(rule.name, missing=str(error))
        finally:
            self.seconds[rule.name] = time.perf_counter() - began
        try:
            found = simulate(asked, frames=_SIMULATED_FRAMES)
        except InputError as error:
            return RuleValue(rule.name, missing=str(error))
        return RuleValue(
            rule.name,
            found.regret,
            found.service,
            "simulation",
            found.regret.standard_errors.get("total"),
            alone=alone,
        )


def of_rule(scenario: Scenario, rule: Any) -> Scenario:
    """Return the scenario with another rule, and with the options of its own rule only for that one."""
    own = scenario.rule == rule.name
    return scenario.replace(
        rule=rule,
        hold=scenario.hold if own else None,
        alignment=scenario.alignment if own else None,
        maximum_time=scenario.maximum_time if rule.takes_maximum_time else None,
        horizon=None,
    )


@dataclass(frozen=True)
class Timeline:
    """The first frames of a run of a rule.

    Attributes
    ----------
    frame_time
        Seconds of a frame.
    ages
        Frames of age of the action in each frame, 0 where the default behaviour acts; shape (F,).
    worker, start, completion, release, effect
        Of each inference: its worker, its times in seconds, and the frame in which its output acts (-1: none).
    note
        What the timeline leaves out; empty if nothing.
    """

    frame_time: float
    ages: NDArray[np.int64]
    worker: NDArray[np.int64]
    start: NDArray[np.float64]
    completion: NDArray[np.float64]
    release: NDArray[np.float64]
    effect: NDArray[np.int64]
    note: str


def timeline(scenario: Scenario, *, frames: int = 60, seed: int = 0) -> Timeline:
    """Return the first frames of a run from an idle start, played by the rule's own transitions.

    Examples
    --------
    >>> drawn = timeline(Scenario(2.5, frame_time=1, rule="sequential", mode_probability=0.9), frames=10)
    >>> drawn.ages.tolist(), drawn.effect.tolist()
    ([0, 0, 0, 3, 0, 0, 3, 0, 0, 3], [3, 6, 9, -1])
    """
    from ..rules import store
    from ..simulation.recorded import simulated_log
    from ..theory.loss import limit_of, loss_of

    options = ["cancel_after", "replicas", "batch_law"]
    if scenario.service_model == "once":
        options += ["unused", "age_limit"]
    left_out = [name for name in options if name in scenario.changed]
    limit = int(min(store.NO_LIMIT, limit_of(scenario, loss_of(scenario, "the timeline"))))
    log, setting, _ = simulated_log(_without(scenario, left_out), frames=frames, seed=seed)
    served, begun = log.frames["delay_frames"], log.inferences
    ages = np.where(served > 0, served, 0).astype(np.int32)
    if setting.lasts or setting.repeats:
        store.in_force(ages, frames, np.zeros(2, np.int64), limit, False)
    return Timeline(
        frame_time=scenario.frame_time,
        ages=ages.astype(np.int64),
        worker=begun["worker"].astype(np.int64),
        start=begun["dispatch"],
        completion=begun["completion"],
        release=begun["release"],
        effect=np.where(begun["overwritten"], -1, begun["effect_frame"]).astype(np.int64),
        note=", ".join(name.replace("_", " ") for name in left_out),
    )


def _without(scenario: Scenario, names: Collection[str]) -> Scenario:
    return Scenario.from_json({name: value for name, value in scenario.to_json().items() if name not in names})


def plan_sentence(plan: "Plan") -> str:
    """Return a plan in one sentence."""
    if plan.rule is None:
        return "Let the default behaviour act: no rule loses less than it does."
    workers = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
    words = f"Run {plan.rule} with {workers}"
    if plan.hold is not None:
        words += f", outputs held to {frames_of(plan.hold)}"
    total = plan.regret.total
    words += f": it loses {total:.4g} per frame"
    if plan.lower_bound is not None and plan.lower_bound.regret_per_frame > 0:
        ratio = total / plan.lower_bound.regret_per_frame
        words += f", {ratio:.2f} times the lower bound over all rules with these workers"
    return words + "."


def to_command(scenario: Scenario, command: str = "bound") -> str:
    """Return the command line that answers for a scenario.

    Examples
    --------
    >>> to_command(Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6))
    "regretlab bound --inference-time 'gamma(4, scale=0.02)' --mode-probability 0.95 --workers 6"
    """
    said = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in scenario.to_json().items()]
    return " ".join([f"regretlab {command}", *said])


def to_python(scenario: Scenario) -> str:
    """Return the Python that answers for a scenario.

    Examples
    --------
    >>> print(to_python(Scenario(0.1, mode_probability=0.95, workers=6)))
    import regretlab as rl
    <BLANKLINE>
    scenario = rl.Scenario(inference_time='0.1', mode_probability=0.95, workers=6)
    rl.bound(scenario), rl.lower_bound(scenario), rl.compare(scenario)
    """
    said = ", ".join(f"{name}={value!r}" for name, value in scenario.to_json().items())
    return (
        f"import regretlab as rl\n\nscenario = rl.Scenario({said})\n"
        "rl.bound(scenario), rl.lower_bound(scenario), rl.compare(scenario)"
    )


def scenario_of_query(query: Mapping[str, Any], default: Scenario) -> Scenario:
    """Return the scenario that the query of an address describes: names of fields, values as text.

    Raises
    ------
    InputError
        For an unknown name or a value that is not allowed.

    Examples
    --------
    >>> scenario_of_query({"workers": "4", "inference_time": "0.1"}, Scenario(0.2)).workers
    4
    """
    return Scenario.from_json(default.to_json() | {name: value for name, value in query.items() if value != ""})

"""The value of a rule in any service model: its closed form, the exact chain, or a simulation to a stated precision."""

import math
from dataclasses import replace

import numpy as np

from ..laws.law import LongTailError
from ..results import ServiceLaw
from ..rules import UNSTAGGERED, get_rule
from ..rules.service.service import NoClosedForm
from ..scenario import Scenario, as_scenario
from ..simulation import SimulationResult, simulate
from ..theory.learning import LearningPart
from ..theory.loss import loss_of
from ..theory.realtime import bound as closed_form
from ..theory.realtime import law_on_cores, workers_for_every_frame
from ..theory.report import RegretReport

__all__ = ["bound", "fewest_without_inaction", "never_served", "simulated"]

PRECISION = 1e-3
"""Standard error of the regret per frame that a simulation goes on for, as a share of the larger gap."""
_COUNTED_FRAMES, _EACH_NUMBER = 20_000, 20
_FEWEST_FRAMES = 100_000
_MOST_FRAMES = 1_600_000


def bound(scenario: Scenario, *, learning: LearningPart | None = None) -> RegretReport:
    """Return the regret that inference time forces on an agent: the value of the scenario's rule in its world.

    Where the rule has no closed form in this service model it is simulated (``method`` "simulation", with a standard
    error), in eight replications of 100,000 frames or more, up to 1,600,000, until the standard error is at most a
    thousandth of the larger gap.

    Parameters
    ----------
    scenario
        Inference time, world, workers, rule and what becomes of outputs. ``hold`` not given, or "auto", is the hold of
        least regret for its gaps.
    learning
        What has to be learned, and who learns; None leaves the learning part out.

    Returns
    -------
    RegretReport
        Parts, total, assumptions, witness, method, and the lower bound over all rules in the same service model.

    Raises
    ------
    InputError
        For values out of range, a field that is not taken into account, or a condition of the learning bound that is
        not met.

    Examples
    --------
    >>> kept = Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.97, workers=4, unused="keep")
    >>> report = bound(kept)
    >>> report.method, abs(report.regret.total - 0.1252) < 0.005, round(report.lower_bound.regret_per_frame, 4)
    ('simulation', True, 0.0893)
    """
    if as_scenario(scenario, "bound").never_completes:
        return never_served(scenario, learning)
    try:
        return _counted(closed_form(scenario, learning=learning), learning)
    except (NoClosedForm, LongTailError) as reason:
        why = str(reason).removesuffix(": simulate it")
    learners = 0 if learning is None else learning.learners or 0
    found, scaled = simulated(scenario, learners), _on_cores(scenario, learners)
    error = found.standard_errors["regret_per_frame"]["total"]
    precision = "" if error is None else f", for a standard error of {error:.2g}"
    said = f"{why}: {found.frames:,} frames were simulated{precision}"
    service = replace(found.service, assumptions=(*found.service.assumptions, said))
    hold = found.scenario.hold if get_rule(scenario.rule).holds else scenario.hold
    report = closed_form(scaled.replace(hold=hold), learning=learning, service=service, standard_error=error)
    measured = replace(found.regret, learning=report.regret.learning)
    return _counted(replace(report, regret=measured, scenario=scenario, service_given=False), learning)


def never_served(scenario: Scenario, learning: LearningPart | None) -> RegretReport:
    """Return the report of inferences without a mean, none of which is cancelled: r = 0, as Theorem A has it.

    The share of frames that are served at any age or less vanishes under every rule. A repeated action and an unlimited
    chunk still act, ever older.

    Parameters
    ----------
    scenario, learning
        As for ``bound``.

    Examples
    --------
    >>> never_served(Scenario("pareto(0.9)", frame_time=1, mode_probability=0.9), None).regret.total
    1.0
    """
    rule, loss = get_rule(scenario.rule), loss_of(scenario, "bound")
    rule.check_workers(scenario.workers)
    lasts, repeats = scenario.chunk == math.inf, scenario.service_model == "repeat"
    service = ServiceLaw(
        rule.name, scenario.workers, scenario.frame_time, 0.0 if lasts else 1.0, np.zeros(1), "closed-form",
        assumptions=("the mean inference time is infinite and none is cancelled: actions get older without limit",),
    )  # fmt: skip
    report = closed_form(_on_cores(scenario), learning=learning, service=service)
    lost = loss.limit if repeats else loss.gap_default - (loss.worth_at_infinity if lasts else 0.0)
    parts = replace(report.regret, inaction=0.0 if lasts else lost, delay=lost if lasts else 0.0)
    return replace(report, regret=parts, scenario=scenario, service_given=False)


def _counted(report: RegretReport, learning: LearningPart | None) -> RegretReport:
    """Return a report with the workers for zero inaction from simulations where no closed form gives them."""
    asked = report.scenario
    if asked.batch_law is not None:
        return report
    scaled = _on_cores(asked, 0 if learning is None else learning.learners or 0)
    assert scaled.inference_time is not None
    try:
        workers_for_every_frame(scaled.inference_time, scaled, loss_of(asked, "bound"))
    except NoClosedForm:
        return replace(report, workers_for_zero_inaction=fewest_without_inaction(scaled))
    return report


def fewest_without_inaction(scenario: Scenario) -> int | None:
    """Return the fewest workers with which 20,000 simulated frames all have an action; None up to twice the longest.

    Parameters
    ----------
    scenario
        Rule and what becomes of outputs; a law without an upper end is tried up to twice its mean.

    Examples
    --------
    >>> nearly_constant = Scenario("uniform(2.45, 0.1)", frame_time=1, mode_probability=0.9, rule="expected-time")
    >>> fewest_without_inaction(nearly_constant)
    3
    """
    law, rule, replicas = scenario.inference_time, get_rule(scenario.rule), scenario.replicas
    assert law is not None
    end = law.maximum()
    longest = end if math.isfinite(end) else law.mean()
    if math.isinf(longest):
        longest = law.quantile(0.5)
    alone = rule.single_worker or ((rule.independent or rule == UNSTAGGERED) and scenario.unused == "drop")
    most = 1 if alone else 2 * math.ceil(longest / scenario.frame_time) + 2

    def serves_all(groups: int) -> bool:
        asked = scenario.replace(workers=groups * replicas, horizon=None)
        found = simulate(asked, frames=_COUNTED_FRAMES, replications=1, threads=1, batches=1)
        return found.inaction_fraction == 0.0

    if most <= _EACH_NUMBER:  # more workers may miss frames that fewer serve, where starts fall out of step with frames
        return next((groups * replicas for groups in range(1, most + 1) if serves_all(groups)), None)
    low, high = 0, most
    if not serves_all(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if serves_all(middle) else (middle, high)
    return high * replicas


def simulated(scenario: Scenario, learners: int = 0) -> SimulationResult:
    """Return a simulation that goes on until the standard error of the regret is a thousandth of the larger gap.

    Parameters
    ----------
    scenario
        As for ``bound``.
    learners
        Processes next to the workers on the same cores.
    """
    scaled = _on_cores(scenario, learners)
    gap = scenario.gap_default if scenario.loss is None else loss_of(scenario, "bound").gap_default
    wanted = PRECISION * max(gap, scenario.gap_delay if scenario.loss is None else 0.0)
    frames = _FEWEST_FRAMES
    while True:
        found = simulate(scaled.replace(horizon=None), frames=frames)
        error = found.standard_errors["regret_per_frame"]["total"]
        if frames >= _MOST_FRAMES or (error is not None and error <= wanted):
            break
        frames *= 4
    return found


def _on_cores(scenario: Scenario, learners: int = 0) -> Scenario:
    """Return the scenario as slow as its cores make it."""
    if scenario.cores is None:
        return scenario
    return scenario.replace(inference_time=law_on_cores(scenario, learners)[0], cores=None)

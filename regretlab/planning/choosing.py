"""The plan: which rule, how many workers, how long to hold, what is left of the regret, and what binds.

Every rule with a closed form is scanned over its number of workers (and its hold); the least regret plus cost wins, the
fewest workers among equals. Not acting is always one of the choices. With a target the cheapest candidate within it
wins instead.
"""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from ..laws.measured import MeasuredSlowdown
from ..results import Method, RegretParts, Result, ServiceLaw, flattened, listed
from ..rules import get_rule, known_rules
from ..rules.rule import Alignment, StaggeringRule
from ..scenario import Scenario, as_scenario
from ..theory.checks import check_count, check_gap, check_positive
from ..theory.loss import FrameLoss
from .candidates import Candidate, Machine, candidate_in_words, worker_numbers
from .candidates import most_workers as most_workers_for
from .inference_time import largest_factor
from .model_size import PowerLaw, best_model_size, parse_power_law
from .regime import Regime, regime_of
from .scan import Scan, choose

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Binding", "Plan", "plan"]

Binding = Literal["stochasticity", "workers", "cores"]

_CHOSEN = ("rule", "workers", "hold", "alignment", "horizon")
_USES = ("frame_time", "symbols", "gap_default", "gap_delay", "maximum_time", "cores")

_Choice = tuple[StaggeringRule, Alignment | None]
"""A rule and where its starts lie; None for the rule's only way."""


@dataclass(frozen=True, repr=False)
class Plan(Result):
    """What to run, and why not something else.

    Attributes
    ----------
    rule
        Staggering rule; None for not acting.
    workers
        N; 0 for not acting.
    hold
        Frames outputs are held to, for the rule that holds; else None.
    alignment
        Where starts lie; None for the rule's only way.
    regime
        "asynchronous", "sequential" or "do-not-act".
    regret
        Expected regret per frame, split.
    cost
        Of the workers, reward per frame.
    binds
        What keeps the regret from being less: "stochasticity" (the world moves on during inference: more workers would
        not help), "workers" (their number, or what they cost), "cores" (they slow each other down).
    largest_inference_time
        Seconds: the largest mean of an inference time of this shape at which the delay part stays within the target and
        serving every frame is worth its workers; None without limit.
    model_size
        In the units of the scaling law: with a quality law the size of least regret, else the largest within
        ``largest_inference_time``; None without a scaling law, without limit, or where no size is worth running.
    target_regret, meets_target
        eta, and whether the plan's regret is within it; None without a target.
    service
        Who serves the frames; None for not acting.
    method
        Where the figures come from.
    alternatives
        The best of each rule, and not acting.
    assumptions
        What must hold.
    scenario
        The scenario asked about, with what the plan chose in it; None for not acting.
    ignored
        Fields of the scenario asked about that the plan does not use, because it chooses them.
    model_size_words
        The model size as text, which distinguishes no limit from no size; None without a scaling law.
    """

    rule: str | None
    workers: float
    hold: int | None
    alignment: str | None
    regime: Regime
    regret: RegretParts
    cost: float
    binds: Binding
    largest_inference_time: float | None
    model_size: float | None
    target_regret: float | None
    meets_target: bool | None
    service: ServiceLaw | None = field(repr=False)
    method: Method
    alternatives: tuple[Candidate, ...] = field(repr=False)
    assumptions: tuple[str, ...] = field(repr=False)
    scenario: Scenario | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = field(default=(), repr=False)
    model_size_words: str | None = field(default=None, repr=False)

    @property
    def total(self) -> float:
        """Regret and cost per frame."""
        return self.regret.total + self.cost

    @property
    def title(self) -> str:
        """What to do, in one line."""
        return f"plan: {self.regime.replace('-', ' ')}, {self.in_words()}"

    def in_words(self) -> str:
        """Return rule, workers, hold and alignment in words."""
        return candidate_in_words(self)

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        facts = [("play", self.regime.replace("-", " "))]
        if self.rule is not None:
            facts.append(("with", self.in_words()))
        facts += [
            ("regret per frame", self.regret.words()),
            ("cost per frame", f"{self.cost:.6g}"),
            ("what binds", self.binds),
        ]
        if self.meets_target is not None:
            met = "met" if self.meets_target else "not met"
            facts.append(("target", f"{self.target_regret:g} per frame: {met}"))
        slowest = "no limit" if self.largest_inference_time is None else f"{self.largest_inference_time:.6g} s"
        facts.append(("largest mean inference time", slowest))
        if self.model_size_words is not None:
            facts.append(("model size", self.model_size_words))
        others = sorted(self.alternatives, key=lambda candidate: candidate.total)
        if self.ignored:
            facts.append(("chosen anew", f"{', '.join(self.ignored)} of the scenario"))
        return [
            *facts,
            *listed("regret and cost of each", [f"{each.total:.6g}  {candidate_in_words(each)}" for each in others]),
            ("method", self.method),
            *listed("assuming", self.assumptions),
        ]

    def _bars(self) -> list[tuple[str, RegretParts]]:
        others = sorted(self.alternatives, key=lambda candidate: candidate.total)
        return [(candidate_in_words(each), each.regret) for each in others]

    def to_frame(self) -> "pd.DataFrame":
        """Return the best of each rule, and not acting, as a ``pandas.DataFrame``, the least regret and cost first."""
        import pandas as pd

        others = sorted(self.alternatives, key=lambda candidate: candidate.total)
        return pd.DataFrame([flattened(each.to_json()) for each in others])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the command line prints it."""
        return {
            "workers": None if self.workers == math.inf else int(self.workers),
            "hold": self.hold,
            "rule": self.rule,
            "alignment": self.alignment,
            "largest_inference_time": self.largest_inference_time,
            "regime": self.regime,
            "model_size": self.model_size,
            "regret_per_frame": self.regret.to_json(),
            "cost_per_frame": self.cost,
            "binds": self.binds,
            "target_regret": self.target_regret,
            "meets_target": self.meets_target,
            "inaction_fraction": 1.0 if self.service is None else self.service.inaction_fraction,
            "method": self.method,
            "alternatives": [candidate.to_json() for candidate in self.alternatives],
            "assumptions": list(self.assumptions),
        }


def plan(
    scenario: Scenario,
    *,
    rule: str | StaggeringRule | None = None,
    workers: float | str | None = None,
    hold: int | str | None = None,
    alignment: str | None = None,
    worker_cost: float = 0.0,
    target_regret: float | None = None,
    scaling: str | PowerLaw | None = None,
    quality: str | PowerLaw | None = None,
    learners: int = 0,
    contention: float | MeasuredSlowdown = 0.0,
    most_workers: int | None = None,
    tolerance: float = 1e-6,
) -> Plan:
    """Return the cheapest way to play: rule, workers, hold, or not at all.

    Parameters
    ----------
    scenario
        Inference time of a lone worker, and the world. Its rule, workers, hold and alignment are not used, because the
        plan chooses them; ``ignored`` lists those it had.
    rule, workers, hold, alignment
        Fix what is not to be chosen.
    worker_cost
        c, reward per worker and frame.
    target_regret
        eta, reward per frame: the cheapest plan within it is taken, and the largest inference time keeps to it.
    scaling
        Inference time in seconds of a model of size m, "a*m**b".
    quality
        What a model of size m loses without delay, reward per frame, "c*m**-alpha".
    learners
        N_L, learner processes on the same cores.
    contention
        chi: each further worker makes all slower by this share of the lone worker's time; or times measured under
        several numbers of workers.
    most_workers
        Largest number of workers to consider; by default as many as fill every frame under any rule, or with a cost as
        many as can be worth it.
    tolerance
        Candidates closer than this in regret and cost count as equal.

    Returns
    -------
    Plan
        With the best of each rule as ``alternatives``, and as ``scenario`` what to run.

    Raises
    ------
    InputError
        For values out of range, or a fixed rule without a closed form.

    References
    ----------
    Derived in docs/theory ("Design answers").

    Examples
    --------
    >>> found = plan(Scenario(3.2, frame_time=1, mode_probability=0.9), worker_cost=0.02)
    >>> found.regime, found.rule, found.workers, found.binds
    ('asynchronous', 'max-time', 4, 'stochasticity')
    """
    as_scenario(scenario, "plan").check("plan", needs=("inference_time", "mode_probability"), uses=(*_USES, *_CHOSEN))
    law, frame_time, gap_default = scenario.inference_time, scenario.frame_time, scenario.gap_default
    assert law is not None
    loss = FrameLoss(scenario.mode_probability or 0.0, scenario.symbols, gap_default, scenario.gap_delay)
    machine = Machine(
        frame_time,
        check_gap(worker_cost, "worker cost"),
        scenario.cores,
        check_count(learners, "learners", 0),
        contention if isinstance(contention, MeasuredSlowdown) else check_gap(contention, "contention"),
        scenario.maximum_time,
    )
    if target_regret is not None:
        check_positive(target_regret, "target regret")
    check_positive(tolerance, "tolerance")
    fixed = {"rule": rule, "workers": workers, "hold": hold, "alignment": alignment}
    asked = Scenario(**{name: value for name, value in fixed.items() if value is not None})
    number, hold = None if workers is None else asked.workers, asked.hold
    if number == math.inf and (machine.cores is not None or machine.contention or machine.worker_cost):
        raise InputError("an unlimited pool has no cores to share and no cost: give a finite number of workers")
    choices = _choices(rule, number, hold, alignment)
    fixed_hold = None if hold in (None, "auto") else int(hold or 0)
    most = (
        most_workers_for(law, machine, gap_default)
        if most_workers is None
        else check_count(most_workers, "most workers", 1)
    )
    numbers = [float(number)] if number is not None else [float(n) for n in worker_numbers(law, machine, most)]
    idle = Candidate(None, 0, None, None, RegretParts(loss.gap_default, 0.0), 0.0, None)
    scan = Scan(law, loss, machine.frame_time, tolerance)
    found = [
        scan.best(machine, chosen, numbers, hold=fixed_hold, alignment=aligned, target=target_regret)
        for chosen, aligned in choices
    ]
    tried = [candidate for candidate in found if candidate is not None]
    if not tried:
        raise InputError(f"rule '{rule}' has no closed form for inference time {law.text}: simulate it")
    best = choose([idle, *tried], target_regret, tolerance)
    factor = largest_factor(law, frame_time, loss, target_regret=target_regret, worker_cost=machine.worker_cost)
    largest = law.mean() * factor if math.isfinite(factor) else None
    size, size_words = _model_size(scaling, quality, loss, machine.frame_time, largest)
    return Plan(
        rule=best.rule,
        workers=best.workers if best.workers == math.inf else int(best.workers),
        hold=best.hold,
        alignment=best.alignment,
        regime=regime_of(best.rule is not None, best.workers),
        regret=best.regret,
        cost=best.cost,
        binds=_binding(scan, machine, best, choices, fixed_hold, most),
        largest_inference_time=largest,
        model_size=size,
        target_regret=target_regret,
        meets_target=None if target_regret is None else best.regret.total <= target_regret + tolerance,
        service=best.service,
        method="closed-form" if best.service is None else best.service.method,
        alternatives=(idle, *tried),
        assumptions=_assumptions(best, machine, scaling, quality, target_regret),
        scenario=None if best.rule is None else _chosen(scenario, best),
        ignored=scenario.ignored(_CHOSEN),
        model_size_words=size_words,
    )


def _chosen(scenario: Scenario, best: Candidate) -> Scenario:
    """Return the scenario with the rule, workers, hold and alignment of a candidate."""
    return scenario.replace(rule=best.rule, workers=best.workers, hold=best.hold, alignment=best.alignment)


def _ways(rule: StaggeringRule) -> list[_Choice]:
    """Return the rule with each alignment it allows, starts on frames first."""
    return [(rule, aligned) for aligned in sorted(rule.alignments)] if len(rule.alignments) > 1 else [(rule, None)]


def _choices(
    rule: str | StaggeringRule | None, workers: float | None, hold: int | str | None, alignment: str | None
) -> list[_Choice]:
    """Return the rules and alignments to scan."""
    if rule is not None:
        chosen = get_rule(rule)
        if workers is not None:
            chosen.check_workers(workers)
        if hold is not None and not chosen.holds:
            raise InputError(f"rule '{chosen}' has no hold, and {hold!r} is given")
        return _ways(chosen) if alignment is None else [(chosen, chosen.choose_alignment(alignment))]
    choices = [
        (known, aligned)
        for known in known_rules()
        if known.is_planned and (hold is None or known.holds) and (workers in (None, 1) or not known.single_worker)
        for _, aligned in _ways(known)
        if alignment is None or alignment == (aligned or known.alignments[0])
    ]
    if not choices:
        raise InputError(f"no rule allows alignment {alignment!r} with hold {hold!r}")
    return choices


def _binding(
    scan: Scan, machine: Machine, best: Candidate, choices: list[_Choice], hold: int | None, most: int
) -> Binding:
    """Return what keeps the regret up: lift the cores, then the number and cost of workers, and see what helps."""
    rules = [choice for choice in choices if not choice[0].single_worker] or choices
    margin = 10 * scan.tolerance

    def least(freed: Machine, limit: int) -> float:
        numbers = [float(n) for n in worker_numbers(scan.law, freed, limit)]
        found = [scan.best(freed, name, numbers, hold=hold, alignment=aligned) for name, aligned in rules]
        return min([scan.loss.gap_default, *(c.total for c in found if c is not None)])

    freed = replace(machine, cores=None, contention=0.0)
    if freed != machine and least(freed, most) < best.total - margin:
        return "cores"
    free = replace(freed, worker_cost=0.0)
    enough = 2 * max(most, most_workers_for(scan.law, free, scan.loss.gap_default))
    return "workers" if least(free, enough) < best.regret.total - margin else "stochasticity"


def _model_size(
    scaling: str | PowerLaw | None,
    quality: str | PowerLaw | None,
    loss: FrameLoss,
    frame_time: float,
    largest: float | None,
) -> tuple[float | None, str | None]:
    """Return the model size and how the plan words it."""
    if scaling is None:
        if quality is not None:
            raise InputError("a quality law needs a scaling law: how inference time grows with model size")
        return None, None
    time = parse_power_law(scaling) if isinstance(scaling, str) else scaling
    if not time.exponent > 0:
        raise InputError(f"inference time must grow with model size (exponent above 0), not {time.exponent!r}")
    if quality is None:
        if largest is None:
            return None, "no limit"
        if largest == 0:
            return 0.0, "none: even an inference within one frame is too slow"
        size = time.inverse(largest)
        return size, f"{size:.6g}"
    lost = parse_power_law(quality, "quality") if isinstance(quality, str) else quality
    found = best_model_size(loss.decay, time.over(frame_time), lost.over(loss.stake))
    if found.regret * loss.stake >= loss.gap_default:
        return None, "none: no size loses less than the default behaviour"
    if found.size == math.inf:
        return None, "no limit: late actions lose less than the default behaviour, and larger models ever less"
    return found.size, f"{found.size:.6g}"


def _assumptions(
    best: Candidate, machine: Machine, scaling: object, quality: object, target_regret: float | None
) -> tuple[str, ...]:
    notes = [] if best.service is None else list(best.service.assumptions)
    notes.append("the gap of the default behaviour is constant, and the agent knows the environment")
    if machine.contention and best.workers > 1:
        notes.append(
            "contention: all workers infer all the time; those that wait for a frame slow each other down less"
        )
    if quality is not None:
        notes.append("model size: every frame served, delay in continuous time, the quality gap adds to the delay part")
    elif scaling is not None:
        notes.append("model size: the largest within the largest inference time, by its mean")
    if target_regret is not None:
        notes.append("the target is for the regret per frame; the largest inference time holds the delay part to it")
    return tuple(notes)
